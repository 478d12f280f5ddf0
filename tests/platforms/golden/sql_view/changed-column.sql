DROP VIEW v_ho_so;
CREATE VIEW v_ho_so AS SELECT ma_ho_so, ma_tthc, ten_tthc, ma_linh_vuc, kenh_thuc_hien, loai_doi_tuong, ten_chu_ho_so AS ho_ten, so_giay_to, ma_don_vi, don_vi_xu_ly, ngay_nop, ngay_tiep_nhan, ngay_ket_thuc, ngay_tra, trang_thai, da_xoa, ngay_cap_nhat FROM ho_so;

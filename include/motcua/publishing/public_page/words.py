"""What the look-up tells a citizen about a dossier, by status: the words officials use, and what happens next."""

from __future__ import annotations

from motcua.domain.status import STATUS_NAMES, Status

NEXT = {
    Status.NEW: "Bộ phận một cửa kiểm tra hồ sơ, rồi tiếp nhận hoặc cho biết lý do chưa tiếp nhận.",
    Status.RECEIVED: "Hồ sơ được chuyển cho bộ phận chuyên môn giải quyết. Ông/bà chưa phải làm gì thêm.",
    Status.REFUSED: "Hỏi Bộ phận một cửa lý do hồ sơ không được tiếp nhận và cách nộp lại.",
    Status.IN_PROGRESS: "Cơ quan giải quyết xong sẽ chuyển kết quả về Bộ phận một cửa. Ông/bà chưa phải làm gì thêm.",
    Status.SUPPLEMENT: "Ông/bà cần bổ sung giấy tờ theo yêu cầu của cơ quan. Thời gian chờ bổ sung không tính vào thời "
    "hạn giải quyết; ngày hẹn trả được tính lại sau khi bổ sung.",
    Status.PAYMENT: "Ông/bà cần nộp thuế, phí hoặc lệ phí theo thông báo; sau đó hồ sơ được giải quyết tiếp.",
    Status.WITHDRAWN: "Hồ sơ đã được rút theo yêu cầu. Nếu vẫn cần làm thủ tục, ông/bà nộp hồ sơ mới.",
    Status.STOPPED: "Hỏi Bộ phận một cửa lý do dừng xử lý và việc cần làm tiếp.",
    Status.DONE: "Đã có kết quả. Mang giấy tiếp nhận và hẹn trả kết quả đến Bộ phận một cửa để nhận; nếu đã đăng ký "
    "nhận qua bưu điện thì chờ bưu điện phát.",
    Status.RETURNED: "Kết quả đã được trả. Không còn việc gì phải làm.",
}
# Said after the status where the clock is running or has stopped; of other classes the status says it all.
PUNCTUALITY = {
    "early": "trước hạn",
    "on_time": "đúng hạn",
    "overdue": "quá hạn",
    "within_time": "còn trong hạn",
    "due_soon": "sắp đến hạn",
    "open_overdue": "đã quá hạn",
}
# A dossier with one of these lies nowhere any more.
SETTLED = (Status.REFUSED, Status.WITHDRAWN, Status.RETURNED)
# Owed when a dossier is late: Decree 61/2018/NĐ-CP, article 19, paragraph 9.
APOLOGIES = {
    "open_overdue": "Hồ sơ này đã quá ngày hẹn trả. Thành phố xin lỗi ông/bà. Cơ quan giải quyết phải có văn bản xin "
    "lỗi và hẹn lại ngày trả kết quả; nếu chưa nhận được, ông/bà hãy hỏi Bộ phận một cửa.",
    "overdue": "Hồ sơ này được giải quyết chậm hơn ngày hẹn. Thành phố xin lỗi ông/bà vì sự chậm trễ.",
}
WORDS: dict[str, object] = {
    "status": {int(code): name for code, name in STATUS_NAMES.items()},
    "punctuality": PUNCTUALITY,
    "settled": [int(code) for code in SETTLED],
    "next": {int(code): sentence for code, sentence in NEXT.items()},
    "apology": APOLOGIES,
}

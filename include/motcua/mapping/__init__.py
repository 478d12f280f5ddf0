"""Page records to the canonical frames: one declarative spec a platform, applied by column."""

from motcua.mapping.derive import derive
from motcua.mapping.frames import MappedBatch, PageRecords, map_records
from motcua.mapping.igate import IGATE
from motcua.mapping.lgsp import LGSP
from motcua.mapping.oss_soap import OSS_SOAP
from motcua.mapping.sftp_register import SFTP_REGISTER
from motcua.mapping.spec import Record, Spec
from motcua.mapping.sql_view import SQL_VIEW

SPECS = {spec.platform: spec for spec in (IGATE, LGSP, OSS_SOAP, SQL_VIEW, SFTP_REGISTER)}

__all__ = ["SPECS", "MappedBatch", "PageRecords", "Record", "Spec", "derive", "map_records"]

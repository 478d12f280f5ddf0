"""How bytes come in: one module a platform, one protocol for all."""

from motcua.platforms.base import Listing, PageRef, Platform, Window
from motcua.platforms.igate import Igate
from motcua.platforms.lgsp import Lgsp
from motcua.platforms.oss_soap import OssSoap
from motcua.platforms.sftp_register import SftpRegister
from motcua.platforms.sql_view import SqlView

# typed as the protocol: an adapter that does not fit is refused by the type checker here
_ALL: tuple[Platform, ...] = (Igate(), Lgsp(), OssSoap(), SqlView(), SftpRegister())
PLATFORMS = {platform.name: platform for platform in _ALL}

__all__ = ["PLATFORMS", "Listing", "PageRef", "Platform", "Window"]

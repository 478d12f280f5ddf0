"""Where bytes wait: the write-once archive of raw pages and the frames between stages, both sealed at rest."""

from motcua.landing.archive import Archive
from motcua.landing.seal import archive_key
from motcua.landing.staging import Staging, forget_parts

__all__ = ["Archive", "Staging", "archive_key", "forget_parts"]

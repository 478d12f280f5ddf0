"""Where bytes wait: the write-once archive of raw pages and the frames between stages, both sealed at rest."""

from motcua.landing.archive import Archive, Redacted, StoredPages
from motcua.landing.ledgers import KeptLedgers
from motcua.landing.seal import archive_keys, rotate_own_key
from motcua.landing.staging import Staging, forget_parts

__all__ = [
    "Archive", "KeptLedgers", "Redacted", "Staging", "StoredPages", "archive_keys", "forget_parts", "rotate_own_key",
]  # fmt: skip

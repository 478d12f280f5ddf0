"""Notices to subscribers: a signed word that the city feed moved. What moved, they read in the feed itself."""

from motcua.publishing.notices.ledger import notices, resume
from motcua.publishing.notices.sender import NOTHING_SENT, Pointer, notify

__all__ = ["NOTHING_SENT", "Pointer", "notices", "notify", "resume"]

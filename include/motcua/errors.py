"""Every error of the pipeline, named for what to do next.

MotcuaError
├── ConfigError              mend the repository or the settings; nothing was tried
│   └── ConnectionAbsent     nobody has defined the connection: what can do without it does
├── SourceError              one source, one batch: the others go on
│   ├── SourceUnavailable    down or slow: try again later
│   ├── SourceRefused        it refuses our log-in: call its owner
│   └── SourceChanged        it answers, but not as its contract says: call a person
├── PortalError              the Government portal
│   ├── PortalUnavailable    the outcome is unknown: look it up or send again
│   ├── PortalRejected       it answered no, in its own words
│   └── CatalogueRefused     a catalogue that is not to be believed: the last good one stays
├── MailError                the digest
│   ├── MailUnavailable      no answer, or "later": send again
│   └── MailRejected         the mail server answered no, in its own words
├── PageGone                 an archived page was removed on purpose, or a part of it: what needs it cannot be done
├── StaleWrite               a newer run has written since: this one has no say any more
└── PublicationRefused       a gate stopped the feed: the last good version stays

A bad dossier is not an error but a row in quarantine.
"""

from __future__ import annotations


class MotcuaError(Exception):
    """Base of every error that the pipeline raises on purpose."""


class ConfigError(MotcuaError):
    """The registry, a setting or a connection is wrong: mend it, then run again."""


class ConnectionAbsent(ConfigError):
    """No such connection is defined: add it, where it is needed."""


class SourceError(MotcuaError):
    """A source could not be read; carries what the batch ledger records.

    Attributes:
        source_id: the source, as in the registry.
        kind: short class for the ledger, such as `TIMEOUT`, `AUTH`, `PROTOCOL`.
    """

    default_kind = "SOURCE"

    def __init__(self, source_id: str, message: str, *, kind: str | None = None) -> None:
        super().__init__(f"{source_id}: {message}")
        self.source_id = source_id
        self.message = message
        self.kind = kind or self.default_kind

    def __reduce__(self) -> tuple[object, ...]:
        return _of_source, (type(self), self.source_id, self.message, self.kind)

    def at(self, source_id: str) -> SourceError:
        """The same failure, as another source of the same installation meets it."""
        return type(self)(source_id, self.message, kind=self.kind)


def _of_source(kind_of_error: type[SourceError], source_id: str, message: str, kind: str) -> SourceError:
    """What an error becomes again when it comes out of another process."""
    return kind_of_error(source_id, message, kind=kind)


class SourceUnavailable(SourceError):
    """Down, slow or over its limit: it is tried again in the next cycle."""

    default_kind = "UNAVAILABLE"


class SourceRefused(SourceError):
    """The log-in is refused: repeating it helps nobody, its owner must be called."""

    default_kind = "AUTH"


class SourceChanged(SourceError):
    """The answer breaks the platform's contract, or moved while it was read."""

    default_kind = "PROTOCOL"


class PortalError(MotcuaError):
    """The Government portal did not take a call."""


class PortalUnavailable(PortalError):
    """No answer, or a server error: what became of the call is unknown."""


class PortalRejected(PortalError):
    """The portal answered no.

    Attributes:
        code: its `error_code`, as text.
        message: its own words.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"portal answered {code}: {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message)


class CatalogueRefused(PortalError):
    """A catalogue of the portal has an unknown shape, or lost too much at once: call the portal's people."""


class MailError(MotcuaError):
    """A mail did not leave."""


class MailUnavailable(MailError):
    """No connection, no answer in time, or "not now": nothing was taken, and it may be sent again."""


class MailRejected(MailError):
    """The mail server refused: repeating it changes nothing, a person must look."""


class PageGone(MotcuaError):
    """An archived page is past its time, or a dossier was erased from it: nothing is damaged, and nothing to mend."""


class StaleWrite(MotcuaError):
    """A newer cycle or sender holds the fence: this write is refused."""


class PublicationRefused(MotcuaError):
    """A gate failed: the feed keeps its last good version."""

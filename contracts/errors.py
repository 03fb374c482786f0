"""Error classes that every connector returns, and the other errors that cross a wall between rooms."""

from datetime import datetime
from enum import StrEnum


class ErrorClass(StrEnum):
    """What a caller must do about a network's refusal. Never derived from message text."""

    AUTH = "auth"
    """Stop: the account has to be connected again."""
    SCOPE = "scope"
    """Stop: a permission is missing."""
    RATE = "rate"
    """Wait until `retry_at`."""
    DUPLICATE = "duplicate"
    """The network says that it has this post already: reconcile, then succeed."""
    INVALID = "invalid"
    """Permanent: show it to the user."""
    TRANSIENT = "transient"
    """Nothing was written: try again later."""
    AMBIGUOUS = "ambiguous"
    """A write may have happened: reconcile before any resend."""


class PulsoError(Exception):
    """Base of the errors that Pulso raises on purpose. The message says what to do."""


class NetworkError(PulsoError):
    """A network refused or did not answer.

    `retry_at` is real (machine) time in UTC, set for class `rate` where the network says when.
    `code` is the network's own code, kept for people and logs.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        network: str,
        code: str | None = None,
        status: int | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.network = network
        self.code = code
        self.status = status
        self.retry_at = retry_at

    def __str__(self) -> str:
        code = f" {self.code}" if self.code else ""
        return f"{self.network} [{self.error_class.value}{code}] {self.message}"


class LeakageError(PulsoError):
    """A training set holds what was not known when its posts were published; nothing was trained."""


class CollapseError(PulsoError):
    """A write would have shrunk a table far below its last version; nothing was written."""


class SchemaMismatchError(PulsoError):
    """A frame does not fit the declared schema of its table; nothing was written."""


class TenantScopeError(PulsoError):
    """A read reached outside the clients that it is scoped to, or named none."""


class ProviderError(PulsoError):
    """An outside service other than a network (text model, media host) failed."""


class NotReadyError(PulsoError):
    """Something has to exist first. The message names the command that makes it."""

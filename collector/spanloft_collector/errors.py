"""Errors whose message is written for the person who reads it. Nothing else may reach a user."""

from __future__ import annotations


class SpanloftError(Exception):
    """Base of every error that a command shows as one line; its message says what to do."""


class StoreError(SpanloftError):
    """The store cannot be opened, written or read."""


class StoreTooNew(StoreError):
    """The store was written by a newer Spanloft."""


class Vanished(SpanloftError):
    """Rows that were stored for a later publish were deleted by somebody; they must be read from the journal again."""


class JournalError(SpanloftError):
    """The journal could not be written; the request was not accepted and must be sent again."""


class Overloaded(SpanloftError):
    """The collector cannot take more now. ``retry_after_s`` says when to try again."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadRequest(SpanloftError):
    """The request cannot be decoded and must not be sent again."""


class LoadError(SpanloftError):
    """A file, or one line of it, could not be loaded."""

"""Errors that are the user's to see: one clear line each."""


class SpanloftError(Exception):
    """Something the user can put right; the message says what and how."""

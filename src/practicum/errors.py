"""The one family of exceptions whose text is written for the person who typed the value."""

import re
from typing import Any


class PracticumError(Exception):
    """Base of every error that practicum raises on purpose; its text is one sentence or two, in one line."""

    def __init__(self, *words: Any) -> None:
        # What was passed is quoted, and the repr of an array has lines.
        super().__init__(*(re.sub(r"\s*\n\s*", " ", word) if isinstance(word, str) else word for word in words))


class PracticumWarning(UserWarning):
    """Base of the warnings that are for the person at the keyboard, not for who writes programs; a sentence too."""


class ParameterError(PracticumError, ValueError):
    """A value is outside its range. The text names the parameter, the bound, what was passed and the remedy."""


class StorageError(PracticumError, OSError):
    """A stored run is missing, damaged or cannot be written. The text names the file and the run."""

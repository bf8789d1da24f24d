"""The one family of exceptions whose text is written for the person who typed the value."""


class PracticumError(Exception):
    """Base of every error that practicum raises on purpose; its text is one sentence or two."""


class PracticumWarning(UserWarning):
    """Base of the warnings that are for the person at the keyboard, not for who writes programs; a sentence too."""


class ParameterError(PracticumError, ValueError):
    """A value is outside its range. The text names the parameter, the bound, what was passed and the remedy."""


class StorageError(PracticumError, OSError):
    """A stored run is missing, damaged or cannot be written. The text names the file and the run."""

"""What to say where a package of the extra ``data`` is missing."""

from __future__ import annotations

from practicum.errors import ParameterError


class MissingPackage(ParameterError, ImportError):
    """A package is not installed; both an ImportError, for programs, and a sentence, for people."""


def missing(package: str, why: str, remedy: str = "") -> MissingPackage:
    """The error whose text is one sentence: why the package is needed, and what to do."""
    return MissingPackage(
        f"{why} needs the package {package}, which is not installed: pip install 'practicum[data]' adds it{remedy}."
    )

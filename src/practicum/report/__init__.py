"""One self-contained HTML page: of a study's claims (:func:`write`), of stored runs one after the other
(:func:`of_runs`), or of runs side by side (:func:`compare`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {"compare": "compared", "of_runs": "stored", "write": "page"}

__all__ = ["compare", "of_runs", "write"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.report' has no attribute '{name}'")
    return getattr(import_module(f"practicum.report.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.report.compared import compare as compare
    from practicum.report.page import write as write
    from practicum.report.stored import of_runs as of_runs

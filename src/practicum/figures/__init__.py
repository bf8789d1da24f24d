"""Figures: one function a figure, each a matplotlib figure of one labelled array.

A function takes an :class:`xarray.Dataset`, says in its docstring which variables it needs, and returns a
:class:`matplotlib.figure.Figure` that belongs to nobody else: no pyplot, no global settings. Colours can be told
apart by the colour-blind and go with line styles and markers that survive a grey printer. :func:`save` writes a
figure to a file, :func:`svg` to text; the same data give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "escape": "_escape",
    "learning_curves": "_learning_curves",
    "optima": "_optima",
    "overlaps": "_overlaps",
    "rule_map": "_rule_map",
    "save": "style",
    "svg": "style",
    "theory_and_simulation": "_theory_and_simulation",
}

__all__ = ["escape", "learning_curves", "optima", "overlaps", "rule_map", "save", "svg", "theory_and_simulation"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.figures' has no attribute '{name}'")
    return getattr(import_module(f"practicum.figures.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.figures._escape import escape as escape
    from practicum.figures._learning_curves import learning_curves as learning_curves
    from practicum.figures._optima import optima as optima
    from practicum.figures._overlaps import overlaps as overlaps
    from practicum.figures._rule_map import rule_map as rule_map
    from practicum.figures._theory_and_simulation import theory_and_simulation as theory_and_simulation
    from practicum.figures.style import save as save
    from practicum.figures.style import svg as svg

"""Learning curves: the generalization error over alpha, one line a rule or a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from practicum.figures._axes import alpha_axis, error_axis
from practicum.figures._labelled import may, need, over_curves, positive, texts
from practicum.figures._labels import label_ends
from practicum.figures.style import INK, MUTED, drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "learning_curves"
_HEIGHT = 3.7


@drawn
def learning_curves(data: xr.Dataset, *, log_alpha: bool = False) -> Figure:
    """The generalization error over alpha, logarithmic, each curve named at its right end.

    Main arguments:
        data: the variable ``generalization_error`` (curve, alpha) and the coordinate ``curve``, the names. A result of
            solve, without the dimension ``curve``, is one curve. NaN where a run did not arrive.

    Other arguments:
        log_alpha: a logarithmic alpha axis, for runs that span decades; alpha = 0 is then left out.
        data may also have: ``standard_error`` (curve, alpha), drawn as a band; ``status`` (curve), of which "diverged"
            is marked with a cross at the end of the line; ``plateau`` (curve), an error level that the symmetric phase
            should have, and ``escape_alpha`` (curve), where it ends, both marked.

    Raises:
        ParameterError: a variable or dimension is missing.
    """
    data = over_curves(data)
    error = need(_NAME, data, "generalization_error", "curve", "alpha")
    spread = may(_NAME, data, "standard_error", "curve", "alpha")
    status = may(_NAME, data, "status", "curve")
    plateau = may(_NAME, data, "plateau", "curve")
    escape = may(_NAME, data, "escape_alpha", "curve")
    alpha = need(_NAME, data, "alpha", "alpha").values.astype(float)
    names, looks = texts(need(_NAME, data, "curve", "curve")), styles(error.sizes["curve"])

    figure = sheet(_HEIGHT)
    axes = figure.add_subplot()
    ends = []
    for i, look in enumerate(looks):
        values = positive(error.values[i])
        x = positive(alpha) if log_alpha else alpha
        good = np.flatnonzero(np.isfinite(values) & np.isfinite(x))
        ends.append((x[good[-1]], values[good[-1]]) if good.size else (np.nan, np.nan))
        # A single point has no line; a dot shows that it is there.
        marker = look["marker"] if good.size == 1 else None
        axes.plot(x, values, color=look["color"], linestyle=look["linestyle"], marker=marker, label=names[i], zorder=3)
        if spread is not None:
            low, high = values - spread.values[i], values + spread.values[i]
            axes.fill_between(x, np.where(low > 0, low, values), high, color=look["color"], alpha=0.2, linewidth=0)
        if status is not None and str(status.values[i]) == "diverged":
            names[i] = f"{names[i]} diverged".strip()
            if good.size:
                cross = {"marker": "x", "markersize": 7, "markeredgewidth": 1.8, "clip_on": False}
                axes.plot(*ends[-1], color=look["color"], label="_diverged", **cross)
        if escape is not None and np.isfinite(escape.values[i]):
            level = np.interp(float(escape.values[i]), alpha[good], values[good]) if good.size else np.nan
            axes.plot(
                float(escape.values[i]), level, marker=look["marker"], markersize=6.5, markerfacecolor="none",
                markeredgewidth=1.4, color=look["color"], linestyle="none", label="_escape", zorder=4,
            )  # fmt: skip
    _mark_plateaus(axes, plateau, looks)
    if not np.isfinite(np.array(ends)).any():
        say(axes, "no positive finite error to draw")
    alpha_axis(axes, alpha, log_alpha)
    error_axis(axes)
    label_ends(axes, ends, names, [look["color"] for look in looks], 0.82 * _HEIGHT)
    _explain(axes, plateau, escape)
    _name_missing(axes, [name for name, end in zip(names, ends) if not np.isfinite(end).all()], len(names))
    return figure


def _name_missing(axes: Axes, missing: list[str], count: int) -> None:
    if missing and count > 1:
        text = "no point to draw: " + ", ".join(missing)
        axes.annotate(text, (0, 0), xycoords="axes fraction", xytext=(5, 5), textcoords="offset points", color=MUTED)


def _explain(axes: Axes, plateau: xr.DataArray | None, escape: xr.DataArray | None) -> None:
    """A line above the panel that says what the dotted level and the open markers are."""
    handles = []
    if plateau is not None and np.isfinite(plateau.values).any():
        handles.append(Line2D([], [], color=MUTED, linestyle=(0, (1, 2)), linewidth=1.0, label="plateau, theory"))
    if escape is not None and np.isfinite(escape.values).any():
        style: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "color": INK, "linestyle": "none"}
        handles.append(Line2D([], [], label="end of the plateau", **style))
    if handles:
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2, ncols=2)


def _mark_plateaus(axes: Axes, plateau: xr.DataArray | None, looks: list[dict[str, Any]]) -> None:
    """A thin level a curve; curves that share a level share the line, in grey."""
    if plateau is None:
        return
    levels = positive(plateau.values)
    groups: dict[str, list[int]] = {}
    for i in np.flatnonzero(np.isfinite(levels)):
        groups.setdefault(f"{levels[i]:.2e}", []).append(int(i))  # nobody sees a difference in the fourth digit
    for sharing in groups.values():
        level = levels[sharing].mean()
        colour = looks[sharing[0]]["color"] if len(sharing) == 1 < levels.size else MUTED
        axes.axhline(level, color=colour, linewidth=1.0, linestyle=(0, (1, 2)), zorder=2, label="_plateau")

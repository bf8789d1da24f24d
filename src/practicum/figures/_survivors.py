"""Who is left: the students that a selector kept and pruned, by the teacher node that each of them serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from practicum.errors import ParameterError
from practicum.figures._axes import share_axis
from practicum.figures._labelled import may, named, need, texts
from practicum.figures._labels import shortened, wrapped
from practicum.figures._legend import legend_above
from practicum.figures._panels import grid, label_grid
from practicum.figures._regimes import over_regimes, regime_names
from practicum.figures.style import COLOURS, MUTED, PAPER, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "survivors"
_MOST = 15
_HEIGHT = 1.5
"""Of a panel in inches, about."""
_SMALLEST, _LARGEST = 3.2, 7.0
"""Markers in points; where they would be smaller, bars count students instead."""
_SPREAD = 0.64
"""Width in which the students of one teacher stand side by side, in distances of teachers."""
_MANY_POINTS = 1500
"""From this many marks on they are drawn as an image inside the figure: as shapes they would weigh megabytes."""
_KEPT: dict[str, Any] = {"color": COLOURS[0], "markerfacecolor": COLOURS[0], "marker": "o", "linestyle": "none"}
_PRUNED: dict[str, Any] = {"color": MUTED, "markerfacecolor": PAPER, "marker": "o", "linestyle": "none"}


_KEPT_BAR: dict[str, Any] = {"facecolor": COLOURS[0], "edgecolor": COLOURS[0], "linewidth": 0.8}
_PRUNED_BAR: dict[str, Any] = {"facecolor": PAPER, "edgecolor": MUTED, "linewidth": 0.8}


class _Students(NamedTuple):
    """Those of one selector of whom it is known what became: their places, heights and fates."""

    teacher: np.ndarray
    x: np.ndarray
    y: np.ndarray
    kept: np.ndarray


@drawn
def survivors(data: xr.Dataset) -> Figure:
    """Students above the teacher node that each serves, survivors filled and pruned ones hollow, a panel a selector.

    Main arguments:
        data: ``serves`` (student), the number of the teacher node, -1 or NaN if it is none; ``kept`` (setting,
            student), True for survivors, NaN where it is not known, of at most 15 selectors; and the coordinate
            ``setting``, their names. Instead of ``setting`` there may be ``selector``, or none of them.

    Other arguments:
        data may also have: ``alignment`` (student), such as the correlation with that teacher node, which is then the
            height of a mark, and whose attribute ``label`` names the axis; the dimension ``teacher``, as many as there
            are, also if nobody serves them, and as a coordinate their names.

    Without ``alignment`` students stand on each other, survivors below, so that the axis counts them; bars do where
    marks would be too small. The words above a panel say how many teacher nodes have a survivor, and how many students
    survive.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 15 selectors.
    """
    data = over_regimes(data, "setting", "kept")
    serves = need(_NAME, data, "serves", "student").values.astype(float)
    kept = need(_NAME, data, "kept", "setting", "student").values.astype(float)
    alignment = may(_NAME, data, "alignment", "student")
    names = regime_names(_NAME, data, "setting")
    if not 0 < len(names) <= _MOST:
        raise ParameterError(
            f"The figure {_NAME} has room for 1 to {_MOST} selectors. "
            f"Got {len(names)}; select some with .isel(setting=[...])."
        )
    count = int(max(data.sizes.get("teacher", 0), np.nanmax(serves, initial=-1) + 1))
    place = np.where(serves >= 0, serves, count)
    labels = texts(data["teacher"]) if "teacher" in data.coords and "teacher" in data.dims else []
    labels = [*labels, *map(str, range(len(labels), count)), "none"]
    places = count + int((place == count).any())

    columns = 1 if len(names) == 1 or places > 24 else 2 if places > 12 or len(names) in (2, 4) else 3
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    heights = None if alignment is None else alignment.values.astype(float)
    found = [_students(place, one, heights) for one in kept]
    height = _HEIGHT if len(names) > 1 else 2.4
    size = _size(found, places, 6.0 / columns, height, heights is None)
    titles = [wrapped(shortened(name, 64), 5.5 / columns) for name in names]
    lines = max(title.count("\n") for title in titles) + 1
    figure = sheet(0.4 + rows * (height + 0.58 + 0.17 * lines))
    panels = grid(figure, len(names), columns)
    for axes, title, one in zip(panels, titles, found):
        axes.set_title(title, pad=15)
        said = _said(one, count, short=columns == 3)
        axes.text(0, 1.025, said, transform=axes.transAxes, fontsize=8, color=MUTED, va="bottom")
        _draw(axes, one, size)
    _frame(panels, found, heights is None, labels, places, columns)
    y_label = "students" if heights is None else named(data, "alignment", "correlation with that teacher")
    label_grid(panels, wrapped("teacher node that a student serves", 5.5 / columns), wrapped(y_label, height))
    legend_above(figure, _legend(size))
    return figure


def _students(place: np.ndarray, kept: np.ndarray, heights: np.ndarray | None) -> _Students:
    known = np.isfinite(kept) if heights is None else np.isfinite(kept) & np.isfinite(heights)
    chosen = np.flatnonzero(known)
    lives = kept[chosen] > 0
    # Survivors stand below the pruned ones, or from low to high.
    order = np.lexsort((~lives if heights is None else heights[chosen], place[chosen]))
    chosen, lives = chosen[order], lives[order]
    teacher = place[chosen]
    _, begin, inverse, sizes = np.unique(teacher, return_index=True, return_inverse=True, return_counts=True)
    rank = np.arange(teacher.size) - begin[inverse]
    if heights is None:
        return _Students(teacher, teacher, rank + 1.0, lives)
    step = _SPREAD / np.maximum(sizes.max(initial=1), 3)
    return _Students(teacher, teacher + step * (rank - 0.5 * (sizes[inverse] - 1)), heights[chosen], lives)


def _size(found: list[_Students], places: int, width: float, height: float, stacked: bool) -> float:
    """Of a marker, for panels of so many inches; 0 if bars are drawn instead."""
    most = max(int(np.unique(one.teacher, return_counts=True)[1].max(initial=1)) for one in found)
    wide = 72 * width / max(places, 1)
    if not stacked:
        return float(np.clip(wide * _SPREAD / max(most, 3), _SMALLEST, _LARGEST))
    size = min(0.7 * wide, 0.85 * 72 * height / (most + 1), _LARGEST)
    return size if size >= _SMALLEST else 0.0


def _said(one: _Students, count: int, short: bool) -> str:
    """How many teachers and students are left."""
    if not one.kept.size:
        return ""
    served = np.unique(one.teacher[one.kept & (one.teacher < count)]).size
    of = "/" if short else " of "
    return f"{served}{of}{count} teachers, {int(one.kept.sum())}{of}{one.kept.size} students"


def _draw(axes: Axes, one: _Students, size: float) -> None:
    if not one.kept.size:
        say(axes, "no student to draw")
        return
    if not size:
        places, total = np.unique(one.teacher, return_counts=True)
        left = [(one.kept & (one.teacher == place)).sum() for place in places]
        axes.bar(places, total, label="pruned", zorder=2, **_PRUNED_BAR)
        axes.bar(places, left, label="survives", zorder=3, **_KEPT_BAR)
        return
    light = one.kept.size > _MANY_POINTS
    for label, look, chosen in (("pruned", _PRUNED, ~one.kept), ("survives", _KEPT, one.kept)):
        more: dict[str, Any] = {"markersize": size, "clip_on": False, "zorder": 3, "rasterized": light}
        axes.plot(one.x[chosen], one.y[chosen], label=label, **look, **more)


def _frame(
    panels: list[Axes], found: list[_Students], stacked: bool, labels: list[str], places: int, columns: int
) -> None:
    """Teachers from left to right, named where there is room; those who serve none beyond a dotted line."""
    width = 100 / columns / max(sum(len(label) + 2 for label in labels), 1)
    ticks = [place for place in range(len(labels) - 1) if place % int(np.ceil(1 / width)) == 0]
    for axes in panels:
        axes.set_xlim(-0.6, max(places, 1) - 0.4)
        axes.grid(False, axis="x")
        if places == len(labels):
            axes.axvline(places - 1.5, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)), label="_none")
        axes.xaxis.set_major_locator(FixedLocator([*ticks, len(labels) - 1]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: labels[int(value)]))
    heights = np.concatenate([one.y for one in found])
    if stacked:
        panels[0].set_ylim(0, heights.max(initial=1.0) + 0.6)
        panels[0].yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    else:
        share_axis(panels[0], "", min(0.0, heights.min(initial=0.0)))


def _legend(size: float) -> list[Any]:
    if not size:
        return [Patch(label="survives", **_KEPT_BAR), Patch(label="pruned", **_PRUNED_BAR)]
    return [Line2D([], [], label=label, **look) for label, look in (("survives", _KEPT), ("pruned", _PRUNED))]

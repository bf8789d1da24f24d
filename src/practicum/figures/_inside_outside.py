"""Where the data live and where they do not: students meet their teachers inside the data subspace only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from practicum.figures._axes import epoch_axis, share_axis
from practicum.figures._labelled import need
from practicum.figures._labels import wrapped
from practicum.figures._legend import legend_above
from practicum.figures._panels import at_panel, grid, label_grid, over_panels
from practicum.figures._regimes import counted, marks, over_regimes, regime_names
from practicum.figures._seeds import draw, explained, summary, with_seeds
from practicum.figures.style import DASHES, MANY, MUTED, drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "inside_outside"
_MOST = 6
_PLACES: dict[str, Any] = {"inside": "solid", "outside": DASHES[1]}
_MARKS = 7
"""Markers on a line, about: they tell settings apart where colours do not."""


@drawn
def inside_outside(data: xr.Dataset, *, log_epoch: bool = False, label: str = "mean best correlation") -> Figure:
    """The mean best correlation of students and teachers inside the data subspace, solid, and outside it, dashed.

    Main arguments:
        data: ``inside`` and ``outside`` (setting, seed, step), the coordinates ``epoch`` (step) and ``setting``, the
            names: training regimes or initial scales. Instead of ``setting`` there may be ``regime`` or ``multiple``,
            or none of them; both variables may lack ``seed``, and may have ``panel`` (titled by its coordinate),
            ``law`` or ``layer``, of at most 6. NaN where there is no number.

    Other arguments:
        log_epoch: a logarithmic axis of epochs, with a linear piece before the first, so that the start is shown.
        label: of the vertical axis.
        The attribute ``label`` of the coordinate ``setting``, such as "initial scale", stands before numbers.

    Lines are medians over seeds, bands reach from the 10 % to the 90 % quantile. From 12 settings on the bands would
    cover the lines, and are left out.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 panels.
    """
    data, titles, _ = over_panels(_NAME, data, "inside", _MOST, ("panel", "law", "layer"))
    data = over_regimes(data, "setting", "inside", "outside")
    parts = [at_panel(data, "inside", panel) if titles else data for panel in range(max(len(titles), 1))]
    found = [
        # One of both may lack seeds: what plain descent leaves outside is exact.
        np.broadcast_arrays(*(with_seeds(_NAME, part, place, "setting", "step") for place in _PLACES))
        for part in parts
    ]
    epoch = need(_NAME, data, "epoch", "step").values.astype(float)
    names = regime_names(_NAME, data, "setting")
    looks = marks(styles(len(names)))
    markers = len(names) > 1

    figure = sheet(3.7 if len(parts) == 1 else 0.5 + 2.4 * -(-len(parts) // 3))
    panels = grid(figure, len(parts), 3 if len(parts) != 4 else 2)
    seeds = 0
    for axes, title, both in zip(panels, titles, found):
        axes.set_title(title)
        seeds = max(seeds, _draw(axes, epoch, both, looks, names, markers))
        if not np.isfinite(np.stack(both)).any():
            say(axes, "no finite correlation")
        epoch_axis(axes, epoch, log_epoch)
        axes.set_xlabel("")
    values = np.concatenate([np.ravel(both) for both in found])
    share_axis(panels[0], label, min(0.0, float(np.min(values[np.isfinite(values)], initial=0.0))))
    label_grid(panels, "epoch", wrapped(label, 3.0 if len(parts) == 1 else 1.7))
    known = np.any([np.isfinite(both).any(axis=(0, 2)) for both in found], axis=0)
    handles = [
        Line2D([], [], label=counted(name, row), **{**look, "marker": look["marker"] if markers else None})
        for name, row, look in zip(names, known, looks)
        if name or not row.all()
    ]
    where = [
        Line2D([], [], label=f"{place} the data subspace", color=MUTED, linestyle=dash)
        for place, dash in _PLACES.items()
    ]
    band = explained(seeds)
    legend_above(figure, [*handles, *where, *(band if len(names) < MANY else band[:1])])
    return figure


def _draw(
    axes: Axes,
    epoch: np.ndarray,
    both: Sequence[np.ndarray],
    looks: list[dict[str, Any]],
    names: list[str],
    markers: bool,
) -> int:
    """Both lines of every setting; the largest number of seeds behind a line."""
    seeds = 0
    stride = max(1, len(epoch) // _MARKS)
    for i, (look, name) in enumerate(zip(looks, names)):
        for place, values in zip(_PLACES, both):
            line = summary(values[i])
            seeds = max(seeds, line.seeds)
            if len(looks) >= MANY:
                line = line._replace(seeds=1)  # which has no band
            styled = {**look, "linestyle": _PLACES[place]}
            of_marker = {key: value for key, value in look.items() if key not in ("color", "marker")}
            draw(axes, epoch, line, styled, f"{place} {name}".strip(), markers=markers, **of_marker)
            if np.isfinite(line.median).sum() > stride:
                axes.lines[-1].set_markevery((i % stride, stride))
    return seeds

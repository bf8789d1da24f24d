"""Robust errors over the size of the perturbation, one line a training regime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from practicum.figures._axes import of_zeros, value_axis
from practicum.figures._labelled import need, nonnegative
from practicum.figures._labels import wrapped
from practicum.figures._legend import legend_above
from practicum.figures._panels import at_panel, grid, label_grid, over_panels
from practicum.figures._regimes import counted, over_regimes, regime_names
from practicum.figures._seeds import Summary, draw, explained, summary, with_seeds
from practicum.figures.style import EPSILON, drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "robustness_curves"
_MOST = 6
_MANY_EPSILONS = 20
"""From here on a marker a point would cover the line."""


@drawn
def robustness_curves(
    data: xr.Dataset,
    *,
    log: bool = False,
    log_epsilon: bool = False,
    label: str = "robust error",
    share_y: bool = True,
) -> Figure:
    """The robust error over epsilon, one line a setting, one panel a robust error.

    Main arguments:
        data: ``robust_error`` (setting, seed, epsilon), and the coordinates ``epsilon`` and ``setting``, the names.
            Instead of ``setting`` there may be ``regime`` or ``multiple``, or none of them; it may lack ``seed``, and
            may have ``panel`` (titled by its coordinate), ``law`` or ``layer``, of at most 6. NaN where a student has
            no number.

    Other arguments:
        log: a logarithmic vertical axis, with a place at its lower edge for errors of zero.
        log_epsilon: a logarithmic axis of epsilon, with a place at its left edge for epsilon = 0.
        label: of the vertical axis, such as "robust error, labels of the teacher".
        share_y: one vertical axis for all panels; if False, each shows the range of its own errors.

    Lines are medians over seeds, bands reach from the 10 % to the 90 % quantile.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 panels.
    """
    data, titles, _ = over_panels(_NAME, data, "robust_error", _MOST, ("panel", "law", "layer"))
    data = over_regimes(data, "setting", "robust_error")
    parts = [at_panel(data, "robust_error", panel) if titles else data for panel in range(max(len(titles), 1))]
    errors = [nonnegative(with_seeds(_NAME, part, "robust_error", "setting", "epsilon")) for part in parts]
    epsilon = need(_NAME, data, "epsilon", "epsilon").values.astype(float)
    order = np.argsort(epsilon)
    names = regime_names(_NAME, data, "setting")
    looks = styles(len(names))

    figure = sheet(3.6 if len(parts) == 1 else 0.5 + 2.4 * -(-len(parts) // 3))
    panels = grid(figure, len(parts), 3 if len(parts) != 4 else 2, sharey=share_y)
    lines = [[summary(values[order]) for values in error] for error in errors]
    markers = len(epsilon) < _MANY_EPSILONS
    for axes, title, found in zip(panels, titles, lines):
        axes.set_title(title)
        for line, look, name in zip(found, looks, names):
            draw(axes, epsilon[order], line, look, name, markers=markers, markersize=5.5)
        if not any(np.isfinite(line.median).any() for line in found):
            say(axes, "no finite error")
    shown = [_shown(found) for found in lines]
    zeros = []
    for axes, own in zip(panels, shown):
        values = np.concatenate(shown) if share_y else own
        zeros.append(value_axis(axes, "y", values if log else np.append(values, 0.0), logarithmic=log))
        zeros.append(value_axis(axes, "x", epsilon, logarithmic=log_epsilon))
    label_grid(panels, EPSILON, wrapped(label, 3.0 if len(parts) == 1 else 1.7))
    known = np.any([np.isfinite(error).any(axis=1) for error in errors], axis=0)
    handles = [
        Line2D([], [], label=counted(name, row), **{**look, "marker": look["marker"] if markers else None})
        for name, row, look in zip(names, known, looks)
        if name or not row.all()
    ]
    seeds = max(line.seeds for found in lines for line in found)
    legend_above(figure, [*handles, *explained(seeds), *of_zeros(*zeros)])
    return figure


def _shown(found: list[Summary]) -> np.ndarray:
    """All numbers that the lines and bands of a panel show."""
    return np.concatenate([np.ravel([line.median, line.low, line.high]) for line in found])

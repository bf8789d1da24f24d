"""What more students than teachers are good for: early coverage, and the late phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from practicum.figures._axes import error_axis, share_axis, wide
from practicum.figures._labelled import need, positive, texts
from practicum.figures._labels import label_ends
from practicum.figures._seeds import draw, explained, last_point, summary, times, with_seeds
from practicum.figures.style import drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "over_realization"
_HEIGHT = 3.4


@drawn
def over_realization(data: xr.Dataset) -> Figure:
    """Coverage early in training and the loss at its end over the over-realization multiple, one line a fan-out decay.

    Main arguments:
        data: ``coverage`` and ``loss`` (decay, multiple, seed), the coordinates ``decay`` and ``multiple``. Both may
            lack ``seed``; the attribute ``epoch`` of each says when it was measured. NaN where a cell was not run.

    Over-realization helps where the line of the loss falls, and hurts where it rises. Lines are medians over seeds,
    bands reach from the 10 % to the 90 % quantile; seeds that are not finite, as diverged ones, are in neither.

    Raises:
        ParameterError: a variable or dimension is missing.
    """
    coverage = with_seeds(_NAME, data, "coverage", "decay", "multiple")
    loss = positive(with_seeds(_NAME, data, "loss", "decay", "multiple"))
    multiple = need(_NAME, data, "multiple", "multiple").values.astype(float)
    names = [f"p = {text}" for text in texts(need(_NAME, data, "decay", "decay"))]
    looks = styles(len(names))

    figure = sheet(_HEIGHT)
    left, right = figure.subplots(1, 2)
    ends, seeds = [], 0
    for i, look in enumerate(looks):
        draw(left, multiple, summary(coverage[i]), look, names[i], markers=True)
        found = summary(loss[i])
        draw(right, multiple, found, look, names[i], markers=True)
        ends.append(last_point(multiple, found.median))
        seeds = max(seeds, found.seeds)
    left.set_title(f"coverage{_when(data['coverage'])}")
    right.set_title(f"loss{_when(data['loss'])}")
    share_axis(left, "coverage: share of teachers")
    if not np.isfinite(coverage).any():
        say(left, "no finite coverage")
    if not np.isfinite(loss).any():
        say(right, "no positive finite loss")
    error_axis(right, "held-out loss")
    for axes in (left, right):
        multiple_axis(axes, multiple, times(data))
    handles = explained(seeds)
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
    label_ends(right, ends, names, [look["color"] for look in looks], 0.75 * _HEIGHT)
    return figure


def _when(array: xr.DataArray) -> str:
    return f" at epoch {array.attrs['epoch']:g}" if "epoch" in array.attrs else ""


def multiple_axis(axes: Axes, multiple: np.ndarray, names: list[str]) -> None:
    """An axis of over-realization multiples with a tick at each: "1×", "2×"."""
    axes.set_xlabel("students per teacher")
    if multiple.size > 1 and wide(multiple):
        margin = (multiple.max() / multiple.min()) ** 0.06
        axes.set_xlim(multiple.min() / margin, multiple.max() * margin)
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(multiple)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(multiple, names)

"""Training: the loss falls, and one teacher node after the other is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from practicum.errors import ParameterError
from practicum.figures._axes import epoch_axis, error_axis, share_axis
from practicum.figures._labelled import need, positive
from practicum.figures._labels import label_ends
from practicum.figures._seeds import draw, explained, last_point, over_settings, summary, with_seeds
from practicum.figures.style import MUTED, drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "training_curves"
_BELOW = {"coverage": "coverage: share of teachers", "mean_best_correlation": "mean best correlation"}


@drawn
def training_curves(data: xr.Dataset, *, below: str = "coverage", log_epoch: bool = False) -> Figure:
    """The loss over epochs above; below, how much of the teacher has been found. One line a setting, all seeds as one.

    Main arguments:
        data: ``loss`` and ``coverage`` (setting, seed, step), the coordinates ``setting``, the names, and ``epoch``
            (step). Instead of ``setting`` there may be ``multiple``, whose lines are named "2×", or neither; both
            variables may lack ``seed``. NaN where a setting has no point.

    Other arguments:
        below: "coverage" or "mean_best_correlation", which the lower panel shows.
        log_epoch: a logarithmic axis of epochs, with a linear piece before the first, so that the start is shown.
        data may also have ``status`` (setting, seed): seeds that "diverged" are in no median, but drawn as thin lines
            that end with a cross, and counted in the name of the line.

    Lines are medians over seeds, bands reach from the 10 % to the 90 % quantile.

    Raises:
        ParameterError: a variable or dimension is missing, or `below` is unknown.
    """
    if below not in _BELOW:
        known = " or ".join(map(repr, _BELOW))
        raise ParameterError(f"The 'below' parameter of {_NAME} must be {known}. Got {below!r:.60} instead.")
    data = over_settings(data, "loss")
    loss = with_seeds(_NAME, data, "loss", "setting", "step")
    found = with_seeds(_NAME, data, below, "setting", "step")
    epoch = need(_NAME, data, "epoch", "step").values.astype(float)
    names = [str(name) for name in need(_NAME, data, "setting", "setting").values]
    lost = _diverged(data, loss)
    looks = styles(len(names))

    figure = sheet(5.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1.35, 1))
    ends, seeds = [], []
    for i, look in enumerate(looks):
        good = ~lost[i]
        above = summary(positive(loss[i][:, good]))
        draw(upper, epoch, above, look, names[i])
        draw(lower, epoch, summary(found[i][:, good]), look, f"_{names[i]}")
        _draw_diverged(upper, epoch, positive(loss[i][:, lost[i]]), look)
        _draw_diverged(lower, epoch, found[i][:, lost[i]], look)
        ends.append(last_point(epoch, above.median))
        seeds.append(above.seeds)
        if lost[i].any():
            count = int(lost[i].sum())
            names[i] = f"{names[i]}  {count}/{lost.shape[1]} diverged".strip()
            if good.sum() == 0:
                ends[i] = _last_of(epoch, positive(loss[i]))
    if not np.isfinite(positive(loss)).any():
        say(upper, "no positive finite loss to draw")
    if not np.isfinite(found).any():
        say(lower, "no finite number to draw")
    error_axis(upper, "held-out loss")
    share_axis(lower, _BELOW[below], min(0.0, float(np.min(found[np.isfinite(found)], initial=0.0))))
    epoch_axis(lower, epoch, log_epoch)
    _explain(figure, max(seeds, default=0), bool(lost.any()))
    label_ends(upper, ends, names, [look["color"] for look in looks], 2.4)
    return figure


def _diverged(data: xr.Dataset, loss: np.ndarray) -> np.ndarray:
    """Which seeds of which settings diverged."""
    if "status" not in data.variables:
        return np.zeros((loss.shape[0], loss.shape[-1]), bool)
    has = "seed" in data["status"].dims
    status = need(_NAME, data, "status", "setting", *(["seed"] if has else [])).values.astype(str)
    return np.broadcast_to((status if has else status[:, None]) == "diverged", (loss.shape[0], loss.shape[-1]))


def _draw_diverged(axes: Axes, epoch: np.ndarray, seeds: np.ndarray, look: dict[str, Any]) -> None:
    for values in np.where(np.isfinite(seeds), seeds, np.nan).T:
        axes.plot(epoch, values, color=look["color"], linewidth=0.7, alpha=0.8, label="_diverged seed", zorder=2)
        axes.plot(
            *last_point(epoch, values), color=look["color"], marker="x", markersize=6, markeredgewidth=1.6,
            linestyle="none", label="_diverged", clip_on=False, zorder=4,
        )  # fmt: skip


def _last_of(epoch: np.ndarray, losses: np.ndarray) -> tuple[float, float]:
    """The end of the seed that came furthest: where the name of a setting without any good seed stands."""
    ends = [end for end in (last_point(epoch, values) for values in losses.T) if np.isfinite(end[0])]
    return max(ends, default=(np.nan, np.nan))


def _explain(figure: Figure, seeds: int, crosses: bool) -> None:
    handles = explained(seeds)
    if crosses:
        style: dict[str, Any] = {"marker": "x", "markeredgewidth": 1.6, "linewidth": 0.7, "color": MUTED}
        handles.append(Line2D([], [], label="a seed that diverged, in no median", **style))
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=3)

"""Lucky nodes: how early it was clear which student would win a teacher node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from practicum.figures._axes import epoch_axis
from practicum.figures._labelled import need
from practicum.figures._panels import at_panel, grid, label_grid, over_panels
from practicum.figures._seeds import BAND, last_point, summary, with_seeds
from practicum.figures.style import COLOURS, DASHES, INK, MUTED, backed, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "winner_ranks"
_MOST = 6
_CHANCE = 50.0


@drawn
def winner_ranks(data: xr.Dataset, *, log_epoch: bool = False) -> Figure:
    """The rank of each teacher node's final winner among all students, over epochs: mean, median and band.

    Main arguments:
        data: ``winner_rank`` (step, seed, teacher) in % of the number of students, 0 the best, and the coordinate
            ``epoch`` (step). It may lack ``seed``, and may have ``layer``, or ``panel`` (titled by its coordinate), of
            at most 6. NaN where there is no winner.

    Other arguments:
        log_epoch: a logarithmic axis of epochs, with a linear piece before the first, so that the start is shown.

    Mean, median and the band from the 10 % to the 90 % quantile are over teacher nodes and seeds. The mean at the start
    is written out; a winner that the start does not favour has the rank 50 % on average, the dotted line.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 panels.
    """
    data, titles, _ = over_panels(_NAME, data, "winner_rank", _MOST, ("panel", "layer"))
    epoch = need(_NAME, data, "epoch", "step").values.astype(float) if titles else np.empty(0)
    ranks = []
    for panel in range(max(len(titles), 1)):
        part = at_panel(data, "winner_rank", panel) if titles else data
        values = with_seeds(_NAME, part, "winner_rank", "step", "teacher")
        ranks.append(values.reshape(len(values), -1))

    figure = sheet(3.6 if len(ranks) == 1 else 0.9 + 2.2 * -(-len(ranks) // 3))
    panels = grid(figure, len(ranks), 3 if len(ranks) != 4 else 2)
    for axes, title, values in zip(panels, titles, ranks):
        axes.set_title(title)
        _draw(axes, epoch, values)
        epoch_axis(axes, epoch, log_epoch)
        axes.set_xlabel("")
    bands = np.concatenate([summary(values).high for values in ranks])
    highest = float(np.max(bands[np.isfinite(bands)], initial=60.0))
    for axes in panels:
        axes.set_ylim(-0.03 * highest, 1.03 * highest)
    label_grid(panels, "epoch", "rank of the winner (%)")
    _explain(figure, max(_known(values) for values in ranks))
    return figure


def _draw(axes: Axes, epoch: np.ndarray, values: np.ndarray) -> None:
    axes.axhline(_CHANCE, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1, label="_chance")
    found = summary(values)
    if not np.isfinite(found.median).any():
        say(axes, "no winner to follow")
        return
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum(axis=-1) / np.where(known.any(axis=-1), known.sum(axis=-1), np.nan)
    colour = COLOURS[0]
    marker = "o" if np.isfinite(mean).sum() == 1 else None
    axes.fill_between(epoch, found.low, found.high, color=colour, alpha=0.18, linewidth=0, label="_band")
    axes.plot(epoch, mean, color=colour, marker=marker, label="mean", zorder=3)
    axes.plot(epoch, found.median, color=colour, linestyle=DASHES[2], linewidth=1.4, label="median", zorder=3)
    first = int(np.flatnonzero(np.isfinite(mean))[0])
    _, end = last_point(epoch, mean)
    axes.plot(
        epoch[first], mean[first], marker="o", markersize=5, color=colour, clip_on=False, label="_start", zorder=4
    )
    said = f"{_rank(mean[first])} → {_rank(end)}" if np.isfinite(mean).sum() > 1 else _rank(mean[first])
    axes.annotate(
        said, (epoch[first], mean[first]), xytext=(8, 5), textcoords="offset points", color=INK, fontsize=8.5,
        va="bottom", zorder=5, bbox=backed(),
    )  # fmt: skip


def _rank(value: float) -> str:
    return f"{value:.0f} %" if value >= 9.95 or value == 0 else f"{value:.1f} %" if value >= 0.05 else "< 0.1 %"


def _known(values: np.ndarray) -> int:
    return int(np.isfinite(values).any(axis=0).sum())


def _explain(figure: Figure, nodes: int) -> None:
    handles = [
        Line2D([], [], color=COLOURS[0], label="mean"),
        Line2D([], [], color=COLOURS[0], linestyle=DASHES[2], linewidth=1.4, label="median"),
        Patch(
            facecolor=COLOURS[0], alpha=0.25, linewidth=0, label=f"{100 * BAND[0]:g}–{100 * BAND[1]:g} % of the nodes"
        ),
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)), label="by chance"),
    ]
    if nodes:
        figure.legend(handles=handles, loc="outside upper left", ncols=4, columnspacing=1.4)

"""Who is learnt: the share of seeds that found a teacher node, strong teachers first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from practicum.figures._axes import log_ticks, share_axis, wide
from practicum.figures._labelled import may, need
from practicum.figures._labels import label_ends
from practicum.figures._seeds import last_point, over_settings
from practicum.figures.style import INK, MUTED, drawn, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "success"
_HEIGHT = 3.5
_MANY_TEACHERS = 40
"""From here on a marker a teacher would cover the line."""


@drawn
def success(data: xr.Dataset) -> Figure:
    """The share of seeds that found each teacher node, one line an over-realization multiple.

    Main arguments:
        data: ``success`` (multiple, teacher), between 0 and 1, and the coordinate ``teacher``, the indices, such that
            strength falls with the index. Instead of ``multiple`` there may be ``setting``, the names of the lines, or
            neither. NaN where a seed count is zero.

    Other arguments:
        data may also have: ``low`` and ``high``, of the same dimensions, the confidence interval, drawn as a band, of
            which the attribute ``confidence`` of ``low`` (0.95 if there is none) is named; ``epoch_covered``, of the
            same dimensions, drawn below: the epoch at which each teacher node was found, over seeds, infinite where
            most of the seeds never found it, which an open triangle at the upper edge marks.

    Raises:
        ParameterError: a variable or dimension is missing.
    """
    data = over_settings(data, "success")
    share = need(_NAME, data, "success", "setting", "teacher")
    low, high = (may(_NAME, data, name, "setting", "teacher") for name in ("low", "high"))
    covered = may(_NAME, data, "epoch_covered", "setting", "teacher")
    names = [str(name) for name in need(_NAME, data, "setting", "setting").values]
    teacher = need(_NAME, data, "teacher", "teacher").values.astype(float)
    looks = styles(len(names))

    figure = sheet(_HEIGHT if covered is None else _HEIGHT + 2.0)
    panels = figure.subplots(1 if covered is None else 2, 1, sharex=True, squeeze=False)[:, 0]
    above, ends = panels[0], []
    above.axhline(0.5, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1, label="_half")
    for i, look in enumerate(looks):
        values = share.values[i].astype(float)
        above.plot(teacher, values, label=names[i], **_line(look, teacher))
        if low is not None and high is not None:
            below, top = low.values[i].astype(float), high.values[i].astype(float)
            if np.isfinite(values).sum() > 1:
                above.fill_between(teacher, below, top, color=look["color"], alpha=0.15, linewidth=0, label="_interval")
            else:  # a band has no width at a single point
                above.vlines(teacher, below, top, color=look["color"], alpha=0.5, label="_interval")
        ends.append(last_point(teacher, values))
    share_axis(above, "success: share of seeds")
    above.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    if covered is not None:
        _draw_epochs(panels[1], teacher, covered.values.astype(float), looks, names)
    panels[-1].set_xlabel("teacher node")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    if teacher.size > 1:
        above.set_xlim(teacher.min() - 0.02 * np.ptp(teacher), teacher.max() + 0.02 * np.ptp(teacher))
    elif teacher.size:
        above.set_xlim(teacher[0] - 1, teacher[0] + 1)
    _explain(figure, low, covered)
    label_ends(above, ends, names, [look["color"] for look in looks], 0.75 * _HEIGHT)
    return figure


def _line(look: dict[str, Any], teacher: np.ndarray) -> dict[str, Any]:
    found = {**look, "markeredgecolor": "white", "markeredgewidth": 0.6, "markersize": 5.5, "zorder": 3}
    return found if teacher.size <= _MANY_TEACHERS else {**found, "marker": None, "linewidth": 1.3}


def _draw_epochs(
    axes: Axes, teacher: np.ndarray, covered: np.ndarray, looks: list[dict[str, Any]], names: list[str]
) -> None:
    """Epochs at which teachers were found; on the upper edge those that were not."""
    known = covered[np.isfinite(covered) & (covered > 0)]
    size = 5.5 if teacher.size <= _MANY_TEACHERS else 2.5
    for i, look in enumerate(looks):
        values = np.where(np.isfinite(covered[i]), covered[i], np.nan)
        axes.plot(teacher, values, label=f"_{names[i]}", **_line(look, teacher))
        never = teacher[np.isposinf(covered[i])]
        # Lines that never arrive would cover each other: each has its own height.
        height = np.full(never.size, 1.0 - 0.05 * min(i, 8))
        if never.size:
            axes.plot(
                never, height, transform=axes.get_xaxis_transform(), marker="^", markersize=size, linestyle="none",
                markerfacecolor="none", markeredgecolor=look["color"], markeredgewidth=size / 5, label="_never",
                clip_on=False,
            )  # fmt: skip
    axes.set_ylabel("epoch of discovery")
    if known.size and wide(known):
        axes.set_yscale("log")
        log_ticks(axes.yaxis)
    elif known.size:
        axes.set_ylim(bottom=0)
    low, high = axes.get_ylim()
    if np.isposinf(covered).any():  # the highest point stays below the triangles
        room = 0.05 * min(len(looks), 9) + 0.1
        top = low * (high / low) ** (1 + room) if axes.get_yscale() == "log" else high + room * (high - low)
        axes.set_ylim(low, top)


def _explain(figure: Figure, low: xr.DataArray | None, covered: xr.DataArray | None) -> None:
    handles: list[Any] = []
    if low is not None and np.isfinite(low.values.astype(float)).any():
        confidence = 100 * float(low.attrs.get("confidence", 0.95))
        handles.append(Patch(facecolor=MUTED, alpha=0.3, linewidth=0, label=f"{confidence:g} % confidence interval"))
    if covered is not None and np.isposinf(covered.values.astype(float)).any():
        style: dict[str, Any] = {"marker": "^", "markerfacecolor": "none", "color": INK, "linestyle": "none"}
        handles.append(Line2D([], [], label="not found by most of the seeds", **style))
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=2, handletextpad=0.5)

"""What the best rule gains, and where it stands, over the number of students."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from practicum.figures._axes import wide
from practicum.figures._labelled import may, need
from practicum.figures.style import COLOURS, DASHES, INK, MUTED, drawn, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "optima"


@drawn
def optima(data: xr.Dataset) -> Figure:
    """Gain of adaptive back-propagation on the plateau, and the best inverse temperature of the whole training.

    Main arguments:
        data: over ``students``: ``gain_fixed`` and ``gain_optimised``, the best escape rate over that of gradient
            descent, at a fixed small learning rate and with the learning rate optimised for each;
            ``best_beta_total``, the inverse temperature that reaches a target soonest from a given start.

    Other arguments:
        data may also have ``best_beta_total_error`` (students), drawn as error bars.

    Raises:
        ParameterError: a variable or dimension is missing.
    """
    fixed = need(_NAME, data, "gain_fixed", "students").values.astype(float)
    optimised = need(_NAME, data, "gain_optimised", "students").values.astype(float)
    beta = need(_NAME, data, "best_beta_total", "students").values.astype(float)
    spread = may(_NAME, data, "best_beta_total_error", "students")
    students = need(_NAME, data, "students", "students").values.astype(float)

    figure = sheet(3.5)
    left, right = figure.subplots(1, 2)
    left.set_title("gain on the plateau")
    left.axhline(1, color=MUTED, linewidth=0.9, linestyle=DASHES[2], label="_no gain")
    for values, name, colour, marker, dash in (
        (fixed, "η fixed and small", COLOURS[0], "o", DASHES[0]),
        (optimised, "η optimised too", COLOURS[1], "s", DASHES[1]),
    ):
        left.plot(students, values, color=colour, marker=marker, linestyle=dash, label=name, **_EDGE)
    left.set_ylabel("escape rate, adaptive / gradient descent")
    left.set_ylim(bottom=0)

    right.set_title("best β of the whole training")
    line = np.linspace(students.min(), students.max(), 50)
    right.plot(line, 4 * line, color=INK, linewidth=1.1, linestyle=DASHES[1], label="4K: plateau, η → 0")
    right.errorbar(
        students, beta, yerr=None if spread is None else np.nan_to_num(spread.values), color=COLOURS[2], marker="D",
        label="total time, η optimised", capsize=2.5, elinewidth=1.0, **_EDGE,
    )  # fmt: skip
    right.set_ylabel("inverse temperature  β")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        _students_axis(axes, students)
        axes.legend(loc="upper left", handlelength=2.6)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.22)  # room for the legend above the curves
    return figure


_EDGE = {"markeredgecolor": "white", "markeredgewidth": 0.7, "markersize": 6}


def _students_axis(axes: Axes, students: np.ndarray) -> None:
    axes.set_xlabel("students = teachers  K")
    if wide(students):
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(FixedLocator([]))
        axes.xaxis.set_major_locator(FixedLocator(list(students[:: -(-students.size // 8)])))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.margins(x=0.06)

"""Order parameters over alpha: who grows, who resembles whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from practicum.errors import ParameterError
from practicum.figures._axes import alpha_axis
from practicum.figures._labelled import need, over_curves, texts
from practicum.figures.style import DASHES, INK, MANY, MUTED, drawn, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "overlaps"
_MOST = 4


@drawn
def overlaps(data: xr.Dataset, *, log_alpha: bool = False) -> Figure:
    """Student-student overlaps above, student-teacher overlaps below, one column of panels a curve.

    Main arguments:
        data: ``Q`` (alpha, student, student_) and ``R`` (alpha, student, teacher), as in a result of solve, or both
            with a leading dimension ``curve`` of at most 4 and a coordinate ``curve``, the titles of the columns.

    Other arguments:
        log_alpha: a logarithmic alpha axis; alpha = 0 is then left out.

    A student has one colour. Norms Q_ii are solid, overlaps Q_ik of two students dashed and grey. Of a student's
    overlaps R_in the one with the teacher it resembles most at the end is thick.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 4 curves.
    """
    data = over_curves(data)
    Q = need(_NAME, data, "Q", "curve", "alpha", "student", "student_").values
    R = need(_NAME, data, "R", "curve", "alpha", "student", "teacher").values
    alpha = need(_NAME, data, "alpha", "alpha").values.astype(float)
    titles = texts(need(_NAME, data, "curve", "curve"))
    if len(titles) > _MOST:
        raise ParameterError(
            f"The figure {_NAME} has room for {_MOST} curves. Got {len(titles)}; select some with .isel(curve=...)."
        )
    K, M = R.shape[-2:]
    colours = [look["color"] for look in styles(K)]

    figure = sheet(4.9)
    panels = figure.subplots(2, len(titles), sharex=True, sharey="row", squeeze=False)
    for column, title in enumerate(titles):
        above, below = panels[:, column]
        above.set_title(title)
        _draw_norms(above, alpha, Q[column], colours)
        _draw_resemblance(below, alpha, Q[column], R[column], colours)
        alpha_axis(above, alpha, log_alpha)
        above.set_xlabel("")
        alpha_axis(below, alpha, log_alpha)
        if len(titles) > 1 and not log_alpha:
            below.xaxis.set_major_locator(MaxNLocator(nbins=4))
    panels[0, 0].set_ylabel("student–student  $Q$")
    panels[1, 0].set_ylabel("student–teacher  $R$")
    handles = _legend(K, M, colours)
    columns = len(handles) if len(handles) <= 6 else -(-len(handles) // 2)
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, handlelength=1.8, columnspacing=1.3)
    return figure


def _draw_norms(axes: Axes, alpha: np.ndarray, Q: np.ndarray, colours: list) -> None:
    K = Q.shape[-1]
    for i in range(K):
        for k in range(i + 1, K):
            axes.plot(alpha, Q[:, i, k], color=MUTED, linestyle=DASHES[1], linewidth=1.0, label=f"Q_{i}{k}", zorder=2)
    for i in range(K):
        axes.plot(alpha, Q[:, i, i], color=colours[i], linewidth=1.8, label=f"Q_{i}{i}", zorder=3)


def _draw_resemblance(axes: Axes, alpha: np.ndarray, Q: np.ndarray, R: np.ndarray, colours: list) -> None:
    best = best_match(R)
    for i in range(R.shape[1]):
        for n in range(R.shape[2]):
            thick = n == best[i]
            axes.plot(
                alpha, R[:, i, n], color=colours[i], linewidth=2.2 if thick else 0.9, zorder=3 if thick else 2,
                linestyle="solid" if thick else DASHES[2], label=f"R_{i}{n}",
            )  # fmt: skip


def best_match(R: np.ndarray) -> np.ndarray:
    """For each student the teacher with which |R| is largest at the last point that is known; -1 for none."""
    known = np.flatnonzero(np.isfinite(R).all(axis=(1, 2)))
    return np.abs(R[known[-1]]).argmax(axis=1) if known.size else np.full(R.shape[1], -1)


def _legend(K: int, M: int, colours: list) -> list[Line2D]:
    handles = []
    if K < MANY // 2:
        handles = [Line2D([], [], color=colour, label=f"student {i + 1}") for i, colour in enumerate(colours)]
    if K > 1:
        handles.append(Line2D([], [], color=MUTED, linestyle=DASHES[1], linewidth=1.0, label="two students"))
    if M > 1:
        handles += [
            Line2D([], [], color=INK, linewidth=2.2, label="its teacher"),
            Line2D([], [], color=INK, linewidth=0.9, linestyle=DASHES[2], label="other teachers"),
        ]
    return handles

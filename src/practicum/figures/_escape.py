"""How fast the symmetric phase is left, over the inverse temperature: closed form and measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from practicum.figures._axes import log_ticks, wide
from practicum.figures._labelled import may, need, positive
from practicum.figures._labels import label_ends
from practicum.figures.style import INK, MUTED, drawn, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "escape"
_HEIGHT = 3.9


@drawn
def escape(data: xr.Dataset, *, scaled: bool = False) -> Figure:
    """The escape rate per unit learning rate over the inverse temperature, one line a number of students.

    Main arguments:
        data: ``escape_rate`` (students, inverse_temperature), the lines: lambda / eta.

    Other arguments:
        scaled: over beta / K instead of beta, where all optima stand at 4.
        data may also have: ``measured`` (students, measured_beta), drawn as points, with ``measured_uncertainty`` of
            the same dimensions as error bars; ``best_beta`` and ``best_rate`` (students), a star at each optimum.

    Raises:
        ParameterError: a variable or dimension is missing.
    """
    rate = need(_NAME, data, "escape_rate", "students", "inverse_temperature")
    measured = may(_NAME, data, "measured", "students", "measured_beta")
    uncertainty = may(_NAME, data, "measured_uncertainty", "students", "measured_beta")
    best_beta, best_rate = (may(_NAME, data, name, "students") for name in ("best_beta", "best_rate"))
    students = need(_NAME, data, "students", "students").values
    beta = need(_NAME, data, "inverse_temperature", "inverse_temperature").values.astype(float)
    looks = styles(len(students))

    figure = sheet(_HEIGHT)
    axes = figure.add_subplot()
    ends, names, seen = [], [], []
    for i, (K, look) in enumerate(zip(students, looks)):
        unit = float(K) if scaled else 1.0
        values = positive(rate.values[i])
        axes.plot(beta / unit, values, color=look["color"], linestyle=look["linestyle"], label=f"K = {K}", zorder=3)
        good = np.flatnonzero(np.isfinite(values))
        ends.append((beta[good[-1]] / unit, values[good[-1]]) if good.size else (np.nan, np.nan))
        names.append(f"K = {K}")
        seen.append(values)
        if measured is not None:
            at = need(_NAME, data, "measured_beta", "measured_beta").values.astype(float) / unit
            points = positive(measured.values[i])
            axes.errorbar(
                at, points, yerr=None if uncertainty is None else np.nan_to_num(uncertainty.values[i]), zorder=4,
                color=look["color"], marker=look["marker"], linestyle="none", markeredgecolor="white",
                markeredgewidth=0.6, markersize=5.5, capsize=2, elinewidth=1.0, label=f"_measured {K}",
            )  # fmt: skip
            seen.append(points)
        if best_beta is not None and best_rate is not None:
            axes.plot(
                float(best_beta.values[i]) / unit, float(best_rate.values[i]), marker="*", markersize=11,
                color=look["color"], markeredgecolor=INK, markeredgewidth=0.7, linestyle="none", zorder=5,
                label=f"_best {K}",
            )  # fmt: skip
    finite = np.concatenate([values[np.isfinite(values)] for values in seen] or [np.empty(0)])
    axes.set_xscale("log")
    if finite.size and wide(finite):
        axes.set_yscale("log")
        log_ticks(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    if scaled and seen:
        axes.set_xlim(*_common(beta, students, None if measured is None else data["measured_beta"].values))
    else:
        axes.margins(x=0)
    log_ticks(axes.xaxis)
    axes.set_xlabel("inverse temperature per student  β / K" if scaled else "inverse temperature  β")
    axes.set_ylabel("escape rate / learning rate  λ / η")
    _explain(axes, measured is not None, best_beta is not None and best_rate is not None)
    label_ends(axes, ends, names, [look["color"] for look in looks], 0.8 * _HEIGHT)
    return figure


def _common(beta: np.ndarray, students: np.ndarray, measured_beta: np.ndarray | None) -> tuple[float, float]:
    """The range of beta / K that all curves and all measured points share or need, so that curves end together."""
    smallest, largest = float(np.min(students)), float(np.max(students))
    low, high = beta.min() / smallest, beta.max() / largest
    if measured_beta is not None and measured_beta.size:
        low, high = min(low, measured_beta.min() / largest / 1.2), max(high, measured_beta.max() / smallest * 1.2)
    return (low, high) if low < high else (beta.min() / largest, beta.max() / smallest)


def _explain(axes, points: bool, stars: bool) -> None:
    handles = [axes.plot([], [], color=INK, label="theory, η → 0")[0]]
    if points:
        handles += axes.plot([], [], color=INK, marker="o", linestyle="none", label="measured")
    if stars:
        style = {"markeredgecolor": INK, "markersize": 10, "linestyle": "none"}
        handles += axes.plot([], [], color=MUTED, marker="*", label="optimum", **style)
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)

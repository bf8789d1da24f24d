"""Axes that several figures share: alpha, epochs, errors, and scales chosen by the values they must show."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from practicum.figures.style import ALPHA, ERROR, MUTED

EDGE: dict[str, Any] = {"color": MUTED, "linewidth": 0.9, "linestyle": (0, (1, 2))}
"""How the line looks beyond which zeros stand on a logarithmic axis."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def alpha_axis(axes: Axes, alpha: np.ndarray, logarithmic: bool = False) -> None:
    """Label and scale of the alpha axis; large values as 20 000, not 2e4."""
    axes.set_xlabel(ALPHA)
    finite = alpha[np.isfinite(alpha) & ((alpha > 0) | (not logarithmic))]
    if logarithmic:
        axes.set_xscale("log")
        log_ticks(axes.xaxis)
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
    if finite.size > 1 and finite.min() < finite.max():
        axes.set_xlim(finite.min(), finite.max())


def epoch_axis(axes: Axes, epoch: np.ndarray, logarithmic: bool = False) -> None:
    """Label and scale of an axis of epochs. A logarithmic one has a linear piece at its left, so that 0 has a place."""
    axes.set_xlabel("epoch")
    finite = epoch[np.isfinite(epoch)]
    after = finite[finite > 0]
    if logarithmic and after.size:
        first, last = float(after.min()), float(after.max())
        if finite.min() <= 0:
            axes.set_xscale("symlog", linthresh=first, linscale=0.3)
            powers = [10.0**k for k in range(int(np.ceil(np.log10(first))), int(np.floor(np.log10(last))) + 1)]
            axes.xaxis.set_major_locator(FixedLocator([0.0, *powers[:: 1 + len(powers) // 6]]))
            axes.xaxis.set_minor_locator(NullLocator())
        else:
            axes.set_xscale("log")
    if finite.size > 1 and finite.min() < finite.max():
        axes.set_xlim(finite.min(), finite.max())
    if axes.get_xscale() == "log":
        log_ticks(axes.xaxis)
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))


def share_axis(axes: Axes, label: str, least: float = 0.0) -> None:
    """An axis of shares or correlations, from `least` to 1, with room for a line at either end."""
    axes.set_ylabel(label)
    axes.set_ylim(least - 0.03 * (1 - least), 1 + 0.03 * (1 - least))


def error_axis(axes: Axes, label: str = ERROR) -> None:
    """A logarithmic axis of the generalization error, or of a loss."""
    axes.set_ylabel(label)
    if not np.isfinite(axes.dataLim.minposy):  # nothing to show, and a logarithmic axis must show something
        axes.set_ylim(1e-3, 1.0)
    axes.set_yscale("log")
    log_ticks(axes.yaxis)


def log_ticks(axis) -> None:
    """Ticks of a logarithmic axis: powers of ten where there are several, else 1, 2, 5 written out as numbers."""
    low, high = axis.get_view_interval()
    decades = np.log10(high / low) if high > low > 0 else 1.0
    if decades > 1.7:
        axis.set_major_locator(LogLocator(subs=(1, 3) if decades < 2.6 else (1,), numticks=8))
        axis.set_minor_locator(LogLocator(subs=(2, 3, 4, 5, 6, 7, 8, 9), numticks=8) if decades < 7 else NullLocator())
        axis.set_major_formatter(FuncFormatter(_power if decades >= 2.6 and (low < 1e-3 or high > 1e4) else _plain))
    else:
        subs = (1, 2, 3, 5, 7) if decades > 0.35 else (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)
        axis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_formatter(NullFormatter())


def few_log_ticks(axis, most: int = 3) -> None:
    """At most `most` round numbers on a short logarithmic axis, as far apart as they can be."""
    low, high = axis.get_view_interval()
    if not 0 < low < high:
        return
    axis.set_major_locator(FixedLocator(_round_numbers(low, high, most)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(_plain))


def _round_numbers(low: float, high: float, most: int) -> list[float]:
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [digit * 10.0**power for power in powers for digit in digits if low <= digit * 10.0**power <= high]
        if len(found) >= min(most, 2):
            break
    return found[:: max(1, -(-len(found) // most))]


def value_axis(
    axes: Axes, which: str, values: np.ndarray, *, logarithmic: bool = False, margin: float = 0.03, room: float = 0.03
) -> bool:
    """Scale and limits of the axis `which` ("x" or "y") for the `values` it shows; True if zeros stand at its edge.

    A logarithmic axis with zeros among its values has a short linear piece at its lower end, beyond a dotted line, for
    them. Free is the share `margin` at the lower end of a linear axis, and `room` at the upper end of either.
    """
    limits, scale = getattr(axes, f"set_{which}lim"), getattr(axes, f"set_{which}scale")
    axis = getattr(axes, f"{which}axis")
    finite = values[np.isfinite(values)]
    if not logarithmic:
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        span = high - low or abs(high) or 1.0
        limits(low - margin * span, high + room / (1 - room) * span)
        axis.set_major_formatter(FuncFormatter(_plain))
        return False
    above = finite[finite > 0]
    first, last = (float(above.min()), float(above.max())) if above.size else (1e-3, 1.0)
    edge = first / 1.3
    decades = max(float(np.log10(last) - np.log10(edge)), 0.25)
    top = edge * 10 ** (decades * (1 + room / (1 - room)))
    zeros = bool((finite == 0).any())
    if zeros:
        # The linear piece is a tenth as long as the rest; matplotlib counts in decades of 1 - 1/10.
        scale("symlog", linthresh=edge, linscale=0.9 * max(0.1 * decades, 0.02))
        axis.set_major_locator(FixedLocator([0.0, *_round_numbers(edge, top, 6)]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(_power if edge < 1e-3 or top > 1e4 else _plain))
        limits(-0.3 * edge, top)
        line = axes.axhline if which == "y" else axes.axvline
        line(edge, label="_edge", zorder=1, **EDGE)
    else:
        scale("log")
        limits(edge, top)
        log_ticks(axis)
    return zeros


def of_zeros(*axes: bool) -> list[Line2D]:
    """A handle of a legend that says where zeros stand, if they do on one of the axes."""
    return [Line2D([], [], label="zeros stand beyond this line", **EDGE)] if any(axes) else []


def wide(values: np.ndarray) -> bool:
    """Whether positive values span enough for a logarithmic axis."""
    return bool(values.min() > 0 and values.max() / values.min() >= 8)


def geometric(grid: np.ndarray) -> bool:
    """Whether the ascending points of a grid are spaced by factors rather than by differences."""
    if grid.min() <= 0 or grid.size < 3:
        return bool(grid.min() > 0 and wide(grid))
    by_factors, by_differences = np.diff(np.log(grid)), np.diff(grid)
    return bool(np.std(by_factors) / np.mean(by_factors) < np.std(by_differences) / np.mean(by_differences))


def _thousands(value: float, position: int | None = None) -> str:
    return f"{value:,.10g}".replace(",", "\u202f").replace("-", "−")


def _power(value: float, position: int | None = None) -> str:
    if value == 0:
        return "0"
    exponent = round(np.log10(value))
    if not np.isclose(value, 10.0**exponent, rtol=1e-6):
        return _plain(value)
    return "1" if exponent == 0 else f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def _plain(value: float, position: int | None = None) -> str:
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        return _thousands(value)
    mantissa, exponent = f"{value:.3e}".split("e")
    digits = f"{float(mantissa):g}"
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return power if digits == "1" else f"{digits}·{power}"

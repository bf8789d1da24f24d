"""Theory against simulation: the flow as a line, means over seeds as points, and how far they are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from practicum.figures._axes import alpha_axis, error_axis
from practicum.figures._labelled import may, need, positive, texts
from practicum.figures.style import GRID, INK, drawn, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "theory_and_simulation"
_MOST_POINTS = 28


@drawn
def theory_and_simulation(data: xr.Dataset, *, log_alpha: bool = False) -> Figure:
    """The generalization error of the flow and of simulations above; below, what separates them.

    Main arguments:
        data: ``generalization_error_theory`` (alpha); ``mean`` and ``error`` (setting, alpha), the mean over seeds and
            its standard error; the coordinate ``setting``, the names. NaN where a setting has no point.

    Other arguments:
        log_alpha: a logarithmic alpha axis; alpha = 0 is then left out.
        data may also have: ``scaled`` (setting, alpha), drawn below instead of the z-score (mean - theory) / error; its
            attribute ``label`` labels the axis, "(simulation − theory) × N" if it has none. With
            ``scaled_error`` of the same dimensions it has error bars.

    A z-score is drawn linearly up to 3 and logarithmically beyond, since at finite N the theory's own error of order
    1/N must show, given enough seeds.

    Raises:
        ParameterError: a variable or dimension is missing.
    """
    theory = need(_NAME, data, "generalization_error_theory", "alpha").values.astype(float)
    mean = need(_NAME, data, "mean", "setting", "alpha").values.astype(float)
    error = need(_NAME, data, "error", "setting", "alpha").values.astype(float)
    scaled = may(_NAME, data, "scaled", "setting", "alpha")
    scaled_error = may(_NAME, data, "scaled_error", "setting", "alpha")
    alpha = need(_NAME, data, "alpha", "alpha").values.astype(float)
    names = texts(need(_NAME, data, "setting", "setting"))
    looks = styles(len(names))

    figure = sheet(5.1)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.1, 1))
    order = np.argsort(alpha)
    above.plot(alpha[order], positive(theory)[order], color=INK, linewidth=1.5, label="theory, N → ∞", zorder=2)
    for i, look in enumerate(looks):
        shown = thinned(mean[i], shift=i, of=len(names))
        points = {**point_look(look), "label": names[i]}
        above.errorbar(alpha[shown], positive(mean[i, shown]), yerr=_bars(mean[i, shown], error[i, shown]), **points)
        if scaled is None:
            distance, bars = _z(mean[i], theory, error[i])[shown], None
        else:
            distance = scaled.values[i, shown]
            bars = None if scaled_error is None else np.nan_to_num(scaled_error.values[i, shown])
        below.errorbar(alpha[shown], distance, yerr=bars, **{**points, "label": f"_{names[i]}"})
        below.plot(alpha[shown], distance, color=look["color"], linewidth=0.8, alpha=0.5, zorder=2, label="_guide")
    alpha_axis(above, alpha, log_alpha)
    alpha_axis(below, alpha, log_alpha)
    above.set_xlabel("")
    if not log_alpha:  # a whole marker at the last point
        low, high = above.get_xlim()
        above.set_xlim(low - 0.012 * (high - low), high + 0.012 * (high - low))
    error_axis(above)
    below.axhline(0, color=INK, linewidth=1.0, zorder=1, label="_theory")
    if scaled is None:
        _z_axis(below, _z(mean, theory, error))
    else:
        below.set_ylabel(str(scaled.attrs.get("label", "(simulation − theory) × N")))
    handles = above.get_legend_handles_labels()[0]
    if scaled is None:
        handles.append(Patch(facecolor=GRID, alpha=0.6, label="|z| < 3"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4 if len(handles) != 5 else 5, **_LEGEND)
    return figure


_LEGEND = {"handlelength": 1.6, "columnspacing": 1.3}


def thinned(mean: np.ndarray, shift: int, of: int) -> np.ndarray:
    """Indices of the points shown: all if few; else some, other ones for each setting, so that they do not cover."""
    known = np.flatnonzero(np.isfinite(mean))
    stride = -(-known.size // _MOST_POINTS)
    return known[(shift * stride // max(of, 1)) :: stride] if stride > 1 else known


def point_look(look: dict[str, Any]) -> dict[str, Any]:
    """How a mean with its error bar looks."""
    return {
        "color": look["color"], "marker": look["marker"], "linestyle": "none", "markersize": 4.6, "zorder": 3,
        "markerfacecolor": "white", "markeredgewidth": 1.2, "elinewidth": 1.0, "capsize": 1.8,
    }  # fmt: skip


def _bars(mean: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Error bars that a logarithmic axis can show: the lower end stays positive."""
    error = np.where(np.isfinite(error) & (error >= 0), error, 0.0)
    return np.stack([np.minimum(error, np.where(mean > 0, 0.999 * mean, 0.0)), error])


def _z(mean: np.ndarray, theory: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Difference in standard errors; NaN where the error is zero or unknown (a single seed, or alpha = 0)."""
    # At alpha = 0 all seeds are alike, and their spread is the rounding of one mean.
    usable = np.isfinite(error) & (error > 1e-12 * np.abs(mean))
    return np.where(usable, (mean - theory) / np.where(usable, error, 1.0), np.nan)


def _z_axis(axes: Axes, z: np.ndarray) -> None:
    axes.set_ylabel("z-score of\nsimulation − theory")
    axes.axhspan(-3, 3, color=GRID, alpha=0.6, linewidth=0, zorder=0, label="_band")
    largest = np.abs(z[np.isfinite(z)]).max(initial=0.0)
    if largest > 12:
        axes.set_yscale("symlog", linthresh=3, linscale=0.7)
        decades = [10.0**k for k in range(1, 1 + int(np.ceil(np.log10(largest))))][:: 1 if largest < 1e3 else 2]
        axes.set_yticks([*(-d for d in reversed(decades)), -3, 0, 3, *decades])
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(*_signed_limits(z))
    else:
        axes.set_ylim(-max(4.0, 1.1 * largest), max(4.0, 1.1 * largest))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))


def _signed_limits(z: np.ndarray) -> tuple[float, float]:
    finite = z[np.isfinite(z)]
    return min(-5.0, 2 * float(finite.min())), max(5.0, 2 * float(finite.max()))

"""Biases of BatchNorm: their signs layer by layer, how often the nodes behind them fire, and what chance gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from practicum.errors import ParameterError
from practicum.figures._labelled import may, need, texts
from practicum.figures._labels import shortened
from practicum.figures.style import COLOURS, INK, MUTED, NEVER, PAPER, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "batchnorm_biases"
_MOST = 160
_NEGATIVE, _POSITIVE = COLOURS[0], COLOURS[1]
_WRITTEN = 26
"""Rows up to which the shares are written into the bars."""
_POSITIONS = {
    "before-relu": (COLOURS[2], "o"),
    "before-sum": (COLOURS[3], "s"),
    "after-relu": (COLOURS[4], "D"),
    "linear": (COLOURS[5], "^"),
    "before-other": (INK, "v"),
    "unknown": (MUTED, "X"),
    "all": (INK, "o"),
}
_ROWS = {"layer": "BatchNorm layer", "position": "position of the layers", "row": "network"}
_HISTOGRAM = 1.75
"""Height of the histogram in inches."""
_WIDEST = 4.0
"""beta / |gamma| beyond this is put into the last bin: there a node fires always or never."""


@drawn
def batchnorm_biases(data: xr.Dataset) -> Figure:
    """Shares of negative, zero and positive biases of BatchNorm, one row a layer; beside them the expected firing rate.

    Main arguments:
        data: ``negative``, ``zero`` and ``positive`` (layer), shares that add up to 1, and the coordinate ``layer``,
            the names. Instead of ``layer`` there may be ``position``, for layers added up, or ``row``. At most 160
            rows; those of NaN are left out.

    Other arguments:
        data may also have, of the same dimension: ``null_low`` and ``null_high``, the interval of ``negative`` by
            chance, as a beam in each bar, and ``null_low_layers`` and ``null_high_layers``, a wider, thinner one;
            ``firing_rate``, the mean of Phi(beta / |gamma|), drawn beside, NaN where no ReLU follows; ``position``, a
            mark at each name; and ``beta`` and ``gamma`` (layer, channel), padded with NaN, of which a histogram of
            beta / |gamma| is drawn below, one line a position.

    Raises:
        ParameterError: a variable or dimension is missing, or there are too many rows.
    """
    rows = next((dim for dim in _ROWS if dim in getattr(data, "dims", ())), "layer")
    shares = np.stack([need(_NAME, data, name, rows).values.astype(float) for name in ("negative", "zero", "positive")])
    known = np.flatnonzero(np.isfinite(shares).all(axis=0))
    if known.size > _MOST:
        raise ParameterError(
            f"The figure {_NAME} has room for {_MOST} rows. Got {known.size}; select with .isel({rows}=slice({_MOST}))."
        )
    names = np.array(texts(need(_NAME, data, rows, rows)))
    kinds = need(_NAME, data, "position", rows).values.astype(str) if "position" in data.variables else None
    rate = may(_NAME, data, "firing_rate", rows)
    beta, gamma = (may(_NAME, data, name, rows, "channel") for name in ("beta", "gamma"))
    intervals = [_interval(data, rows, known, ending) for ending in ("", "_layers")]

    high = float(np.clip(0.21 * known.size, 0.8, max(6.3, min(12.0, 0.145 * known.size))))
    heights = [high + 1.2] + ([] if beta is None or gamma is None else [_HISTOGRAM])
    figure = sheet(sum(heights))
    figure.get_layout_engine().set(wspace=0.05)  # type: ignore[union-attr]
    above, *below = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    widths = (3,) if rate is None else (3, 1)
    panels = above.subplots(1, len(widths), sharey=True, width_ratios=widths, squeeze=False)[0]
    marks = None if kinds is None or rows == "position" else kinds[known]
    panels[0].set_ylabel(_ROWS[rows] if high > 1.3 else rows)
    _draw_shares(panels[0], shares[:, known], intervals)
    _name_rows(panels[0], names[known], marks, high)
    if rate is not None:
        _draw_rates(panels[1], rate.values.astype(float)[known], None if kinds is None else kinds[known])
    if beta is not None and gamma is not None:
        kinds = np.full(len(names), "") if kinds is None else kinds
        _draw_histogram(below[0].add_subplot(), beta.values.astype(float), gamma.values.astype(float), kinds)
        marks = None  # the histogram has names of its own
    handles = _legend(shares[:, known], intervals, [] if marks is None else marks)
    columns = min(len(handles), 5)
    handles = [handles[i] for column in range(columns) for i in range(column, len(handles), columns)]  # row by row
    above.legend(handles=handles, loc="outside upper left", ncols=columns, columnspacing=1.3, handlelength=1.5)
    return figure


def _interval(data: xr.Dataset, rows: str, known: np.ndarray, ending: str) -> np.ndarray | None:
    """Ends of the interval of chance (2, rows), or None."""
    ends = [may(_NAME, data, f"null_{end}{ending}", rows) for end in ("low", "high")]
    if ends[0] is None or ends[1] is None:
        return None
    return np.stack([end.values.astype(float)[known] for end in ends if end is not None])


def _draw_shares(axes: Axes, shares: np.ndarray, intervals: list[np.ndarray | None]) -> None:
    y = np.arange(shares.shape[1])
    axes.set(xlim=(0, 1), xlabel="share of channels by the sign of β")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.grid(False)
    if not y.size:
        say(axes, "no layer to draw")
        return
    left = np.zeros(y.size)
    for values, look in zip(shares, _bars()):
        axes.barh(y, values, left=left, height=0.8, linewidth=0, **look)
        left = left + values
    axes.axvline(0.5, color=PAPER, linewidth=0.8, zorder=3, label="_half")
    for interval, width in zip(intervals, (2.6, 0.9)):
        if interval is not None:
            axes.hlines(y, *interval, color=INK, linewidth=width, zorder=5, label="_null")
            low, high = np.tile(y - 0.22, 2), np.tile(y + 0.22, 2)
            axes.vlines(interval.ravel(), low, high, color=INK, linewidth=0.9, zorder=5)
    written: dict[str, Any] = {"va": "center_baseline", "color": PAPER, "fontsize": 7.5, "zorder": 6}
    for row in np.flatnonzero(shares[0] >= 0.12).tolist() if y.size <= _WRITTEN else []:
        axes.text(0.012, row, f"{100 * shares[0, row]:.0f} %", **written)


def _draw_rates(axes: Axes, rate: np.ndarray, positions: np.ndarray | None) -> None:
    axes.set(xlim=(-0.03, 1.03), xlabel="expected firing rate")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.set_xticks([0, 0.5, 1])
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    if not np.isfinite(rate).any():
        say(axes, "no ReLU follows")
        return
    for row in np.flatnonzero(np.isfinite(rate)):
        colour, marker = _POSITIONS.get("before-relu" if positions is None else positions[row], _POSITIONS["unknown"])
        axes.plot(rate[row], row, marker=marker, color=colour, markersize=4.5, label="_rate", zorder=3)


def _name_rows(axes: Axes, names: np.ndarray, positions: np.ndarray | None, high: float) -> None:
    size = float(np.clip(0.68 * 72 * high / max(len(names), 1), 3.6, 8.0))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), [shortened(name) for name in names], fontsize=size)
    axes.tick_params(axis="y", length=0, pad=3 if positions is None else 10)
    for row, position in enumerate([] if positions is None else positions):
        colour, marker = _POSITIONS.get(position, _POSITIONS["unknown"])
        axes.plot(
            -0.015, row, transform=axes.get_yaxis_transform(), marker=marker, color=colour, clip_on=False,
            markersize=0.6 * size, label=f"_{position}",
        )  # fmt: skip


def _draw_histogram(axes: Axes, beta: np.ndarray, gamma: np.ndarray, positions: np.ndarray) -> None:
    """Shares of the channels by beta / |gamma|, one line a position; a channel with gamma = 0 is off or on for good."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = beta / np.abs(gamma)
    bins = np.linspace(-_WIDEST, _WIDEST, 49)
    for position in dict.fromkeys(positions.tolist()):
        values = ratio[positions == position]
        values = np.clip(values[~np.isnan(values)], -_WIDEST, _WIDEST)
        if values.size:
            colour = _POSITIONS.get(position, _POSITIONS["unknown"])[0] if position else COLOURS[2]
            counts = np.histogram(values, bins)[0] / values.size
            axes.stairs(counts, bins, color=colour, linewidth=1.5, label=position or "_all")
            axes.stairs(counts, bins, color=colour, alpha=0.15, fill=True, label="_area")
    axes.axvline(0, color=INK, linewidth=0.9, label="_zero")
    axes.set(xlim=(-_WIDEST, _WIDEST), xlabel="β / |γ|  of the channels", ylabel="share of channels")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, 0 if axes.get_ylim()[1] > 0.04 else 1, symbol=" %"))
    if not np.isfinite(ratio).any():
        say(axes, "no channel to draw")
    elif positions.any():
        axes.legend(loc="upper right")


def _bars() -> list[dict[str, Any]]:
    return [
        {"color": _NEGATIVE, "label": "β < 0"},
        {"facecolor": NEVER, "hatch": "////", "edgecolor": MUTED, "label": "β = 0"},
        {"color": _POSITIVE, "alpha": 0.75, "label": "β > 0"},
    ]


def _legend(shares: np.ndarray, intervals: list[np.ndarray | None], positions: Iterable[str]) -> list[Any]:
    handles: list[Any] = [
        Patch(**look, linewidth=0) for look, row in zip(_bars(), shares) if row.any() or "hatch" not in look
    ]
    if intervals[0] is not None:
        handles.append(Line2D([], [], color=INK, linewidth=2.6, label="β < 0 by chance, 95 %"))
    if intervals[1] is not None:
        handles.append(Line2D([], [], color=INK, linewidth=0.9, marker="|", label="by chance, layers as one"))
    for position in dict.fromkeys(positions):
        colour, marker = _POSITIONS.get(position, _POSITIONS["unknown"])
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle="none", markersize=4.5, label=position))
    return handles

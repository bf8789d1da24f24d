"""Errors of several settings over one axis: measured alone, or as points on the lines that a theory predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from practicum.errors import ParameterError
from practicum.figures._axes import geometric, of_zeros, value_axis
from practicum.figures._labelled import need, nonnegative, texts
from practicum.figures._labels import shortened, wrapped
from practicum.figures._legend import legend_above
from practicum.figures._panels import at_panel, grid, label_grid, over_panels, with_panels
from practicum.figures._regimes import counted, marks, over_regimes, regime_names
from practicum.figures._seeds import BAND, Summary, draw, explained, summary, with_seeds
from practicum.figures._theory_and_simulation import point_look, thinned
from practicum.figures.style import DASHES, INK, MANY, MUTED, PAPER, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_MOST = 6
_PANELS = ("panel", "law", "layer")
_DECADES = 2.0
"""From this many on a vertical axis is logarithmic, unless the caller says otherwise."""
_MARKS = 20
"""Markers on a line of measurements, at most; they tell settings apart where colours do not."""
_LEVEL: dict[str, Any] = {"color": INK, "linewidth": 1.1, "linestyle": (0, (8, 2.5))}


def compared(
    figure: str,
    data: xr.Dataset,
    measured: str,
    along: str,
    *,
    label: str,
    x_label: str,
    centre: str = "median",
    log: bool | None = None,
    log_x: bool | None = None,
    share_y: bool = True,
    from_zero: bool = False,
    level: str = "",
) -> Figure:
    """A panel each of what is `measured` (setting, along[, seed]), and ``predicted`` if the data have it.

    Main arguments:
        figure: its name, for what is said about data that do not fit.
        along: the dimension of the horizontal axis, and its coordinate.

    Other arguments:
        from_zero: whether a linear vertical axis begins at zero.
        level: a variable (panel) drawn as a horizontal line, if the data have it.
        The others are those of :func:`practicum.figures.predicted_and_measured`.

    With predictions the measurements are points with error bars, without them lines with bands, which go on to the next
    point where one has no number.
    """
    level = level if level in getattr(data, "variables", ()) else ""
    decides = with_panels(data, _PANELS, measured, "predicted", level)
    data, titles, _ = over_panels(figure, data, decides, _MOST, _PANELS)
    data = over_regimes(data, "setting", measured)
    parts = [at_panel(data, decides, panel) if titles else data for panel in range(max(len(titles), 1))]
    errors = [with_seeds(figure, part, measured, "setting", along) for part in parts]
    lines = [_predicted(figure, part, along) for part in parts]
    levels = [summary(with_seeds(figure, part, level)).median if level else np.array(np.nan) for part in parts]
    x = need(figure, data, along, along).values.astype(float)
    names, theories = regime_names(figure, data, "setting"), _theories(figure, data)
    looks = styles(len(names))

    log = _spans(np.concatenate([np.ravel(one) for one in (*errors, *lines, *levels)])) if log is None else log
    log_x = _by_factors(x) if log_x is None else log_x
    if log:
        errors, lines, levels = ([nonnegative(one) for one in several] for several in (errors, lines, levels))
    page = sheet(3.7 if len(parts) == 1 else 0.5 + 2.4 * -(-len(parts) // 3))
    columns = min(len(parts), 3) if len(parts) != 4 else 2
    panels = grid(page, len(parts), columns, sharey=share_y)
    found = [[_centred(row, centre) for row in error] for error in errors]
    for axes, title, lines_here, points, height in zip(panels, titles, lines, found, levels):
        axes.set_title(title)
        if np.isfinite(height):
            axes.axhline(float(height), label=level, zorder=2, **_LEVEL)
        _draw_lines(axes, x, lines_here, looks, names, theories)
        if theories:
            _draw_points(axes, x, points, _dots(looks), names)
        else:
            _draw_curves(axes, x, points, looks, names)
        if not any(np.isfinite(one.median).any() for one in points) and not np.isfinite(lines_here).any():
            say(axes, "no finite number")
    shown = [
        np.concatenate([one.ravel(), height.ravel(), *map(_shown, points)])
        for one, height, points in zip(lines, levels, found)
    ]
    zeros = []
    for axes, own in zip(panels, shown):
        values = np.concatenate([*(shown if share_y else [own]), [0.0] if from_zero and not log else []])
        zeros.append(value_axis(axes, "y", values, logarithmic=log))
        zeros.append(value_axis(axes, "x", x, logarithmic=log_x))
        if not log_x and np.issubdtype(data[along].dtype, np.integer):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], nbins=8, min_n_ticks=1))
    label_grid(panels, wrapped(x_label, 5.9 / columns), wrapped(label, 3.0 if len(parts) == 1 else 1.7))
    known = np.any([np.isfinite(error).any(axis=1) for error in errors], axis=0)
    named = _named(names, known, looks, theories, lines)
    levelled = [Line2D([], [], label=level, **_LEVEL)] if np.isfinite(levels).any() else []
    legend_above(page, [*named, *_explained(found, centre, bool(theories)), *levelled, *of_zeros(*zeros)])
    return page


def _predicted(figure: str, data: xr.Dataset, along: str) -> np.ndarray:
    """Lines as (setting, theory, x); the first two have length 1 if the prediction does not depend on them."""
    if "predicted" not in data.variables:
        return np.full((1, 0, data.sizes[along]), np.nan)
    chosen = [dim for dim in ("setting", "theory") if dim in data["predicted"].dims]
    values = need(figure, data, "predicted", *chosen, along).values.astype(float)
    if "theory" not in chosen:
        values = values[..., None, :]
    return values if "setting" in chosen else values[None]


def _theories(figure: str, data: xr.Dataset) -> list[str]:
    if "predicted" not in data.variables:
        return []
    if "theory" not in data["predicted"].dims:
        return ["theory"]
    names = [shortened(text, 64) for text in texts(need(figure, data, "theory", "theory"))]
    if len(names) > len(DASHES):
        raise ParameterError(
            f"The figure {figure} has room for {len(DASHES)} theories, as many as there are kinds of lines. "
            f"Got {len(names)}; select some with .isel(theory=[...])."
        )
    return names


def _spans(values: np.ndarray) -> bool:
    """Whether nothing is negative, and what is positive spans decades."""
    finite = values[np.isfinite(values)]
    above = finite[finite > 0]
    return bool(above.size and finite.min() >= 0 and np.log10(above.max()) - np.log10(above.min()) >= _DECADES)


def _by_factors(x: np.ndarray) -> bool:
    finite = np.unique(x[np.isfinite(x)])
    above = finite[finite > 0]
    return bool(above.size > 2 and finite[0] >= 0 and geometric(above))


def _centred(values: np.ndarray, centre: str) -> Summary:
    """Centre and ends of the error bars over seeds; no ends where fewer than two seeds have a number."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    found = summary(values)
    if centre == "mean":
        several = np.maximum(count, 1)
        mean = np.where(count > 0, np.where(known, values, 0.0).sum(axis=-1) / several, np.nan)
        squares = np.where(known, (values - mean[:, None]) ** 2, 0.0).sum(axis=-1)
        error = np.sqrt(squares / np.maximum(count - 1, 1) / several)
        found = Summary(mean, mean - error, mean + error, found.seeds)
    low, high = (np.where(count > 1, ends, np.nan) for ends in (found.low, found.high))
    return found._replace(low=low, high=high)


def _known(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Indices of the points that have a number, from left to right."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(values))
    return known[np.argsort(x[known])]


def _draw_lines(
    axes: Axes, x: np.ndarray, lines: np.ndarray, looks: list[dict[str, Any]], names: list[str], theories: list[str]
) -> None:
    for i, of_setting in enumerate(lines):
        for k, values in enumerate(of_setting):
            known = _known(x, values)
            name = names[i] if len(lines) > 1 else ""
            axes.plot(
                x[known], values[known], label=f"{theories[k]} {name}".strip(), linewidth=1.5, zorder=2,
                marker="_" if known.size == 1 else None, markersize=12, **_line(looks, i, k, len(lines), len(theories)),
            )  # fmt: skip


def _line(looks: list[dict[str, Any]], setting: int, theory: int, settings: int, theories: int) -> dict[str, Any]:
    """A line of several theories has the dash of its theory, else that of its setting; one for all settings is dark."""
    own = looks[setting]
    colour, dash = (own["color"], own["linestyle"]) if settings > 1 else (INK, "solid")
    return {"color": colour, "linestyle": DASHES[theory] if theories > 1 else dash}


def _draw_points(
    axes: Axes, x: np.ndarray, points: list[Summary], dots: list[dict[str, Any]], names: list[str]
) -> None:
    for i, (found, dot) in enumerate(zip(points, dots)):
        chosen = thinned(found.median, shift=i, of=len(points))
        bars = np.stack([found.median - found.low, found.high - found.median])[:, chosen]
        name = names[i] or "measured"
        axes.errorbar(x[chosen], found.median[chosen], yerr=np.maximum(bars, 0.0), label=name, **dot)


def _draw_curves(
    axes: Axes, x: np.ndarray, points: list[Summary], looks: list[dict[str, Any]], names: list[str]
) -> None:
    for i, (found, look) in enumerate(zip(points, looks)):
        known = _known(x, found.median)
        seeds = found.seeds if len(points) < MANY else 1  # which has no band
        here = Summary(found.median[known], found.low[known], found.high[known], seeds)
        stride = -(-known.size // _MARKS) or 1
        every = (i * stride // len(points), stride)
        draw(axes, x[known], here, look, names[i] or "measured", markers=True, markersize=5.5, markevery=every)


def _shown(found: Summary) -> np.ndarray:
    return np.concatenate([found.median, found.high, np.where(found.low > 0, found.low, np.nan)])


def _named(
    names: list[str], known: np.ndarray, looks: list[dict[str, Any]], theories: list[str], lines: list[np.ndarray]
) -> list[Line2D]:
    """The settings, each with the line of its theory or of its own, and then the theories."""
    settings = len(lines[0])
    predicted = np.any([np.isfinite(one).any(axis=(1, 2)) for one in lines], axis=0)
    handles = []
    for i, (name, row, dot) in enumerate(zip(names, known, _dots(looks))):
        if not name and row.all():
            continue
        own: dict[str, Any] = _marker(dot) if theories else looks[i]
        if settings > 1 and len(theories) == 1 and predicted[i]:
            own = {**own, **_line(looks, i, 0, settings, 1)}
        handles.append(Line2D([], [], label=counted(name, row), **own))
    colour = INK if settings == 1 else MUTED
    dashes = DASHES if len(theories) > 1 else ("solid",)
    return handles + [Line2D([], [], label=name, color=colour, linestyle=dash) for name, dash in zip(theories, dashes)]


def _dots(looks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Open markers on the lines, and full ones in the second round of colours."""
    return [
        {**point_look(look), "markerfacecolor": PAPER if mark["markerfacecolor"] != PAPER else look["color"]}
        for look, mark in zip(looks, marks(looks))
    ]


def _marker(dot: dict[str, Any]) -> dict[str, Any]:
    """How a point looks in the legend, without the error bar."""
    return {key: value for key, value in dot.items() if key not in ("elinewidth", "capsize", "zorder")}


def _explained(found: list[list[Summary]], centre: str, points: bool) -> list[Any]:
    seeds = max((one.seeds for several in found for one in several), default=0)
    if not points:
        said = explained(seeds)
        return said if len(found[0]) < MANY else said[:1]
    if not seeds:
        return []
    bars = f"bars {100 * BAND[0]:g}–{100 * BAND[1]:g} % of them" if centre == "median" else "bars ± standard error"
    said = f"measured: {centre} of {seeds} seeds, {bars}" if seeds > 1 else "measured, one seed"
    return [Line2D([], [], label=said, **_marker(point_look({"color": MUTED, "marker": "o"})))]

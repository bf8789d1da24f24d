"""Theory over measurement: what a formula predicts as a line, what students did as points with error bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from practicum.errors import ParameterError
from practicum.figures._axes import geometric, of_zeros, value_axis
from practicum.figures._labelled import need, nonnegative, texts
from practicum.figures._labels import shortened, wrapped
from practicum.figures._legend import legend_above
from practicum.figures._panels import at_panel, grid, label_grid, over_panels, with_panels
from practicum.figures._regimes import counted, marks, over_regimes, regime_names
from practicum.figures._seeds import BAND, Summary, summary, with_seeds
from practicum.figures._theory_and_simulation import point_look, thinned
from practicum.figures.style import ALPHA, DASHES, EPSILON, INK, MUTED, PAPER, drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "predicted_and_measured"
_MOST = 6
_PANELS = ("panel", "law", "layer")
_ALONG = {"epsilon": EPSILON, "alpha": ALPHA, "epoch": "epoch"}
_DECADES = 2.0
"""From this many on a vertical axis is logarithmic, unless the caller says otherwise."""
_CENTRES = ("median", "mean")


@drawn
def predicted_and_measured(
    data: xr.Dataset,
    *,
    centre: str = "median",
    log: bool | None = None,
    log_x: bool | None = None,
    label: str = "error",
    share_y: bool = True,
) -> Figure:
    """Predictions as lines, measurements as points with error bars, over epsilon, alpha or epochs.

    Main arguments:
        data: ``predicted`` (epsilon) and ``measured`` (epsilon, seed), where ``alpha`` or ``epoch`` may stand for
            ``epsilon``, and that coordinate. ``predicted`` may have ``theory``, at most 5, the names of several
            predictions. Both may have ``setting``, ``regime`` or ``multiple``, the names of lines and points, and
            ``panel`` (titled by its coordinate), ``law`` or ``layer``, of at most 6; without them ``predicted`` is the
            same for all. ``measured`` may lack ``seed``. NaN where nothing is predicted or measured.

    Other arguments:
        centre: "median", with error bars from the 10 % to the 90 % quantile over seeds, or "mean", with error bars of
            one standard error of it.
        log: a logarithmic vertical axis, with a place for zeros; if not given, for values that span two decades.
        log_x: the same for the horizontal axis; if not given, where its points are spaced by factors.
        label: of the vertical axis.
        share_y: one vertical axis for all panels; if False, each shows the range of its own values.

    Of very many points some are drawn, other ones for each setting. Where a logarithmic axis ends, error bars do too.

    Raises:
        ParameterError: a variable or dimension is missing, there are too many panels or theories, or `centre` is
            unknown.
    """
    if centre not in _CENTRES:
        known = " or ".join(map(repr, _CENTRES))
        raise ParameterError(f"The 'centre' parameter of {_NAME} must be {known}. Got {centre!r:.60} instead.")
    decides = with_panels(data, _PANELS, "measured", "predicted")
    data, titles, _ = over_panels(_NAME, data, decides, _MOST, _PANELS)
    data = over_regimes(data, "setting", "measured")
    along = _along(data)
    parts = [at_panel(data, decides, panel) if titles else data for panel in range(max(len(titles), 1))]
    measured = [with_seeds(_NAME, part, "measured", "setting", along) for part in parts]
    predicted = [_predicted(part, along) for part in parts]
    x = need(_NAME, data, along, along).values.astype(float)
    names, theories = regime_names(_NAME, data, "setting"), _theories(data)
    looks = styles(len(names))

    values = np.concatenate([*(np.ravel(one) for one in measured), *(np.ravel(one) for one in predicted)])
    log, log_x = _spans(values) if log is None else log, _by_factors(x) if log_x is None else log_x
    figure = sheet(3.7 if len(parts) == 1 else 0.5 + 2.4 * -(-len(parts) // 3))
    panels = grid(figure, len(parts), 3 if len(parts) != 4 else 2, sharey=share_y)
    found = [[_centred(nonnegative(row) if log else row, centre) for row in one] for one in measured]
    lines = [nonnegative(one) if log else one for one in predicted]
    for axes, title, lines_here, points in zip(panels, titles, lines, found):
        axes.set_title(title)
        _draw_lines(axes, x, lines_here, looks, names, theories)
        _draw_points(axes, x, points, _dots(looks), names)
        if not any(np.isfinite(one.median).any() for one in points) and not np.isfinite(lines_here).any():
            say(axes, "no finite number")
    shown = [np.concatenate([one.ravel(), *map(_shown, points)]) for one, points in zip(lines, found)]
    zeros = []
    for axes, own in zip(panels, shown):
        zeros.append(value_axis(axes, "y", np.concatenate(shown) if share_y else own, logarithmic=log))
        zeros.append(value_axis(axes, "x", x, logarithmic=log_x))
    label_grid(panels, _ALONG[along], wrapped(label, 3.0 if len(parts) == 1 else 1.7))
    known = np.any([np.isfinite(one).any(axis=1) for one in measured], axis=0)
    named = _named(names, known, looks, theories, len(lines[0]))
    legend_above(figure, [*named, *_explained(found, centre), *of_zeros(*zeros)])
    return figure


def _along(data: xr.Dataset) -> str:
    """The dimension of the horizontal axis, of whichever variable is there."""
    dims = [
        dim for name in ("measured", "predicted") if name in getattr(data, "variables", ()) for dim in data[name].dims
    ]
    return next((dim for dim in _ALONG if dim in dims), "epsilon")


def _predicted(data: xr.Dataset, along: str) -> np.ndarray:
    """Lines as (setting, theory, x); the first two have length 1 if the prediction does not depend on them."""
    dims = data["predicted"].dims if "predicted" in data.variables else ()
    chosen = [dim for dim in ("setting", "theory") if dim in dims]
    values = need(_NAME, data, "predicted", *chosen, along).values.astype(float)
    if "theory" not in chosen:
        values = values[..., None, :]
    return values if "setting" in chosen else values[None]


def _theories(data: xr.Dataset) -> list[str]:
    if "theory" not in data["predicted"].dims:
        return ["theory"]
    names = [shortened(text, 64) for text in texts(need(_NAME, data, "theory", "theory"))]
    if len(names) > len(DASHES):
        raise ParameterError(
            f"The figure {_NAME} has room for {len(DASHES)} theories, as many as there are kinds of lines. "
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


def _draw_lines(
    axes: Axes, x: np.ndarray, lines: np.ndarray, looks: list[dict[str, Any]], names: list[str], theories: list[str]
) -> None:
    for i, of_setting in enumerate(lines):
        for k, values in enumerate(of_setting):
            known = np.flatnonzero(np.isfinite(x) & np.isfinite(values))
            known = known[np.argsort(x[known])]
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


def _shown(found: Summary) -> np.ndarray:
    return np.concatenate([found.median, found.high, np.where(found.low > 0, found.low, np.nan)])


def _named(
    names: list[str], known: np.ndarray, looks: list[dict[str, Any]], theories: list[str], settings: int
) -> list[Line2D]:
    handles = []
    for i, (name, row, dot) in enumerate(zip(names, known, _dots(looks))):
        if name or not row.all():
            line = _line(looks, i, 0, settings, len(theories)) if settings > 1 and len(theories) == 1 else {}
            handles.append(Line2D([], [], label=counted(name, row), **{**_marker(dot), **line}))
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


def _explained(found: list[list[Summary]], centre: str) -> list[Line2D]:
    seeds = max((one.seeds for points in found for one in points), default=0)
    if not seeds:
        return []
    bars = f"bars {100 * BAND[0]:g}–{100 * BAND[1]:g} % of them" if centre == "median" else "bars ± standard error"
    said = f"measured: {centre} of {seeds} seeds, {bars}" if seeds > 1 else "measured, one seed"
    return [Line2D([], [], label=said, **_marker(point_look({"color": MUTED, "marker": "o"})))]

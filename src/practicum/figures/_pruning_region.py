"""Where one way of pruning beats another: a map over the copies of a teacher node and what is kept of the student."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from practicum.errors import ParameterError
from practicum.figures._axes import geometric
from practicum.figures._labelled import is_share, named, need
from practicum.figures._labels import shortened, wrapped
from practicum.figures._legend import legend_above
from practicum.figures._panels import at_panel, grid, label_grid, over_panels
from practicum.figures._rule_map import edges
from practicum.figures.style import INK, MUTED, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "pruning_region"
_MOST = 6
_COPIES = "Z: copies of each teacher node"
_SHARE, _COUNT = "k / K: share of the nodes that stay", "k: nodes that stay"
_EQUAL = 1e-9
"""Errors whose logarithms differ by less are equal: what is left of the difference is rounding."""
_FACTORS = (1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 5.0, 10.0)
"""Ends of the scale. Beyond a factor of ten one is not better by more, for an eye."""
_COLOURS = colormaps["PuOr"].resampled(41)
_HATCH = "/////"
_DARK = "#101418"  # on top of the map in both themes, so not the INK that a page may replace


class _Cells(NamedTuple):
    """Rectangles of one panel, one a number: borders along both axes, and the logarithm of the ratio."""

    left: np.ndarray
    right: np.ndarray
    low: np.ndarray
    high: np.ndarray
    value: np.ndarray


@drawn
def pruning_region(data: xr.Dataset, *, names: Sequence[str] = ("the first", "the second")) -> Figure:
    """A map over copies (Z) and what is kept, coloured by which of two selectors has the smaller error.

    Main arguments:
        data: ``log_ratio`` (copies, kept), the natural logarithm of the first selector's error over the second's,
            infinite where one of them is zero, NaN where there is none; the coordinates ``copies``, and ``kept``, a
            share k / K or a whole number k. It may have ``teachers`` (titled "M = 2") or ``panel``, of at most 6.

    Other arguments:
        names: of the first and the second selector.
        The attributes ``label`` of the coordinates name the axes.

    The first selector's side is hatched, so that a grey printer shows it too, and a line runs between the sides. Errors
    that differ by less than a part in 1e9 are equal. Shares need not be the same for all numbers of copies: each column
    is divided at its own. From a factor of ten on all colours are the same.

    Raises:
        ParameterError: a variable or dimension is missing, there are more than 6 panels, or not two names.
    """
    first, second = _two(names)
    data, titles, kind = over_panels(_NAME, data, "log_ratio", _MOST, ("teachers", "panel"))
    titles = [title.replace("teachers ", "M = ") if kind == "teachers" else title for title in titles]
    copies = need(_NAME, data, "copies", "copies").values.astype(float)
    kept = need(_NAME, data, "kept", "kept").values.astype(float)
    parts = [at_panel(data, "log_ratio", panel) for panel in range(len(titles))] or [data]
    values = np.stack([need(_NAME, part, "log_ratio", "copies", "kept").values.astype(float) for part in parts])
    order_z, order_k = np.argsort(copies), np.argsort(kept)
    copies, kept, values = copies[order_z], kept[order_k], values[:, order_z][:, :, order_k]
    share = is_share(data, "kept")
    found = [_cells(copies, kept, one, share) for one in values]

    columns = 2 if len(parts) == 4 else min(len(parts), 3)
    rows = -(-len(parts) // columns)
    figure = sheet(3.7 if columns == 1 else 0.5 + 2.5 * rows)
    panels = grid(figure, len(parts), columns)
    end = _end(values)
    norm = Normalize(-np.log(end), np.log(end))
    image = None
    for axes, title, cells in zip(panels, titles, found):
        axes.set_title(title)
        image = _draw(axes, cells, norm) or image
    _frame(panels, copies, kept, found, share)
    labels = (named(data, "copies", _COPIES), named(data, "kept", _SHARE if share else _COUNT))
    label_grid(panels, wrapped(labels[0], 5.0 / columns), wrapped(labels[1], 3.0 if columns == 1 else 1.7))
    if image is not None:
        beyond = bool((np.abs(values) > np.log(end) * (1 + 1e-9)).any())
        _scale(figure, panels, image, beyond, first, second)
    legend_above(figure, _legend(values, first, second))
    return figure


def _two(names: Sequence[str]) -> tuple[str, str]:
    if isinstance(names, str) or len(names) != 2:
        raise ParameterError(
            f"The 'names' parameter of {_NAME} must be two texts, the first of which is the selector whose error is "
            f"divided by the other's. Got {names!r:.80} instead."
        )
    return shortened(str(names[0]), 64), shortened(str(names[1]), 64)


def _cells(copies: np.ndarray, kept: np.ndarray, values: np.ndarray, share: bool) -> _Cells:
    """A rectangle for each number. A column of shares is divided half-way between those it has."""
    across, everywhere = edges(copies), edges(kept)
    found = []
    for column, one in enumerate(values):
        known = np.flatnonzero(~np.isnan(one))
        if not known.size:
            continue
        if share:
            up = np.clip(edges(kept[known]), 0.0, 1.0)
            low, high = up[:-1], up[1:]
        else:
            low, high = everywhere[known], everywhere[known + 1]
        left, right = (np.full(known.size, across[column + side]) for side in (0, 1))
        found.append(np.stack([left, right, low, high, one[known]]))
    return _Cells(*np.concatenate(found, axis=1)) if found else _Cells(*np.empty((5, 0)))


def _side(value: np.ndarray) -> np.ndarray:
    """-1 where the first selector has the smaller error, 1 where the second has, 0 where they are equal."""
    return np.where(np.abs(value) < _EQUAL, 0.0, np.sign(value))


def _end(values: np.ndarray) -> float:
    """The factor at the ends of the scale."""
    finite = values[np.isfinite(values)]
    largest = np.exp(min(np.abs(finite).max(initial=0.0), np.log(_FACTORS[-1])))
    return next(factor for factor in _FACTORS if factor >= largest * (1 - 1e-9))


def _draw(axes: Axes, cells: _Cells, norm: Normalize) -> Any:
    axes.grid(False)
    if not cells.value.size:
        say(axes, "nothing to compare")
        return None
    # Edges in the colour of the faces: without them paper shines through between neighbours.
    image = PolyCollection(
        _rectangles(cells), array=np.clip(cells.value, norm.vmin, norm.vmax), norm=norm, cmap=_COLOURS,
        edgecolors="face", linewidth=0.3, rasterized=True, label="_cells",
    )  # fmt: skip
    axes.add_collection(image)
    outline: dict[str, Any] = {"facecolor": "none", "edgecolor": MUTED, "linewidth": 0.4, "label": "_columns"}
    axes.add_collection(PolyCollection(_rectangles(_joined(cells)), **outline))
    first = _Cells(*(border[_side(cells.value) < 0] for border in cells))
    hatched: dict[str, Any] = {"facecolor": "none", "edgecolor": _DARK, "linewidth": 0, "hatch": _HATCH}
    axes.add_collection(PolyCollection(_rectangles(_joined(first)), label="_first", **hatched))
    axes.add_collection(LineCollection(_boundary(cells), color=_DARK, linewidth=1.8, capstyle="round", label="_border"))
    return image


def _rectangles(cells: _Cells) -> list[np.ndarray]:
    x = np.stack([cells.left, cells.right, cells.right, cells.left], axis=-1)
    y = np.stack([cells.low, cells.low, cells.high, cells.high], axis=-1)
    return list(np.stack([x, y], axis=-1))


def _joined(cells: _Cells) -> _Cells:
    """Cells that stand on each other as one: a hatch in a thousand pieces would weigh a megabyte."""
    begins = np.ones(cells.low.size, dtype=bool)
    begins[1:] = (cells.left[1:] != cells.left[:-1]) | (cells.low[1:] != cells.high[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], begins.size)[: first.size] - 1
    return _Cells(cells.left[first], cells.right[first], cells.low[first], cells.high[last], cells.value[first])


def _boundary(cells: _Cells) -> list[np.ndarray]:
    """Pieces of the line between cells of different sides."""
    side = _side(cells.value)
    found = []
    for i in range(len(side)):
        above = np.flatnonzero((cells.left == cells.left[i]) & (cells.low == cells.high[i]) & (side != side[i]))
        found += [np.array([[cells.left[i], cells.high[i]], [cells.right[i], cells.high[i]]]) for _ in above]
        low, high = np.maximum(cells.low, cells.low[i]), np.minimum(cells.high, cells.high[i])
        beside = np.flatnonzero((cells.left == cells.right[i]) & (low < high) & (side != side[i]))
        found += [np.array([[cells.right[i], low[j]], [cells.right[i], high[j]]]) for j in beside]
    return found


def _frame(panels: list[Axes], copies: np.ndarray, kept: np.ndarray, found: list[_Cells], share: bool) -> None:
    borders = np.concatenate([[*cells.low, *cells.high] for cells in found])
    up = borders if share and borders.size else edges(kept)
    for axes in panels:
        axes.set(xlim=edges(copies)[[0, -1]], ylim=(up.min(), up.max()))
        _numbered(axes, "x", copies)
        if not share:
            _numbered(axes, "y", kept)


def _numbered(axes: Axes, which: str, points: np.ndarray) -> None:
    """Ticks at whole numbers, on a logarithmic axis if they are spaced by factors."""
    axis = getattr(axes, f"{which}axis")
    if geometric(points):
        getattr(axes, f"set_{which}scale")("log")
    if geometric(points) or points.size == 1:
        axis.set_major_locator(FixedLocator(points[:: -(-points.size // 8)].tolist()))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10], min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _scale(figure: Figure, panels: list[Axes], image: Any, beyond: bool, first: str, second: str) -> None:
    bar = figure.colorbar(image, ax=panels, extend="both" if beyond else "neither", aspect=28, pad=0.015)
    bar.ax.grid(False)
    bar.outline.set_visible(False)
    steps = np.array([factor for factor in _FACTORS if np.log(factor) <= image.norm.vmax][-2:])
    ticks = [*(1 / steps[::-1]), 1.0, *steps]
    bar.set_ticks(np.log(ticks).tolist(), labels=[f"{tick:.3g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.set_label(wrapped(f"error of {first}", 2.4) + "\n" + wrapped(f"/ error of {second}", 2.4))


def _legend(values: np.ndarray, first: str, second: str) -> list[Any]:
    sides = _side(values[~np.isnan(values)])
    looks: dict[str, tuple[Any, dict[str, Any]]] = {
        f"smaller error: {first}": ((sides < 0).any(), {"facecolor": _COLOURS(0.25), "hatch": _HATCH}),
        f"smaller error: {second}": ((sides > 0).any(), {"facecolor": _COLOURS(0.75)}),
        "equal errors": ((sides == 0).any(), {"facecolor": _COLOURS(0.5), "edgecolor": MUTED, "linewidth": 0.6}),
    }
    handles: list[Any] = [
        Patch(**{"edgecolor": _DARK, "linewidth": 0, **look}, label=label)
        for label, (there, look) in looks.items()
        if there
    ]
    border = Line2D([], [], color=INK, linewidth=1.8, label="border between them")
    return [*handles, border] if len(handles) > 1 else handles

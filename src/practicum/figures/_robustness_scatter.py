"""Do specialized students err less under attack? A point a student."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from practicum.figures._axes import of_zeros, value_axis
from practicum.figures._labelled import may, nonnegative
from practicum.figures._labels import wrapped
from practicum.figures._legend import legend_above
from practicum.figures._panels import at_panel, grid, label_grid, over_panels, with_panels
from practicum.figures._regimes import counted, marks, over_regimes, regime_names
from practicum.figures._seeds import with_seeds
from practicum.figures.style import backed, drawn, say, sheet, styles

if TYPE_CHECKING:
    import xarray as xr

_NAME = "robustness_scatter"
_MOST = 6
_PANELS = ("panel", "law", "layer")
_MANY_POINTS = 1500
"""From this many points on they are drawn as an image inside the figure: as shapes they would weigh megabytes."""
_COEFFICIENTS = {"pearson": "Pearson", "spearman": "Spearman"}


class _Part(NamedTuple):
    """One panel: (regime, seed) each, and the lines of text about them."""

    x: np.ndarray
    y: np.ndarray
    said: list[str]


@drawn
def robustness_scatter(data: xr.Dataset, *, label: str = "robust error", share_x: bool = True) -> Figure:
    """The robust error over specialization, a point a seed, colours and markers by training regime.

    Main arguments:
        data: ``specialization`` and ``robust_error`` (regime, seed), and the coordinate ``regime``, the names. Both may
            lack ``seed`` or ``regime``, and may have one more dimension, of at most 6 panels: ``law`` or ``panel``
            (titled by its coordinate) or ``layer``. One of them without it is the same in all panels. NaN for a student
            without a number.

    Other arguments:
        label: of the vertical axis, as there is more than one robust error.
        share_x: one horizontal axis for all panels; if False, each shows the range of its own students.
        data may also have ``pearson`` and ``spearman``, single numbers or over the dimension of the panels, with their
            intervals ``pearson_low``, ``pearson_high``, ``spearman_low`` and ``spearman_high``. They are written into
            the panels, named by their attribute ``label`` if they have one, and the attribute ``confidence`` of
            ``pearson_low`` (0.95 if there is none) says what the intervals are.
        The attribute ``label`` of ``specialization`` names the horizontal axis, "specialization" if it has none.

    The vertical axis is logarithmic, with a place at its lower edge for students that never err.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 panels.
    """
    decides = with_panels(data, _PANELS, "specialization", "robust_error")
    data, titles, _ = over_panels(_NAME, data, decides, _MOST, _PANELS)
    data = over_regimes(data, "regime", "specialization", "robust_error")
    parts = [_part(at_panel(data, decides, panel) if titles else data) for panel in range(max(len(titles), 1))]
    names = regime_names(_NAME, data, "regime")
    looks = marks(styles(len(names)))

    figure = sheet(4.0 if len(parts) == 1 else 0.6 + 2.6 * -(-len(parts) // 3))
    panels = grid(figure, len(parts), 3 if len(parts) != 4 else 2, sharex=share_x)
    for axes, title, part in zip(panels, titles, parts):
        axes.set_title(title)
        _draw(axes, part, looks, names)
    zeros = _frame(panels, parts, share_x)
    label_grid(panels, str(data["specialization"].attrs.get("label", "specialization")), wrapped(label, _height(parts)))
    legend_above(figure, [*_named(names, looks, parts), *_explained(data, parts), *of_zeros(zeros)])
    return figure


def _part(data: xr.Dataset) -> _Part:
    x = with_seeds(_NAME, data, "specialization", "regime")
    y = nonnegative(with_seeds(_NAME, data, "robust_error", "regime"))
    known = np.isfinite(x) & np.isfinite(y)
    said = [_said(data, name, word) for name, word in _COEFFICIENTS.items()]
    return _Part(np.where(known, x, np.nan), np.where(known, y, np.nan), [text for text in said if text])


def _said(data: xr.Dataset, name: str, word: str) -> str:
    """ "Pearson −0.83 [−0.91, −0.70]"; empty if there is no such number."""
    found = [may(_NAME, data, key) for key in (name, f"{name}_low", f"{name}_high")]
    value, low, high = (np.nan if number is None else float(number.values) for number in found)
    if found[0] is None or not np.isfinite(value):
        return ""
    interval = f" [{low:.2f}, {high:.2f}]" if np.isfinite(low) and np.isfinite(high) else ""
    number = f"{value:.2f}{interval}".replace("-", "−")
    return f"{found[0].attrs.get('label', word)} {number}"


def _draw(axes: Axes, part: _Part, looks: list[dict[str, Any]], names: list[str]) -> None:
    known = np.isfinite(part.x)
    if not known.any():
        say(axes, "no student to draw")
    light = bool(known.sum() > _MANY_POINTS)
    for x, y, look, name in zip(part.x, part.y, looks, names):
        chosen = np.isfinite(x)
        if chosen.any():
            look = {**look, "linestyle": "none", "alpha": 0.85, "clip_on": False, "rasterized": light, "zorder": 3}
            axes.plot(x[chosen], y[chosen], label=name or "student", **look)
    if part.said:
        axes.text(
            0.03, 0.975, "\n".join(part.said), transform=axes.transAxes, va="top", fontsize=7.8, zorder=5, bbox=backed()
        )


def _frame(panels: list[Axes], parts: list[_Part], share_x: bool) -> bool:
    """Limits with room for the words above the points; whether someone stands at zero."""
    rows = max(len(part.said) for part in parts)
    room = 0.03 + rows * 0.155 / _height(parts)
    x = np.stack([part.x for part in parts])
    y = np.stack([part.y for part in parts])
    zeros = False
    for axes, own in zip(panels, x):
        value_axis(axes, "x", x if share_x else own, margin=0.04)
        zeros = value_axis(axes, "y", y, logarithmic=True, room=room)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7 if len(panels) == 1 else 4))
    return zeros


def _height(parts: list[_Part]) -> float:
    """Of a panel, about, in inches."""
    return 3.4 if len(parts) == 1 else 1.9


def _named(names: list[str], looks: list[dict[str, Any]], parts: list[_Part]) -> list[Line2D]:
    """The regimes, with the number of seeds that are in no panel."""
    known = np.any([np.isfinite(part.x) for part in parts], axis=0)
    return [
        Line2D([], [], label=counted(name, row), linestyle="none", **look)
        for name, row, look in zip(names, known, looks)
        if name or not row.all()
    ]


def _explained(data: xr.Dataset, parts: list[_Part]) -> list[Line2D]:
    if not any("[" in text for part in parts for text in part.said):
        return []
    attributes = next(data[f"{name}_low"].attrs for name in _COEFFICIENTS if f"{name}_low" in data.variables)
    confidence = 100 * float(attributes.get("confidence", 0.95))
    return [Line2D([], [], linestyle="none", label=f"in brackets: {confidence:g} % confidence interval")]

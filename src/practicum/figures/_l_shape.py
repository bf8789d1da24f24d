"""The L-shape: students that resemble no teacher should have no fan-out left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from practicum.errors import ParameterError
from practicum.figures._axes import log_ticks
from practicum.figures._panels import at_panel, grid, label_grid, over_panels
from practicum.figures._seeds import checked_share, with_seeds
from practicum.figures.style import COLOURS, INK, MUTED, PAPER, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "l_shape"
_MOST = 6
_MANY_POINTS = 1500
"""From this many points on they are drawn as an image inside the figure: as shapes they would weigh megabytes."""

_AGAINST = {"fan_out": "fan-out of the student  ‖v‖", "contribution": "contribution of the student  √E[f²] · ‖v‖"}


class _Class(NamedTuple):
    name: str
    colour: str
    marker: str
    filled: bool


_CLASSES = (
    _Class("aligned", COLOURS[0], "o", True),
    _Class("unaligned", COLOURS[1], "^", True),
    _Class("linear", COLOURS[2], "D", False),
    _Class("dead", MUTED, "x", True),
)


@drawn
def l_shape(data: xr.Dataset, *, against: str = "fan_out", threshold: float = 0.95, log: bool = False) -> Figure:
    """Alignment of each student with its best teacher over its fan-out, coloured by what has become of the student.

    Main arguments:
        data: ``alignment`` (seed, student), max_j rho_jk, and ``fan_out`` or ``contribution`` (seed, student). Both may
            lack ``seed``, and may have one more dimension, of at most 6 panels: ``layer``, ``step`` (titled by the
            coordinate ``epoch``) or ``panel`` (titled by its coordinate). NaN where there is no student.

    Other arguments:
        against: "fan_out" or "contribution", which the horizontal axis shows.
        threshold: of the alignment above which a student is aligned.
        log: a logarithmic horizontal axis; students at zero then stand at its left end.
        data may also have ``activity``, of the dimensions of ``alignment``: the share of samples on which a student
            fires. Students at 0 are dead and at 1 linear; both are classes of their own.

    Numbers and shares of the classes stand in each panel. All seeds are drawn; many points become an image.

    Raises:
        ParameterError: a variable or dimension is missing, there are more than 6 panels, or an option is unknown.
    """
    if against not in _AGAINST:
        known = " or ".join(map(repr, _AGAINST))
        raise ParameterError(f"The 'against' parameter of {_NAME} must be {known}. Got {against!r:.60} instead.")
    limit = checked_share(_NAME, "threshold", threshold)
    data, titles, _ = over_panels(_NAME, data, "alignment", _MOST)
    names = ["alignment", against, *(["activity"] if "activity" in getattr(data, "variables", ()) else [])]
    columns = [_flat(data, name, len(titles)) for name in names]
    alignment, strength = columns[0], columns[1]
    activity = columns[2] if len(columns) > 2 else [np.full(values.shape, 0.5) for values in alignment]

    figure = sheet(3.9 if len(titles) == 1 else 0.7 + 2.55 * -(-len(titles) // 3))
    panels = grid(figure, len(titles), 3)
    for axes, title, rho, x, fires in zip(panels, titles, alignment, strength, activity):
        axes.set_title(title)
        axes.axhline(limit, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1, label="_threshold")
        _draw(axes, _shown(x, log, strength), rho, fires, limit)
    _frame(panels, strength, alignment, log)
    label_grid(panels, _AGAINST[against], "alignment  max ρ")
    return figure


def _flat(data: xr.Dataset, name: str, panels: int) -> list[np.ndarray]:
    """One array of all students of all seeds a panel; need() has its say about what is missing."""
    found = []
    for panel in range(max(panels, 1)):
        part = at_panel(data, name, panel) if name in getattr(data, "variables", ()) else data
        found.append(with_seeds(_NAME, part, name, "student").T.ravel())
    return found


def _shown(x: np.ndarray, log: bool, everywhere: list[np.ndarray]) -> np.ndarray:
    """Where students stand; on a logarithmic axis those at zero stand at the smallest strength that anyone has."""
    if not log:
        return x
    all_of_them = np.concatenate(everywhere)
    positive = all_of_them[np.isfinite(all_of_them) & (all_of_them > 0)]
    return np.maximum(x, positive.min(initial=1.0) / 1.5) if positive.size else np.full(x.shape, np.nan)


def classes(rho: np.ndarray, fires: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """Which students belong to which class. A student that fires on all samples may be aligned; a dead one may not."""
    dead = fires <= 0
    aligned = ~dead & (rho > threshold)
    linear = ~aligned & (fires >= 1)
    return {"aligned": aligned, "unaligned": ~(dead | aligned | linear), "linear": linear, "dead": dead}


def _draw(axes: Axes, x: np.ndarray, rho: np.ndarray, fires: np.ndarray, threshold: float) -> None:
    known = np.isfinite(x) & np.isfinite(rho)
    if not known.any():
        say(axes, "no student to draw")
        return
    x, rho, fires = x[known], rho[known], fires[known]
    members = classes(rho, fires, threshold)
    light: dict[str, Any] = {"rasterized": rho.size > _MANY_POINTS, "clip_on": False}
    for kind in _CLASSES:
        chosen = members[kind.name]
        if not chosen.any():
            continue
        count = int(chosen.sum())
        colours = {"color": kind.colour} if kind.filled else {"facecolor": "none", "edgecolor": kind.colour}
        axes.scatter(
            x[chosen], rho[chosen], s=17 if rho.size < 200 else 10, marker=kind.marker, alpha=0.65, zorder=3,
            linewidth=0.9 if kind.marker in "xD" else 0, label=f"{kind.name}  {count} ({_percent(count, rho.size)})",
            **colours, **light,
        )  # fmt: skip
    legend = axes.legend(
        loc="lower right", handletextpad=0.2, borderaxespad=0.2, borderpad=0.2, labelspacing=0.3, fontsize=7.8,
        frameon=True, facecolor=PAPER, edgecolor="none", framealpha=0.8,
    )  # fmt: skip
    legend.set_zorder(5)
    for handle in legend.legend_handles:
        handle.set_alpha(1.0)  # type: ignore[union-attr]


def _percent(count: int, of: int) -> str:
    share = 100 * count / of
    return f"{share:.0f} %" if 1 <= share <= 99 or count in (0, of) else f"{share:.1f} %"


def _frame(panels: list[Axes], strength: list[np.ndarray], alignment: list[np.ndarray], log: bool) -> None:
    x, rho = np.concatenate(strength), np.concatenate(alignment)
    positive = x[np.isfinite(x) & (x > 0)]
    lowest = float(np.min(rho[np.isfinite(rho)], initial=0.0))
    for axes in panels:
        axes.set_ylim(min(0.0, lowest) - 0.03, 1.03)
        if log and positive.size:
            axes.set_xscale("log")
            axes.set_xlim(positive.min() / 1.7, positive.max() * 1.3)
            log_ticks(axes.xaxis)
        elif positive.size:
            axes.set_xlim(-0.02 * positive.max(), 1.05 * positive.max())

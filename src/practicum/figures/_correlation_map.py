"""Who resembles whom: all correlations of teacher and student nodes at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from practicum.figures._labelled import need
from practicum.figures._panels import at_panel, grid, over_panels
from practicum.figures._seeds import checked_share
from practicum.figures.style import MUTED, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "correlation_map"
_MOST = 6
_MOST_STUDENTS = 240
"""Students drawn in a panel; more would be narrower than a dot of the printer."""
_COLOURS = 41
"""Shades: as many as an eye tells apart, so few that the image stays small. The darkest red begins at 0.951."""
_LONG = 2.2
"""Students per teacher from which on panels are laid below each other."""


@drawn
def correlation_map(data: xr.Dataset, *, by_strength: bool = False, threshold: float = 0.95) -> Figure:
    """A map of rho, teachers downwards and students to the right, students ordered by their best teacher.

    Main arguments:
        data: ``rho`` (teacher, student). It may have one more dimension, of at most 6 panels: ``step`` (titled by the
            coordinate ``epoch``), ``layer`` or ``panel`` (titled by its coordinate). NaN where a layer has no node.

    Other arguments:
        by_strength: teachers from strong to weak by the variable ``strength`` (teacher), or with the dimension of the
            panels too; otherwise they stand in the order of the data.
        threshold: of the correlation above which a teacher counts as covered in the titles.

    The steps of a training share the order of its last one: who stands together in the end can be followed back to the
    start. Layers have an order each. The colours reach from -1 to 1 in every figure. Of more than 240 students the best
    240 are drawn, as many of each teacher as can be, and the axis says so.

    Raises:
        ParameterError: a variable or dimension is missing, or there are more than 6 panels.
    """
    limit = checked_share(_NAME, "threshold", threshold)
    data, titles, kind = over_panels(_NAME, data, "rho", _MOST)
    rho = need(_NAME, data, "rho", "panel", "teacher", "student").values.astype(float)
    names = data["teacher"].values if "teacher" in data.coords else np.arange(rho.shape[1])
    strengths = [_strength(data, panel) if by_strength else None for panel in range(len(titles))]
    layouts = [_layout(one, strength) for one, strength in zip(rho, strengths)]
    if kind == "step":
        layouts = [layouts[_last_known(rho)]] * len(layouts)
    shown = [one[np.ix_(*layout)] for one, layout in zip(rho, layouts)]

    figure, panels, columns = _sheet(shown, shared=kind == "step")
    image = None
    for axes, title, one, everyone, layout in zip(panels, titles, shown, rho, layouts):
        axes.set_title(title)
        axes.set_title(
            _covered(everyone, limit, short=columns > 2), loc="right", fontsize=8, fontweight="normal", color=MUTED
        )
        image = _draw(axes, one, names[layout[0]]) or image
        axes.set_xlabel(_students(one, everyone, short=columns > 2))
        axes.set_ylabel("teacher, strong to weak" if by_strength else "teacher")
        if kind == "step":
            axes.label_outer()
        elif columns == 1 and axes is not panels[-1] and axes.get_xlabel() == _students(shown[-1], rho[-1]):
            axes.set_xlabel("")
    for axes in panels:
        place = axes.get_subplotspec()
        if place is not None and not place.is_first_col():
            axes.set_ylabel("")
    if image is not None:
        bar = figure.colorbar(image, ax=panels, aspect=26, pad=0.015, ticks=[-1, -0.5, 0, 0.5, 1])
        bar.ax.grid(False)
        bar.outline.set_visible(False)
        bar.set_label("correlation  ρ")
    return figure


def _sheet(shown: list[np.ndarray], shared: bool) -> tuple[Figure, list[Axes], int]:
    """Panels below each other if they are long, else side by side; low ones for few teachers."""
    teachers, students = (max(1, *(one.shape[axis] for one in shown)) for axis in range(2))
    long = students > _LONG * teachers and len(shown) > 1
    columns = 1 if long else 2 if len(shown) == 4 else min(3, len(shown))
    rows = -(-len(shown) // columns)
    height = (1.35 if long else 2.2 if rows > 1 or columns == 3 else 2.9) * float(np.clip(teachers / 8, 0.4, 1.0))
    figure = sheet(0.75 + rows * height)
    return figure, grid(figure, len(shown), columns, sharex=shared, sharey=shared), columns


def _students(shown: np.ndarray, everyone: np.ndarray, short: bool = False) -> str:
    count = int(np.isfinite(everyone).any(axis=0).sum())
    if count > shown.shape[1]:
        return f"best {shown.shape[1]} of {count} students"
    return "student, by its best teacher" if short else "student, ordered by its best teacher"


def _strength(data: xr.Dataset, panel: int) -> np.ndarray:
    part = at_panel(data, "strength", panel) if "strength" in data.variables else data
    return need(_NAME, part, "strength", "teacher").values.astype(float)


def _layout(rho: np.ndarray, strength: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the teachers downwards and of the students to the right; nodes that do not exist are left out."""
    teachers = np.flatnonzero(np.isfinite(rho).any(axis=1))
    students = np.flatnonzero(np.isfinite(rho).any(axis=0))
    if strength is not None:
        # Stable, and NaN last: a teacher of unknown strength is still a teacher.
        teachers = teachers[np.argsort(-strength[teachers], kind="stable")]
    if not teachers.size or not students.size:
        return teachers, students
    known = np.nan_to_num(rho[np.ix_(teachers, students)], nan=-2.0)
    best, height = known.argmax(axis=0), known.max(axis=0)
    best = np.where(height > 0, best, teachers.size)  # a student like no teacher, such as a dead one, stands last
    order = np.lexsort((-height, best))
    if order.size > _MOST_STUDENTS:
        groups = best[order]
        place = np.arange(order.size) - np.searchsorted(groups, groups)  # 0 for the best student of each teacher
        kept = np.sort(np.argsort(place, kind="stable")[:_MOST_STUDENTS])
        order = order[kept]
    return teachers, students[order]


def _last_known(rho: np.ndarray) -> int:
    known = np.flatnonzero(np.isfinite(rho).any(axis=(1, 2)))
    return int(known[-1]) if known.size else 0


def _covered(rho: np.ndarray, threshold: float, short: bool) -> str:
    """How many teachers have a student above the threshold, also one that is not drawn."""
    known = rho[np.isfinite(rho).any(axis=1)]
    if not known.size:
        return ""
    found = int((np.nan_to_num(known, nan=-2.0) > threshold).any(axis=1).sum())
    return f"{found}/{len(known)} > {threshold:g}" if short else f"{found} of {len(known)} above {threshold:g}"


def _draw(axes: Axes, rho: np.ndarray, names: np.ndarray):
    if not np.isfinite(rho).any():
        axes.set(xticks=[], yticks=[])
        say(axes, "no finite correlation")
        return None
    axes.grid(False)
    m, n = rho.shape
    x, y = np.arange(n + 1) + 0.5, np.arange(m + 1) - 0.5
    image = axes.pcolormesh(
        x, y, np.ma.masked_invalid(rho), vmin=-1, vmax=1, cmap=colormaps["RdBu_r"].resampled(_COLOURS),
        rasterized=True, edgecolors="none", linewidth=0,
    )  # fmt: skip
    axes.set(xlim=(0.5, n + 0.5), ylim=(m - 0.5, -0.5))
    for spine in axes.spines.values():
        spine.set(visible=True, color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    stride = -(-m // (10 if axes.get_window_extent().height > 130 else 6))
    axes.yaxis.set_major_locator(FixedLocator(list(range(0, m, stride))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: str(names[round(value)]) if value < m else ""))
    return image

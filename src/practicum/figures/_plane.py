"""The plane of two inputs: where nodes begin to fire, drawn as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from practicum.errors import ParameterError
from practicum.figures._labelled import may, need
from practicum.figures.style import INK, MUTED, PAPER, backed, say, styles

if TYPE_CHECKING:
    import xarray as xr

_MANY_STUDENTS = 60
"""With more students their arrows would cover everything."""
_SAMPLES = 400
"""Points of the sample drawn; more would be grey all over."""


class Plane:
    """Teacher and student nodes in the plane of two inputs, the students along a dimension such as ``step``.

    Main arguments:
        figure: whose name messages say.
        data: ``teacher_weights`` (teacher, input), ``teacher_biases`` (teacher); along the dimension `along` too:
            ``student_weights`` (student, input), ``student_biases`` (student), ``rho`` (teacher, student).
        window: half the side of the picture; None for one in which most of the sample and all teachers are.

    Raises:
        ParameterError: a variable or dimension is missing, there are not two inputs, or the window is not > 0.
    """

    def __init__(self, figure: str, data: xr.Dataset, along: str, window: float | None = None) -> None:
        student = need(figure, data, "student_weights", along, "student", "input")
        self.teacher = (
            _in_plane(figure, need(figure, data, "teacher_weights", "teacher", "input")),
            need(figure, data, "teacher_biases", "teacher").values.astype(float),
        )
        self.students = (
            _in_plane(figure, student),
            need(figure, data, "student_biases", along, "student").values.astype(float),
        )
        self.rho = need(figure, data, "rho", along, "teacher", "student").values.astype(float)
        inputs = may(figure, data, "inputs", "sample", "input")
        self.points = np.empty((0, 2)) if inputs is None else _in_plane(figure, inputs)[:_SAMPLES]
        count = len(self.teacher[0])
        self.names = [str(name) for name in (data["teacher"].values if "teacher" in data.coords else range(count))]
        self.colours = [look["color"] for look in styles(count)]
        self.side = _side(figure, window, *self.teacher, self.points)

    def draw(self, axes: Axes, index: int, threshold: float) -> int:
        """One panel: the sample, the teacher's lines, the students' lines on top; how many teachers have been found."""
        axes.grid(False)
        axes.set(xlim=(-self.side, self.side), ylim=(-self.side, self.side), aspect="equal")
        dots: dict[str, Any] = {"s": 4, "color": MUTED, "alpha": 0.25, "linewidth": 0, "label": "_sample"}
        axes.scatter(*self.points.T, rasterized=len(self.points) > 200, **dots)
        best = np.nan_to_num(self.rho[index], nan=-2.0)
        found = best.max(axis=1, initial=-2.0) > threshold
        self._draw_teacher(axes, found)
        self._draw_students(axes, index, best)
        return int(found.sum())

    def _draw_teacher(self, axes: Axes, found: np.ndarray) -> None:
        lines, normals, nodes = clipped(*self.teacher, self.side)
        axes.add_collection(
            LineCollection(list(lines), color=INK, linewidth=4.2, alpha=0.8, label="_teacher", zorder=2)
        )
        _arrows(axes, _along(lines, 0.17), 0.18 * self.side * normals, [to_rgba(INK, 0.8)] * len(lines))
        for j, (x, y) in zip(nodes, _along(lines, 0.07)):
            colour = self.colours[j]
            ring = {"boxstyle": "circle,pad=0.22", "facecolor": colour if found[j] else PAPER, "edgecolor": colour}
            axes.text(
                x, y, self.names[j], ha="center", va="center", fontsize=7.5, fontweight="bold", zorder=6,
                color="white" if found[j] else INK, bbox={**ring, "linewidth": 1.4},
            )  # fmt: skip

    def _draw_students(self, axes: Axes, index: int, best: np.ndarray) -> None:
        weights, biases = (array[index] for array in self.students)
        lines, normals, nodes = clipped(weights, biases, self.side)
        if not lines.size and not np.isfinite(self.teacher[0]).any():
            say(axes, "no line to draw")
        many = len(lines) > _MANY_STUDENTS
        owner, height = best.argmax(axis=0), best.max(axis=0)
        colours = [to_rgba(self.colours[owner[k]], fading(height[k])) for k in nodes]
        width = 0.8 if many else 1.5
        axes.add_collection(LineCollection(list(lines), colors=colours, linewidth=width, label="_student", zorder=3))
        if not many:
            _arrows(axes, _along(lines, 0.27), 0.1 * self.side * normals, colours)
        missing = int(np.isfinite(weights).all(axis=1).sum()) - len(nodes)
        if missing > 0:
            axes.text(
                0.985, 0.015, f"{missing} not in sight", transform=axes.transAxes, ha="right", va="bottom",
                fontsize=7.5, color=MUTED, bbox=backed(), zorder=5,
            )  # fmt: skip


def fading(alignment: float) -> float:
    """Opacity of a student's line: faint below 0.3, full when aligned."""
    return 0.18 + 0.82 * float(np.clip((alignment - 0.3) / 0.7, 0.0, 1.0)) ** 2


def clipped(weights: np.ndarray, biases: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """The pieces of the lines w·x + b = 0 inside the square: ends (n, 2, 2), unit normals (n, 2), and whose they are.

    The first end is the upper one, of a level line the right one. A node with zero or unknown weights has no line; one
    whose line passes by has none in the window.
    """
    segments, normals, nodes = [], [], []
    for k, (w, b) in enumerate(zip(weights, biases)):
        length = float(np.hypot(*w))
        if not (np.isfinite(length) and np.isfinite(b) and length > 0):
            continue
        normal = w / length
        foot, along = -b / length * normal, np.array([-normal[1], normal[0]])
        low, high = -np.inf, np.inf
        for axis in range(2):
            if abs(along[axis]) > 1e-12:
                ends = np.sort((np.array([-side, side]) - foot[axis]) / along[axis])
                low, high = max(low, ends[0]), min(high, ends[1])
            elif abs(foot[axis]) > side:
                high = -np.inf
        if low < high:
            pair = (foot + low * along, foot + high * along)
            segments.append(sorted(pair, key=lambda end: end[1] + 1e-6 * end[0], reverse=True))
            normals.append(normal)
            nodes.append(k)
    return np.array(segments).reshape(-1, 2, 2), np.array(normals).reshape(-1, 2), nodes


def legend(sample: bool) -> list[Line2D]:
    """What the lines and points are."""
    handles = [
        Line2D([], [], color=INK, linewidth=4.2, alpha=0.8, label="teacher"),
        Line2D([], [], color=INK, linewidth=1.5, label="aligned student"),
        Line2D([], [], color=INK, linewidth=1.5, alpha=0.25, label="unaligned student"),
    ]
    dot: dict[str, Any] = {"color": MUTED, "marker": "o", "markersize": 2.5, "linestyle": "none", "alpha": 0.6}
    return handles + ([Line2D([], [], label="inputs", **dot)] if sample else [])


def _along(segments: np.ndarray, share: float) -> np.ndarray:
    """Points on the segments, at a share of their length from the first end: away from where all lines cross."""
    return segments[:, 0] + share * (segments[:, 1] - segments[:, 0])


def _arrows(axes: Axes, at: np.ndarray, there: np.ndarray, colours: list[Any]) -> None:
    """From the lines to the side on which their nodes fire."""
    if len(at):
        axes.quiver(
            *at.T, *there.T, angles="xy", scale_units="xy", scale=1, color=colours, width=0.006, headwidth=4.5,
            headlength=4.5, headaxislength=4, zorder=4, label="_arrows",
        )  # fmt: skip


def _in_plane(figure: str, array: xr.DataArray) -> np.ndarray:
    if array.sizes["input"] != 2:
        raise ParameterError(
            f"The figure {figure} shows a plane, for which '{array.name}' must have 2 inputs. Got "
            f"{array.sizes['input']} instead; train with two inputs."
        )
    return array.values.astype(float)


def _side(figure: str, window: float | None, W: np.ndarray, b: np.ndarray, points: np.ndarray) -> float:
    if window is not None:
        if isinstance(window, bool) or not isinstance(window, (int, float)) or not 0 < window < np.inf:
            raise ParameterError(
                f"The 'window' parameter of {figure} must be a number > 0. Got {window!r:.60} instead."
            )
        return float(window)
    with np.errstate(invalid="ignore", divide="ignore"):
        feet = np.abs(b) / np.hypot(*W.T)
    reach = np.abs(points[np.isfinite(points)])
    sizes = np.append(1.5 * feet[np.isfinite(feet)], np.quantile(reach, 0.95) if reach.size else 0.0)
    return float(sizes.max()) if sizes.max() > 0 else 1.0

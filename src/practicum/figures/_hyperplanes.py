"""Two inputs, so that it can be seen: the lines at which teacher and student nodes begin to fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from practicum.figures._labelled import need
from practicum.figures._panels import at_epoch, grid, label_grid, over_panels
from practicum.figures._plane import Plane, legend
from practicum.figures._seeds import checked_share
from practicum.figures.style import drawn, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "hyperplanes"
_MOST = 6
_MOVING = ("student_weights", "student_biases", "rho")
_ABOVE: dict[str, Any] = {"loc": "outside upper left", "ncols": 4, "columnspacing": 1.4}


@drawn
def hyperplanes(data: xr.Dataset, *, window: float | None = None, threshold: float = 0.95) -> Figure:
    """The lines w·x + b = 0 of teacher and student nodes in the plane of two inputs, arrows to the side that fires.

    Main arguments:
        data: ``student_weights`` (student, input), ``student_biases`` (student), ``teacher_weights`` (teacher, input),
            ``teacher_biases`` (teacher), with two inputs, and ``rho`` (teacher, student). The students and rho may have
            one more dimension, of at most 6 panels: ``step`` (titled by the coordinate ``epoch``) or ``panel``.

    Other arguments:
        window: half the side of the picture, around the origin; if not given, so that most of the sample and all lines
            of the teacher are in it.
        threshold: of the correlation above which a teacher counts as found: its number is then filled.
        data may also have ``inputs`` (sample, input), points behind the lines; at most 400 are drawn.

    Teachers are thick and dark. A student has the colour of the teacher it resembles most, and is the fainter the less
    it does; aligned with it, it lies on top of it.

    Raises:
        ParameterError: a variable or dimension is missing, there are not two inputs, or more than 6 panels.
    """
    limit = checked_share(_NAME, "threshold", threshold)
    data, titles, _ = over_panels(_NAME, data, "student_weights", _MOST)
    if not titles:
        need(_NAME, data, "student_weights", "student", "input")
    for name in _MOVING:  # without a dimension of their own they are the same in every panel
        if name in data.variables and "panel" not in data[name].dims:
            data = data.assign({name: data[name].expand_dims(panel=len(titles))})
    plane = Plane(_NAME, data, "panel", window)

    columns = 2 if len(titles) == 4 else min(len(titles), 3)
    figure = sheet(0.55 + -(-len(titles) // columns) * {1: 4.9, 2: 3.3, 3: 2.35}[columns])
    panels = grid(figure, len(titles), 3)
    for panel, (axes, title) in enumerate(zip(panels, titles)):
        axes.set_title(title)
        plane.draw(axes, panel, limit)
    label_grid(panels, "first input", "second input")
    figure.legend(handles=legend(len(plane.points) > 0), **_ABOVE)
    return figure


class MovingPlane:
    """One panel whose students move: a picture at any step, for :func:`practicum.figures.race`.

    Raises:
        ParameterError: a variable or dimension is missing, or there are not two inputs.
    """

    def __init__(self, data: xr.Dataset, threshold: float) -> None:
        self.threshold, self.plane = threshold, Plane("race", data, "step")
        self.epoch = need("race", data, "epoch", "step").values.astype(float)
        self.figure = sheet(5.3, 5.0)
        self.axes = self.figure.add_subplot()
        self.figure.legend(handles=legend(len(self.plane.points) > 0), **{**_ABOVE, "handlelength": 1.4})
        self.show(0)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # laid out once, so that nothing but the lines moves

    def show(self, step: int) -> None:
        """Draw the lines of a step."""
        self.axes.clear()
        self.axes.set(xlabel="first input", ylabel="second input", title=at_epoch(self.epoch[step]))
        found = self.plane.draw(self.axes, step, self.threshold)
        count = f"{found} of {len(self.plane.names)} found"
        self.axes.set_title(count, loc="right", fontweight="normal", fontsize=9.5)

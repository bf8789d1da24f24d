"""The lanes of a race: a picture at any step of the correlations of all students with each teacher node."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from practicum.figures._axes import epoch_axis, error_axis
from practicum.figures._labelled import positive
from practicum.figures._panels import at_epoch
from practicum.figures.style import COLOURS, GRID, INK, MUTED, say, sheet

_WINNER, _FOUND, _OTHER = COLOURS[1], COLOURS[0], MUTED
_LANE = 0.19
"""Height of a lane in inches, if there are not too many."""
_MOST_POINTS = 1500
"""Grey points of a picture; of more students only the best of each lane are drawn."""


class Lanes:
    """One figure for all pictures: between two of them only points move.

    Main arguments:
        rho: (step, teacher, student), the last step being the end of the race.
        epoch: (step).
        names: of the teachers.
        loss: (step), or None.
        threshold: of the correlation at which a teacher is found.
    """

    def __init__(
        self, rho: np.ndarray, epoch: np.ndarray, names: list[str], loss: np.ndarray | None, threshold: float
    ) -> None:
        self.rho, self.epoch, self.threshold = rho, epoch, threshold
        self.winners = rho[-1].argmax(axis=1)
        height = float(np.clip(_LANE * len(names), 0.9, 4.2))
        self.figure = sheet(1.25 + height + (0.0 if loss is None else 1.2))
        rows = [height] if loss is None else [height, 0.75]
        panels = self.figure.subplots(len(rows), 1, height_ratios=rows, squeeze=False)[:, 0]
        self.axes = panels[0]
        self._prepare(names)
        self.loss = np.full(epoch.shape, np.nan) if loss is None else positive(loss)
        self.now = None if loss is None else self._draw_loss(panels[1])
        self.figure.legend(handles=self._legend(), loc="outside upper left", ncols=3, columnspacing=1.4)
        self.show(0)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # laid out once: a title that grows must not make the panels jump

    def show(self, step: int) -> None:
        """Move everything to where it is at a step."""
        rho, lanes = self.rho[step], np.arange(len(self.winners))
        winner, best = rho[lanes, self.winners], rho.max(axis=1)
        there, running = best > self.threshold, winner <= self.threshold
        shown = np.sort(rho, axis=1)[:, -max(5, _MOST_POINTS // len(lanes)) :]
        self.others.set_data(shown.ravel(), np.repeat(lanes, shown.shape[1]))
        self.running.set_data(winner[running], lanes[running])
        self.arrived.set_data(best[there], lanes[there])
        self.axes.set_title(at_epoch(self.epoch[step]))
        self.count.set_text(f"{int(there.sum())} of {len(lanes)} found")
        if self.now is not None:
            self.now.set_data([self.epoch[step]], [self.loss[step]])

    def _prepare(self, names: list[str]) -> None:
        axes, lanes = self.axes, np.arange(len(names))
        self.count = axes.set_title(" ", loc="right", fontweight="normal", fontsize=9.5)
        axes.set(ylim=(len(names) - 0.4, -0.6), ylabel="teacher", xlabel="correlation of students with the teacher  ρ")
        axes.set_xlim(min(0.0, float(np.nanmin(self.rho))) - 0.02, 1.02)
        axes.grid(False)
        axes.hlines(lanes, -1.02, 1.02, color=GRID, linewidth=0.8 if len(names) < 60 else 0.3, zorder=1)
        axes.axvline(self.threshold, color=INK, linewidth=1.0, linestyle=(0, (1, 2)), zorder=1)
        stride = -(-len(names) // 22)
        axes.set_yticks(lanes[::stride], names[::stride])
        axes.tick_params(axis="y", length=0)
        size = float(np.clip(160 / len(names), 3.0, 8.0))
        looks = self._looks(size)
        self.others, self.running, self.arrived = (axes.plot([], [], **look)[0] for look in looks)

    def _looks(self, size: float) -> list[dict[str, Any]]:
        edge: dict[str, Any] = {"linestyle": "none", "markeredgecolor": "white", "markeredgewidth": size / 13}
        return [
            {
                "marker": "o",
                "markersize": 0.5 * size,
                "color": _OTHER,
                "alpha": 0.4,
                "linestyle": "none",
                "mew": 0,
                "zorder": 2,
            },
            {"marker": "o", "markersize": size, "color": _WINNER, "zorder": 4, **edge},
            {"marker": "D", "markersize": 0.9 * size, "color": _FOUND, "zorder": 5, **edge},
        ]

    def _legend(self) -> list[Line2D]:
        names = ("other students", "the later winner", f"the best student, ρ > {self.threshold:g}")
        handles = [Line2D([], [], **look, label=name) for look, name in zip(self._looks(7.5), names)]
        return [handles[1], handles[2], handles[0]]

    def _draw_loss(self, axes: Axes) -> Line2D:
        axes.plot(self.epoch, self.loss, color=MUTED, linewidth=1.3)
        if not np.isfinite(self.loss).any():
            say(axes, "no positive finite loss to draw")
        error_axis(axes, "loss")
        after = self.epoch[self.epoch > 0]
        epoch_axis(axes, self.epoch, logarithmic=bool(after.size > 2 and after.max() > 30 * after.min()))
        return axes.plot(self.epoch[:1], self.loss[:1], marker="o", color=INK, clip_on=False, zorder=4)[0]

"""Names of curves at their right ends, moved apart where they would overlap."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from practicum.figures.style import MUTED, PAPER

_LINE = 1.35  # distance of neighbouring labels in font sizes
_EARLY = 0.85  # a curve that ends left of here (in widths of the panel) is named inside the panel
_LETTER = 5.9  # width of a letter of an axis label in points, about
_LEADER = 0.035  # length of the line from the edge of the panel to a label, in widths of the panel


def label_ends(
    axes: Axes, ends: Sequence[tuple[float, float]], names: Sequence[str], colours: Sequence[Any], height: float
) -> None:
    """Write each name to the right of a panel, at the height where its curve ends.

    Main arguments:
        ends: the last point of each curve, in data coordinates; NaN where a curve has none.
        height: of the panel, about, in inches: it tells how many lines of text fit.

    Call it last: it fixes the limits of the axes. Where not all names fit at readable size, only some (the first, the
    last, and evenly many between) are written.
    """
    known = [i for i, (x, y) in enumerate(ends) if np.isfinite(x) and np.isfinite(y)]
    if not known:
        return
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    size = 8.5 if len(known) <= 12 else 7.0
    step = _LINE * size / 72 / height
    room = max(1, int(1.1 / step))
    to_panel = (axes.transData + axes.transAxes.inverted()).transform
    at = {i: to_panel(ends[i]) for i in known}
    for i in [i for i in known if at[i][0] < _EARLY]:  # beside its end: a leader across the panel would be a curve
        x, y = at[i]
        label = axes.text(x + 0.02, y, names[i], transform=axes.transAxes, color=colours[i], fontsize=size, va="center")
        label.set_path_effects([withStroke(linewidth=2.5, foreground=PAPER)])
    order = sorted((i for i in known if at[i][0] >= _EARLY), key=lambda i: at[i][1])
    if len(order) > room:
        order = [order[k] for k in np.unique(np.linspace(0, len(order) - 1, room).round().astype(int))]
    heights = spread([float(np.clip(at[i][1], 0, 1)) for i in order], step, -0.05, 1.05)
    led = any(abs(y - at[i][1]) > 0.3 * step for i, y in zip(order, heights))
    x_text = 1 + _LEADER if led else 1.012
    for i, y in zip(order, heights):
        axes.text(x_text + 0.006, y, names[i], transform=axes.transAxes, color=colours[i], fontsize=size, va="center")
        if led:
            axes.plot(
                [at[i][0] + 0.006, 1.006, x_text], [at[i][1], at[i][1], y], transform=axes.transAxes, clip_on=False,
                color=MUTED, linewidth=0.6, label="_leader", zorder=1,
            )  # fmt: skip


def spread(wanted: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Heights as near as can be to those wanted (ascending), at least `step` apart, between `low` and `high`.

    Groups that collide are merged and centred on the mean of what they wanted.
    """
    groups: list[list[float]] = []  # [count, sum of the wanted heights of the lowest member]
    for y in wanted:
        groups.append([1, y])
        while len(groups) > 1 and _top(groups[-2], step) > groups[-1][1] / groups[-1][0] - 1e-12:
            count, total = groups.pop()
            below = groups[-1]
            # A member that is the j-th of its group wants the group's foot j steps below itself.
            below[1] += total - count * below[0] * step
            below[0] += count
    found: list[float] = []
    for count, total in groups:
        found += [total / count + j * step for j in range(int(count))]
    if found and found[-1] > high:
        for k in range(len(found) - 1, -1, -1):
            found[k] = min(found[k], high - (len(found) - 1 - k) * step)
    if found and found[0] < low:
        for k in range(len(found)):
            found[k] = max(found[k], low + k * step)
    return found


def _top(group: list[float], step: float) -> float:
    return group[1] / group[0] + group[0] * step


def wrapped(label: str, inches: float) -> str:
    """The label of a vertical axis in as many lines as the height of its panel asks for."""
    return fill(label, max(int(72 * inches / _LETTER), 8))


def shortened(name: str, most: int = 26) -> str:
    """A long name without its middle."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-most // 2 :]}"

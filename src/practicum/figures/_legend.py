"""A legend above the panels, whose names may be many and long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure

_LOOK: dict[str, Any] = {"columnspacing": 1.4, "handlelength": 2.4, "handletextpad": 0.6, "labelspacing": 0.35}


def legend_above(figure: Figure, handles: Sequence[Artist], most: int = 4) -> None:
    """A legend above all panels in as many columns as fit, at most `most`.

    The sheet grows by the height of the rows, so that the panels do not shrink.
    """
    width, height = figure.get_size_inches()
    for columns in range(min(most, len(handles)), 0, -1):
        legend = figure.legend(handles=handles, loc="outside upper left", ncols=columns, **_LOOK)
        box = legend.get_window_extent()
        if box.width <= 0.985 * width * figure.dpi or columns == 1:
            figure.set_size_inches(width, height + box.height / figure.dpi)
            return
        legend.remove()

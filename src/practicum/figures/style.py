"""The common look of the figures, and how one becomes a file whose bytes depend on the data alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from practicum.disk.writing import replace_whole
from practicum.errors import ParameterError, StorageError

WIDTH = 7.2
"""Width of a figure in inches: that of the text in a report, at 10 points."""

INK, MUTED, GRID, PAPER, NEVER = "#1f242b", "#626b76", "#dde1e6", "#ffffff", "#e3e6ea"
"""Text and axes, secondary text, grid lines, background, cells without a value. A page may replace each of these."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe & Ito's palette for the colour-blind, without its yellow (too faint on white) and black (the theory's)."""

DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (6, 1.6, 1.2, 1.6)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "D", "^", "v", "P")
MANY = 12
"""From this many curves on, colours follow an order instead of being told apart one by one."""

ALPHA = "α = updates / N"
EPSILON = "ε: size of the perturbation"
ERROR = r"generalization error  $\varepsilon_\mathrm{g}$"

_LOOK = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib: the same metrics everywhere
    "mathtext.fontset": "dejavusans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "lines.dash_capstyle": "butt",
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.5,
    "hatch.color": MUTED,
    "axes.unicode_minus": True,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "path",  # looks the same everywhere; each glyph is stored once
    "svg.hashsalt": "practicum",
    "path.simplify": True,
    "pdf.fonttype": 42,
}

Arguments = ParamSpec("Arguments")


def look() -> AbstractContextManager[Any]:
    """A context in which matplotlib's settings are those of practicum's figures, whatever the user's are."""
    from matplotlib import rcParamsDefault

    # The user's own style must not leak into a report whose bytes are promised.
    kept = {name: value for name, value in rcParamsDefault.items() if not name.startswith(("backend", "interactive"))}
    chosen: Any = {**kept, **_LOOK}
    return rc_context(chosen)


def drawn(function: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Decorator of a figure's function: it runs in :func:`look`."""

    @wraps(function)
    def inside(*arguments: Arguments.args, **names: Arguments.kwargs) -> Figure:
        with look():
            return function(*arguments, **names)

    return inside


def sheet(height: float, width: float = WIDTH) -> Figure:
    """An empty figure that can be rendered anywhere, known to no window and no pyplot."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def styles(count: int) -> list[dict[str, Any]]:
    """Colour, line style and marker of each of `count` curves.

    Few curves get colours as different as can be; :data:`MANY` or more get an ordered scale, since no palette has
    that many colours that all people can tell apart. Dashes change at another pace than colours.
    """
    if count < MANY:
        return [
            {
                "color": COLOURS[i % len(COLOURS)],
                "linestyle": DASHES[(i % len(COLOURS) + i // len(COLOURS)) % len(DASHES)],
                "marker": MARKERS[i % len(MARKERS)],
            }
            for i in range(count)
        ]
    scale = colormaps["viridis"]
    return [
        {"color": scale(0.2 + 0.65 * i / (count - 1)), "linestyle": DASHES[i % 4], "marker": MARKERS[i % len(MARKERS)]}
        for i in range(count)
    ]


def svg(figure: Figure) -> str:
    """A figure as SVG text: text as outlines, no date, identifiers that depend on the content alone."""
    buffer = io.StringIO()
    with look():
        figure.savefig(buffer, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def save(figure: Figure, path: str | Path, *, dots_per_inch: float = 200) -> Path:
    """Write a figure to a file, whole or not at all; the ending of its name (.svg, .pdf, .png) is the format.

    Raises:
        ParameterError: the ending is unknown.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    dateless: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None},
        "png": {},
    }
    if kind not in dateless:
        raise ParameterError(f"A figure's file must end in .svg, .pdf or .png. Got {path.name!r} instead.")
    try:
        image = io.BytesIO()
        with look():
            figure.savefig(image, format=kind, dpi=dots_per_inch, metadata=dateless[kind])
        replace_whole(path, image.getbuffer())
    except OSError as error:
        raise StorageError(f"The figure {path} cannot be written: {(error.strerror or str(error)).lower()}.") from None
    return path


def backed() -> dict[str, Any]:
    """A box behind text that stands on lines and points.

    An outline around the letters would store each of them anew, a kilobyte a letter.
    """
    return {"boxstyle": "square,pad=0.12", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.8}


def say(axes: Axes, sentence: str) -> None:
    """A remark in the middle of a panel that has nothing to show."""
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=MUTED, style="italic")

"""Adversarial examples as pictures: the input, what was added inside and outside the data subspace, and the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from practicum.errors import ParameterError
from practicum.figures._labelled import may, need, texts
from practicum.figures._labels import shortened
from practicum.figures.style import COLOURS, INK, MUTED, NEVER, WIDTH, drawn, say, sheet

if TYPE_CHECKING:
    import xarray as xr

_NAME = "adversarial_examples"
_MOST = 8
_PICTURES = {
    "input": "input",
    "inside": "perturbation\nin subspace",
    "outside": "perturbation\noff subspace",
    "perturbed": "perturbed\ninput",
}
_TEXTS = ("teacher_before", "student_before", "teacher_after", "student_after")
_WRONG = "✗"
_LETTERS = 24
"""Of a label, more than fit beside a picture even if they are narrow."""

# The table in inches: a picture, the space between rows and columns, and the margins, of which one holds labels.
_SIDE, _GAP, _WORDS = 1.02, 0.14, 1.06
_LEFT, _ABOVE, _BELOW = 0.55, 0.5, 0.62
_COLUMNS = np.array([0, _SIDE + _WORDS, 2 * _SIDE + _WORDS + _GAP, 3 * _SIDE + _WORDS + 2 * _GAP]) + _LEFT


@drawn
def adversarial_examples(data: xr.Dataset, *, own_scale: bool = False) -> Figure:
    """A table of pictures, a row an example: input, perturbation inside and outside the data subspace, and their sum.

    Main arguments:
        data: the pictures ``input``, ``inside``, ``outside`` and ``perturbed`` (example, height, width), grey, or with
            ``channel``, 1 or 3; the labels ``teacher_before``, ``teacher_after``, ``student_before`` and
            ``student_after`` (example), of the input and of the perturbed input. There are at most 8 examples; the
            dimension may be missing.

    Other arguments:
        own_scale: a scale of the perturbation for each row, written beside it; otherwise all rows share one.
        data may also have ``epsilon`` (example), written beside each row, and the coordinate ``example``, its names.

    Where the student's label is not the teacher's for the same picture, a cross stands before it, and a dashed frame
    around the perturbed input. Grey perturbations are blue where negative and orange where positive; coloured ones are
    grey where zero, and each channel is brighter where positive. Zero is in the middle of either scale.

    Raises:
        ParameterError: a variable or dimension is missing, or there are too many examples or channels.
    """
    if hasattr(data, "data_vars") and "input" in data.variables and "example" not in data["input"].dims:
        alone = [name for name in (*_PICTURES, *_TEXTS, "epsilon") if name in data.variables]
        data = data.reset_coords([name for name in alone if name in data.coords]).drop_vars("example", errors="ignore")
        data = data.assign({name: data[name].expand_dims("example") for name in alone})
    pictures = {name: _pictures(data, name) for name in _PICTURES}
    channels = {one.shape[-1] for one in pictures.values()}
    if len(channels) > 1 or not channels <= {1, 3}:
        got = " and ".join(map(str, sorted(channels)))
        raise ParameterError(f"The pictures of {_NAME} must have 1 or 3 channels, all as many. Got {got}.")
    labels = {name: _labels(need(_NAME, data, name, "example")) for name in _TEXTS}
    names = _names(data)
    ranges = _ranges(pictures["inside"], pictures["outside"], own_scale)
    limits = _limits(pictures["input"], pictures["perturbed"])
    _, height, width, colours = pictures["input"].shape

    tall = float(np.clip(_SIDE * height / width, 0.86, 1.5))
    figure = sheet(_ABOVE + len(names) * (tall + _GAP) + _BELOW)
    figure.set_layout_engine("none")  # the places are known, and words beside a picture must not make it smaller
    places = _places(figure, len(names), tall)
    for row, (name, scale) in enumerate(zip(names, ranges)):
        cells = dict(zip(_PICTURES, places[row]))
        for kind, axes in cells.items():
            signed = kind in ("inside", "outside")
            _show(axes, pictures[kind][row], (-scale, scale) if signed else limits, signed)
            axes.set_label(f"{kind} {row}")
        cells["input"].set_ylabel(name, fontsize=8.5)
        _write(cells["input"], labels["teacher_before"][row], labels["student_before"][row])
        if _write(cells["perturbed"], labels["teacher_after"][row], labels["student_after"][row]):
            cells["perturbed"].spines[:].set(
                color=COLOURS[1], linewidth=2.2, linestyle=(0, (2.4, 1.6)), capstyle="butt"
            )
        if own_scale:
            _beside(cells["perturbed"], 66, f"scale ± {scale:.2g}", color=MUTED, fontsize=7.5)
    for axes, heading in zip(places[0], _PICTURES.values()):
        axes.set_title(heading, fontsize=9)
    low, high = (f"{limit:.2g}".replace("-", "−") for limit in limits)
    said = f"black {low}, white {high}" if colours == 1 else f"channels {low} to {high}"
    below_words = 72 * max(tall - _SIDE * height / width, 0) + 4
    places[-1][0].set_xlabel(f"{width} × {height} pixels\n{said}", fontsize=8, labelpad=below_words)
    if not own_scale:
        _scale(figure, float(ranges[0]), coloured=colours == 3)
    if any(_errs(labels[f"teacher_{when}"], labels[f"student_{when}"]) for when in ("before", "after")):
        said = f"{_WRONG} the student errs: its label\nis not the teacher's"
        figure.text((_COLUMNS[3] + 0.02) / WIDTH, 0.1 / figure.get_figheight(), said, fontsize=8, va="bottom")
    return figure


def _pictures(data: xr.Dataset, name: str) -> np.ndarray:
    """(example, height, width, channel)."""
    coloured = name in getattr(data, "variables", ()) and "channel" in data[name].dims
    array = need(_NAME, data, name, "example", "height", "width", *(["channel"] if coloured else []))
    values = array.values.astype(float)
    values = values if coloured else values[..., None]
    if not 0 < len(values) <= _MOST:
        raise ParameterError(
            f"The figure {_NAME} has room for 1 to {_MOST} examples. Got {len(values)}; select some with "
            ".isel(example=[...])."
        )
    return values


def _labels(values: xr.DataArray) -> list[str]:
    """Labels as text; empty where there is none."""
    return ["" if text in ("nan", "None") else text for text in texts(values)]


def _names(data: xr.Dataset) -> list[str]:
    count = data.sizes["example"]
    names = texts(data["example"]) if "example" in data.coords else [f"{i + 1}" for i in range(count)]
    names = [name if any(map(str.isalpha, name)) else f"example {name}" for name in names]
    epsilon = may(_NAME, data, "epsilon", "example")
    sizes = np.full(count, np.nan) if epsilon is None else epsilon.values.astype(float)
    return [shortened(name, 16) + (f"\nε = {e:.3g}" if np.isfinite(e) else "") for name, e in zip(names, sizes)]


def _ranges(inside: np.ndarray, outside: np.ndarray, own_scale: bool) -> np.ndarray:
    """The largest absolute value of the perturbations, of each row or of all."""
    both = np.abs(np.stack([inside, outside], axis=1)).reshape(len(inside), -1)
    largest = np.where(np.isfinite(both), both, 0.0).max(axis=1)
    largest = largest if own_scale else np.full(largest.shape, largest.max())
    return np.where(largest > 0, largest, 1.0)


def _limits(*pictures: np.ndarray) -> tuple[float, float]:
    """What is black and white: 0 and 1 if all pictures are within, else the extremes, so that nothing is clipped."""
    values = np.concatenate([one[np.isfinite(one)] for one in pictures])
    if not values.size or (values.min() >= 0 and values.max() <= 1):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def _places(figure: Figure, rows: int, tall: float) -> list[list[Axes]]:
    """The axes of the table; they share their pixels."""
    height = figure.get_figheight()
    found: list[list[Axes]] = []
    for row in range(rows):
        bottom = height - _ABOVE - tall - row * (tall + _GAP)
        found.append([])
        for left in _COLUMNS:
            first = found[0][0] if found[0] else None
            box = (left / WIDTH, bottom / height, _SIDE / WIDTH, tall / height)
            found[row].append(figure.add_axes(box, sharex=first, sharey=first, anchor="NW"))
    return found


def _show(axes: Axes, picture: np.ndarray, limits: tuple[float, float], signed: bool) -> None:
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set(visible=True, color=MUTED, linewidth=0.6)
    known = np.asarray(np.isfinite(picture).all(axis=-1))
    low, high = limits
    if picture.shape[-1] == 1:
        shown: Any = np.ma.masked_invalid(picture[..., 0])
    else:
        share = np.clip((np.nan_to_num(picture) - low) / (high - low), 0, 1)
        shown = np.concatenate([share, known[..., None].astype(float)], axis=-1)
    # Without interpolation a file holds each pixel once, however large the picture is printed.
    axes.imshow(shown, cmap=_colours(signed), vmin=low, vmax=high, interpolation="none")
    if not known.any():
        say(axes, "none")
    elif signed and not np.nan_to_num(picture).any():
        axes.text(0.5, 0.5, "zero", transform=axes.transAxes, ha="center", va="center", fontsize=8, color=MUTED)


def _colours(signed: bool) -> Colormap:
    if not signed:
        return colormaps["gray"].with_extremes(bad=NEVER)
    # The blue is much darker than the orange, so that a grey printer tells the signs apart.
    return LinearSegmentedColormap.from_list("signed", [COLOURS[0], "#f7f7f7", COLOURS[4]], N=255).with_extremes(
        bad=NEVER
    )


def _write(axes: Axes, teacher: str, student: str) -> bool:
    """The labels beside a picture; whether the student errs."""
    wrong = _wrong(teacher, student)
    _beside(axes, 0, "teacher", color=MUTED, fontsize=7.5)
    _fit(_beside(axes, 11, "", color=INK, fontsize=8.5), teacher or "–")
    _beside(axes, 30, "student", color=MUTED, fontsize=7.5)
    look: dict[str, Any] = {"color": COLOURS[1], "fontweight": "bold"} if wrong else {"color": INK}
    _fit(_beside(axes, 41, "", fontsize=8.5, **look), student or "–", f"{_WRONG} " if wrong else "")
    return wrong


def _fit(text: Text, label: str, before: str = "") -> None:
    """Write a label without as much of its middle as has no room beside the picture."""
    figure = text.get_figure(root=True)
    assert figure is not None
    for letters in range(max(min(len(label), _LETTERS), 3), 2, -1):
        text.set_text(before + shortened(label, letters))
        if text.get_window_extent().width <= (_WORDS - 0.12) * figure.dpi:
            return


def _wrong(teacher: str, student: str) -> bool:
    return bool(teacher and student and teacher != student)


def _errs(teacher: list[str], student: list[str]) -> bool:
    return any(map(_wrong, teacher, student))


def _beside(axes: Axes, down: float, text: str, **look: Any) -> Text:
    """Words to the right of a picture, `down` points below its upper edge."""
    place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "annotation_clip": False}
    return axes.annotate(text, (1, 1), xytext=(5, -down), **place, **look)


def _scale(figure: Figure, largest: float, coloured: bool) -> None:
    """The bar that says what the colours of a perturbation mean, below both of its columns."""
    width, height = _COLUMNS[3] - _GAP - _COLUMNS[1], figure.get_figheight()
    place = figure.add_axes((_COLUMNS[1] / WIDTH, (_BELOW - 0.18) / height, width / WIDTH, 0.09 / height))
    place.set_label("<colorbar>")
    shades = ScalarMappable(Normalize(-largest, largest), colormaps["gray"] if coloured else _colours(True))
    bar = figure.colorbar(shades, cax=place, orientation="horizontal", ticks=[-largest, 0, largest])
    ends = bar.ax.set_xticklabels([f"−{largest:.2g}", "0", f"{largest:.2g}"], fontsize=8)
    ends[0].set_horizontalalignment("left")
    ends[-1].set_horizontalalignment("right")
    bar.ax.grid(False)
    bar.set_label("perturbation of each channel" if coloured else "perturbation", fontsize=8)

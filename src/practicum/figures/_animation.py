"""Pictures in a row as one file: a GIF, or an animated PNG, whose bytes depend on the pictures alone."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from practicum.errors import ParameterError, StorageError

_FORMATS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG"}
_DOTS_PER_INCH = 96
_COLOURS = (64, 32, 16)
"""Sizes of the palette; the next one is tried where an animation would be too large for a page."""
_LARGEST = 1_500_000
"""Bytes."""
_CELLS = 1 << 15


def checked_path(path: str | Path) -> Path:
    """The name of an animation's file, or one sentence.

    Raises:
        ParameterError: the ending is unknown.
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise ParameterError(f"An animation's file must end in one of {known}. Got {path.name!r} instead.")
    return path


def pixels(figure: Figure) -> np.ndarray:
    """A figure as it is now: (height, width, 3), uint8."""
    figure.set_dpi(_DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def write(pictures: Sequence[np.ndarray], path: Path, frames_per_second: float, hold: float) -> Path:
    """Write pictures (height, width, 3), uint8, as an animation that repeats after holding its last picture.

    Main arguments:
        hold: seconds for which the last picture stays.

    Raises:
        StorageError: the file cannot be written; what was there before stays.
    """
    step = max(20, 10 * round(100 / frames_per_second))  # GIF counts in hundredths of a second
    durations = [step] * (len(pictures) - 1) + [max(step, 10 * round(100 * hold))]
    content = b""
    for colours in _COLOURS:
        frames = _paletted(pictures, colours)
        buffer = io.BytesIO()
        frames[0].save(
            buffer, format=_FORMATS[path.suffix.lower()], save_all=True, append_images=frames[1:], duration=durations,
            loop=0, optimize=True,
        )  # fmt: skip
        content = buffer.getvalue()
        if len(content) <= _LARGEST:
            break
    _write_whole(path, content)
    return path


def _paletted(pictures: Sequence[np.ndarray], count: int) -> list[Image.Image]:
    """The pictures in their most frequent colours; with a palette each, plain areas would flicker.

    Pillow's own quantizer maps to a neighbour of the nearest colour, so that white becomes grey.
    """
    codes = [_code(one) for one in pictures]
    frequency = np.sum([np.bincount(code.ravel(), minlength=_CELLS) for code in codes], axis=0)
    present = np.flatnonzero(frequency)
    chosen = np.sort(present[np.argsort(-frequency[present], kind="stable")[:count]])
    palette = _colours(chosen)
    table = np.zeros(_CELLS, np.uint8)
    distance = ((_colours(present)[:, None].astype(int) - palette[None]) ** 2).sum(axis=-1)
    table[present] = distance.argmin(axis=1)
    frames = []
    for code in codes:
        frame = Image.fromarray(table[code])
        frame.putpalette(palette.ravel().tolist())
        frames.append(frame)
    return frames


def _code(picture: np.ndarray) -> np.ndarray:
    """The cell of each pixel's colour, five bits a channel."""
    red, green, blue = np.moveaxis(picture.astype(np.uint16) >> 3, -1, 0)
    return (red << 10) | (green << 5) | blue


def _colours(codes: np.ndarray) -> np.ndarray:
    """Colours (n, 3), uint8, of cells; the last level is 255, so that white paper stays white."""
    levels = np.stack([codes >> 10, (codes >> 5) & 31, codes & 31], axis=-1)
    return np.round(levels * (255 / 31)).astype(np.uint8)


def _write_whole(path: Path, content: bytes) -> None:
    """Write completely or not at all: a reader never sees half an animation."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"The animation {path} cannot be written: {reason}.") from None

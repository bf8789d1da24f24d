"""Small idx files, written by hand."""

import gzip
import struct
from pathlib import Path

import numpy as np


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    """The bytes of an idx file: 0, 0, type, dimensions, sizes (big-endian), values."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def made_up(count: int, seed: int = 0, shape: tuple[int, int] = (5, 4)) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of bytes; the first image is black, then white."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    images[0], images[1] = 0, 255
    return images, rng.integers(0, 10, count, dtype=np.uint8)


def write_set(folder: Path, *, compressed: bool = True, train: int = 12, test: int = 6) -> dict[str, bytes]:
    """The four files of a set; returns their bytes as written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for prefix, count, seed in (("train", train, 0), ("t10k", test, 1)):
        images, labels = made_up(count, seed)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx(array)
            file = f"{prefix}-{name}-ubyte"
            if compressed:
                content, file = gzip.compress(content, mtime=0), f"{file}.gz"
            (folder / file).write_bytes(content)
            written[file] = content
    return written

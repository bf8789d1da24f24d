"""What the cases share: the canary, much out of little, and networks that a hostile file is compared with."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Act = list[str] | Callable[[], object]
"""Words of a command line, or a call."""

DIMENSION = 6
CANARY = "canary"
BLOCK = 2**24
STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
"""How a member of a zip archive is compressed."""


class Case(NamedTuple):
    """One hostile file and who reads it.

    Main arguments:
        name: what is wrong.
        reader: who reads it, as a column of the table says it.
        make: makes the file in a folder and returns what reads it.
        harmless: whether nothing needs to be refused: what is not wanted is passed over.
    """

    name: str
    reader: str
    make: Callable[[Path], Act]
    harmless: bool = False


class Canary:
    """Whoever unpickles it runs a program, which leaves a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / CANARY

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.path}'",)


def networks(folder: Path) -> list[str]:
    """A teacher and a student as they should be."""
    names = [str(folder / f"{name}.safetensors") for name in ("good-teacher", "good-student")]
    for seed, name in enumerate(names):
        rng = np.random.default_rng(seed)
        arrays = {f"weights.{layer}": rng.normal(size=(1, *shape)) for layer, shape in enumerate(((3, 6), (2, 3)))}
        about = {"format": "mlp-1", "sizes": [6, 3, 2], "activation": "relu", "slope": 0.0, "normalisation": None}
        Path(name).write_bytes(safetensors(arrays, {"practicum": json.dumps(about)}))
    return names


def safetensors(arrays: dict[str, np.ndarray], about: dict[str, str] | None = None) -> bytes:
    """A file of safetensors of float64."""
    header: dict[str, Any] = {"__metadata__": about} if about else {}
    at = 0
    for name, values in arrays.items():
        header[name] = {"dtype": "F64", "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    return framed(json.dumps(header).encode(), b"".join(values.tobytes() for values in arrays.values()))


def framed(header: bytes, data: bytes = b"") -> bytes:
    """Length, header, data."""
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def deflated_zeros(size: int) -> bytes:
    """A raw deflate stream of so many zeros, a multiple of `BLOCK`; a thousandth as long, and made at once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (size // BLOCK) + packer.flush(zlib.Z_FINISH)


def zip_of(members: dict[str, tuple[bytes, int, int]], directory: int = 0) -> bytes:
    """A zip archive by hand: for each member its bytes as they lie in the file, its size, and how it is compressed.

    Main arguments:
        directory: how many bytes longer the list of members is than it has to be.
    """
    body, listed = b"", b""
    for name, (content, size, method) in members.items():
        extra = struct.pack("<HHQQ", 1, 16, size, len(content))  # sizes of 64 bits
        check = zlib.crc32(content) if method == STORED else 0  # of a bomb nobody comes to the end
        shared = struct.pack("<HHHHHIIIHH", 45, 0, method, 0, 0, check, 2**32 - 1, 2**32 - 1, len(name), len(extra))
        listed += b"PK\x01\x02" + struct.pack("<H", 45) + shared + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        listed += name.encode() + extra
        body += b"PK\x03\x04" + shared + name.encode() + extra + content
    listed += bytes(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(listed), len(body), 0)
    return body + listed + b"PK\x05\x06" + end


def npy_header(shape: str, kind: str = "<f8", order: str = "False") -> bytes:
    """The first bytes of a file .npy, with whatever is written there."""
    text = f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def written(path: Path, content: bytes) -> str:
    """The name of a file with this content."""
    path.write_bytes(content)
    return str(path)


def sparse(path: Path, start: bytes, size: int, end: bytes = b"") -> str:
    """The name of a file that is zeros between its start and its end, and takes no room on the disk."""
    with open(path, "wb") as file:
        file.write(start)
        file.truncate(size - len(end))
        file.seek(0, os.SEEK_END)
        file.write(end)
    return str(path)


def fifo(path: Path) -> str:
    """The name of a pipe into which nobody writes."""
    os.mkfifo(path)
    return str(path)


def device(path: Path) -> str:
    """The name of a link to a device that never ends."""
    path.symlink_to("/dev/zero")
    return str(path)


def directory(path: Path) -> str:
    """The name of a folder."""
    path.mkdir()
    return str(path)


ODD = {"pipe": fifo, "device without end": device, "folder": directory}
"""What can have the name of a file without being one."""

"""Files .npy and .npz, as inputs of ``practicum specialization --data``."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from hostile.making import (
    BLOCK,
    BZIP2,
    DEFLATED,
    DIMENSION,
    LZMA,
    ODD,
    STORED,
    Act,
    Canary,
    Case,
    deflated_zeros,
    networks,
    npy_header,
    written,
    zip_of,
)


def cases(giga: int) -> Iterator[Case]:
    """Every case; a bomb holds so many bytes."""
    for name, (ending, content) in _contents(giga).items():
        yield Case(name, "--data", partial(_named, ending=ending, content=content))
    rows = giga // (8 * DIMENSION)
    whole = giga // BLOCK * BLOCK - 128
    inside = _stored_header(f"({rows - 16}, {DIMENSION})")
    yield Case(
        "zeros in a zip, of the right shape: a few rows are read",
        "--data",
        partial(_named, ending="npz", content=lambda _: zip_of({"inputs.npy": (inside(giga), whole, DEFLATED)})),
        harmless=True,
    )
    for name, make in ODD.items():
        yield Case(f"a {name}", "--data", lambda folder, make=make: _read(folder, make(folder / "x.npy")))


def _read(folder: Path, file: str) -> Act:
    return ["specialization", *networks(folder), "--samples", "100", "--data", file]


def _named(folder: Path, ending: str, content: Callable[[Path], bytes]) -> Act:
    return _read(folder, written(folder / f"x.{ending}", content(folder)))


def _saved(save: Callable[..., None], *values: object, **named: object) -> bytes:
    image = io.BytesIO()
    save(image, *values, **named)
    return image.getvalue()


def _objects(folder: Path) -> np.ndarray:
    return np.array([Canary(folder), None], dtype=object)


def _stored_header(shape: str) -> Callable[[int], bytes]:
    """A header as a stored block of deflate, and zeros after it."""
    header = npy_header(shape).ljust(128)
    block = bytes([0]) + len(header).to_bytes(2, "little") + (0xFFFF ^ len(header)).to_bytes(2, "little") + header
    return lambda size: block + deflated_zeros(size)


def _contents(giga: int) -> dict[str, tuple[str, Callable[[Path], bytes]]]:
    import bz2
    import lzma

    much = f"({10**15}, {DIMENSION})"
    wide = f"(16, {giga // 128 - 1})"
    zeros = npy_header(f"(100, {DIMENSION})") + bytes(4800)
    return {
        "a pickle in .npy": ("npy", lambda folder: _saved(np.save, _objects(folder))),
        "a pickle in .npz": ("npz", lambda folder: _saved(np.savez, inputs=_objects(folder))),
        "a bare pickle as .npy": ("npy", lambda folder: pickle.dumps(Canary(folder))),
        "a bare pickle as a member": (
            "npz",
            lambda folder: zip_of({"inputs.npy": (p := pickle.dumps(Canary(folder)), len(p), STORED)}),
        ),
        "an .npz with a pickle in an .npz": (
            "npz",
            lambda folder: zip_of({"inputs.npy": (p := _saved(np.savez, inputs=_objects(folder)), len(p), STORED)}),
        ),
        "10^15 rows, of which none follows": ("npy", lambda _: npy_header(much)),
        "10^15 rows, by columns": ("npy", lambda _: npy_header(much, order="True")),
        "a negative length": ("npy", lambda _: npy_header(f"(-1, {DIMENSION})") + bytes(4800)),
        "lengths whose product overflows": ("npy", lambda _: npy_header(f"({2**62}, {2**62}, {DIMENSION})")),
        "one number of 8 GB": ("npy", lambda _: npy_header(f"(2, {DIMENSION})", "(1000000000,)<f8") + bytes(99)),
        "a header of nested tuples": ("npy", lambda _: npy_header("(" * 9000 + ")" * 9000)),
        "a header of 60 kB": ("npy", lambda _: npy_header("(" + "1," * 30000 + ")")),
        "zeros in a zip, of another shape": (
            "npz",
            lambda _: zip_of({"inputs.npy": (_stored_header(wide)(giga), giga, DEFLATED)}),
        ),
        "zeros packed by bzip2": (
            "npz",
            lambda _: zip_of({"inputs.npy": (bz2.compress(zeros + bytes(BLOCK)) * 8, giga, BZIP2)}),
        ),
        "zeros packed by LZMA": (
            "npz",
            lambda _: zip_of({"inputs.npy": (lzma.compress(zeros + bytes(BLOCK)), giga, LZMA)}),
        ),
        "a list of members of 100 MB": (
            "npz",
            lambda _: zip_of({"inputs.npy": (zeros, len(zeros), STORED)}, directory=10**8),
        ),
        "a member larger than the file": ("npz", lambda _: zip_of({"inputs.npy": (zeros, giga, STORED)})),
        "names that lead elsewhere": (
            "npz",
            lambda _: zip_of({f"../../{c}.npy": (zeros, len(zeros), STORED) for c in "ab\n"}),
        ),
    }

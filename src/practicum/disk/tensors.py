"""The header of a file of safetensors, compared with the file before anything is read or allocated."""

from __future__ import annotations

import math
from typing import Any, BinaryIO

from practicum.disk.regular import size_of
from practicum.disk.texts import plain_json

LONGEST = 2**23
"""Most bytes of a header: a hundred thousand tensors take as many."""

_AXES = 64
"""Most axes of a tensor, as in NumPy."""

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


def read_header(file: BinaryIO) -> dict[str, Any]:
    """The header of an open file: the entry ``__metadata__``, if there is one, and one a tensor, all of them checked.

    The tensors must lie one after the other from the end of the header to that of the file, each as large as its
    shape says.

    Raises:
        ValueError: they do not, or there is no header; the text is a part of a sentence.
    """
    room = size_of(file) - 8
    length = _length(file.read(8), room)
    return _checked(plain_json(file.read(length)), room - length)


def header_of(content: bytes) -> dict[str, Any]:
    """The header of the content of a file, checked as :func:`read_header` does.

    Raises:
        ValueError: as it does.
    """
    room = len(content) - 8
    length = _length(content[:8], room)
    return _checked(plain_json(content[8 : 8 + length]), room - length)


def _length(start: bytes, room: int) -> int:
    length, most = int.from_bytes(start, "little"), max(0, min(room, LONGEST))
    if length > most:
        raise ValueError(f"its header claims {length} bytes, and at most {most} are read")
    return length


def _checked(header: Any, room: int) -> dict[str, Any]:
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    about = header.get("__metadata__", {})
    if not isinstance(about, dict) or not all(isinstance(value, str) for value in about.values()):
        raise ValueError("its metadata are no texts")
    places = sorted((*_place(name, entry), name) for name, entry in header.items() if name != "__metadata__")
    end = 0
    for first, last, name in places:
        if first != end:
            raise ValueError(f"the tensor {name!a:.60} does not begin where the one before it ends")
        end = last
    if end != room:
        raise ValueError(f"its tensors end after {end} bytes, and it has {room}")
    return header


def _place(name: str, entry: Any) -> tuple[int, int]:
    """First byte and the one after the last of a tensor."""
    try:
        (first, last), shape, kind = entry["data_offsets"], entry["shape"], entry["dtype"]
        numbers = [first, last, *shape]
        if not all(type(number) is int and number >= 0 for number in numbers) or last < first:
            raise ValueError
        if not isinstance(shape, list) or len(shape) > _AXES or not isinstance(kind, str):
            raise ValueError
    except (TypeError, ValueError, KeyError):
        raise ValueError(f"the entry of the tensor {name!a:.60} is none") from None
    if kind in _BITS and math.prod(shape) * _BITS[kind] != 8 * (last - first):
        raise ValueError(f"the tensor {name!a:.60} has {last - first} bytes, which is not what its shape says")
    return first, last

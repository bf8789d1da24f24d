"""Members of a tar archive, one after the other, by what their own 512 bytes say.

Extended headers, which can rename a member, make it larger than the archive or list a hundred million holes in it, are
passed over like any member that nobody wants. Nothing is extracted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

_BLOCK = 512
_STEP = 2**20
_REGULAR = b"\0", b"0"


class Member(NamedTuple):
    """A member, and how to read what is in it before the next one is asked for."""

    name: str
    size: int
    regular: bool
    content: Callable[[], bytes]


def members(read: Callable[[int], bytes]) -> Iterator[Member]:
    """Every member.

    Main arguments:
        read: as of a file; gives fewer bytes than are asked for at its end only.

    Raises:
        ValueError: the archive is damaged or ends too early.
    """
    while (header := _exactly(read, _BLOCK)).strip(b"\0"):
        if _octal(header[148:156]) != sum(header[:148]) + sum(header[156:]) + 8 * ord(" "):
            raise ValueError("a header has another checksum than it says")
        size, left = _octal(header[124:136]), [True]

        def content(size: int = size, left: list[bool] = left) -> bytes:
            left.clear()
            return _exactly(read, size)

        prefix = _text(header[345:500]) if header[257:262] == b"ustar" and header[263:265] == b"00" else ""
        name = _text(header[:100])
        yield Member(f"{prefix}/{name}" if prefix else name, size, header[156:157] in _REGULAR, content)
        _skip(read, (size if left else 0) + -size % _BLOCK)


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    found = read(size)
    if len(found) < size:
        raise ValueError("it ends too early")
    return found


def _skip(read: Callable[[int], bytes], size: int) -> None:
    while size:
        step = min(size, _STEP)
        _exactly(read, step)
        size -= step


def _octal(field: bytes) -> int:
    if field[0] == 0x80:  # what has more than eleven octal digits is written in bytes
        return int.from_bytes(field[1:], "big")
    return int(field.strip(b" \0") or b"0", 8)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")

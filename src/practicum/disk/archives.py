"""Zip archives by other hands, such as .npz and .pt: what they claim is compared with what there is."""

from __future__ import annotations

from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from practicum.disk.regular import size_of

_MOST_NAMES = 2**23
"""Bytes of the list of members; a hundred thousand tensors take as many."""


class _Sparing:
    """A file of which little is read at a time: zipfile reads the list of members at once, however long it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_NAMES:
            size = min(size_of(self._file), _MOST_NAMES + 1)
            if size > _MOST_NAMES:
                raise BadZipFile("its list of members is too long")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def open_zip(file: BinaryIO, *, compressed: bool) -> ZipFile:
    """The archive in a file, whose members can be read in parts.

    Main arguments:
        compressed: whether members may be. If not, all of them together are no larger than the file.

    Raises:
        BadZipFile: it is no archive, or its members are compressed in a way that cannot be read in parts, or not
            where they are said to be.
    """
    archive = ZipFile(_Sparing(file))  # pyright: ignore[reportArgumentType, reportCallIssue]
    members = archive.infolist()
    known = (ZIP_STORED, ZIP_DEFLATED) if compressed else (ZIP_STORED,)
    if any(member.compress_type not in known for member in members):
        raise BadZipFile("its members are compressed in a way that is not read")
    if sum(member.compress_size for member in members) > size_of(file):
        raise BadZipFile("its members overlap")
    if any(member.compress_type == ZIP_STORED and member.file_size != member.compress_size for member in members):
        raise BadZipFile("its members have other sizes than it says")
    return archive

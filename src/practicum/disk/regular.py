"""Files that end: a pipe would be waited for, a device never ends, and a file may be larger than the memory."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """A file to be read, whose end comes; a link is followed.

    Raises:
        OSError: there is no such file, it may not be read, or it is a folder, a pipe, a socket or a device. Its
            ``strerror`` says so in words.
    """
    try:
        # Without O_NONBLOCK the opening of a pipe waits until somebody writes into it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError:
        raise OSError(errno.EINVAL, "its name holds a NUL character") from None
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, and no file", os.fspath(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def read_bounded(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of a file that has at most so many bytes.

    Raises:
        OSError: as :func:`open_regular` raises it, or the file is larger.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
        if len(content) > most:
            raise OSError(errno.EFBIG, f"it has {size_of(file)} bytes, and at most {most} are read", os.fspath(path))
    return content

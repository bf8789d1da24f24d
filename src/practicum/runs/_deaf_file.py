"""A file that fails without a word until it is asked, for a library that does not survive an answer."""

from __future__ import annotations

import io
from typing import Any


class Deaf(io.RawIOBase):
    """A file that keeps a failure to itself until it is asked: HDF5 crashes the process when a disk is full.

    Main arguments:
        raw: the file, without a buffer.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._failure: OSError | None = None

    def say(self) -> None:
        """Raises:
        OSError: what could not be written, if anything could not.
        """
        if self._failure is not None:
            raise self._failure

    def write(self, data: Any) -> int:
        """All of it, or nothing from the first failure on."""
        view = memoryview(data).cast("B")
        try:
            done = 0
            while self._failure is None and done < len(view):
                done += self._raw.write(view[done:]) or 0
        except OSError as error:
            self._failure = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """As of any file."""
        try:
            return self._raw.truncate(size)
        except OSError as error:
            self._failure = self._failure or error
            return size or 0

    def readinto(self, buffer: Any) -> int:
        """As of any file; zeros where nothing could be written."""
        found = self._raw.readinto(buffer) or 0
        memoryview(buffer).cast("B")[found:] = bytes(len(memoryview(buffer).cast("B")) - found)
        return len(memoryview(buffer).cast("B"))

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._raw.tell()

    def flush(self) -> None:
        """Nothing, for nothing is kept back."""

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

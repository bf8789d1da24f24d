"""The idx format of MNIST, unsigned bytes only: read without trusting the header, nothing unpickled."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from practicum.disk.arrays import fill
from practicum.disk.regular import open_regular
from practicum.errors import StorageError

LARGEST = 2**28
"""Most values that a file may announce: five times MNIST's training images, 1 GiB once they are float32."""

_UNSIGNED_BYTE = 0x08
_TYPES = {0x09: "signed byte", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The array of unsigned bytes in an idx file, whether it is compressed by gzip or not.

    The header is four bytes (0, 0, type, number of dimensions) and one big-endian uint32 a dimension. No more is read
    than the header announces and one byte, so neither a wrong header nor a compressed bomb can fill the memory.

    Main arguments:
        path: of the file; whether it is compressed is seen from its first two bytes, not from its name.
        dimensions: 3 for images (n, h, w), 1 for labels (n,).

    Raises:
        StorageError: the file cannot be read, or is not what its header says; one sentence with found and expected.
    """
    try:
        with open_regular(path) as plain:
            compressed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            file = gzip.GzipFile(fileobj=plain) if compressed else plain
            shape = _shape(path, file.read(4 + 4 * dimensions), dimensions)
            count = math.prod(shape)
            values = np.empty(count, np.uint8)  # takes no memory before it is written
            found = fill(values, file)
            more = file.read(1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise StorageError(
            f"The file {path} is damaged: it begins as a gzip file, but cannot be decompressed "
            f"({str(error).rstrip('.')}); fetch it again."
        ) from None
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"The file {path} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    if found < count:
        raise StorageError(
            f"The file {path} is truncated: its header announces {' x '.join(map(str, shape))} = {count} bytes, and "
            f"{found} follow; fetch it again."
        )
    if more:
        raise StorageError(
            f"The file {path} is longer than its header says: {' x '.join(map(str, shape))} = {count} bytes were "
            "expected, and more follow; fetch it again."
        )
    return values.reshape(shape)


def _shape(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    """The shape that a header announces, or one sentence about what is wrong with it."""
    if len(header) < 4:
        raise StorageError(
            f"The file {path} is no idx file: a header of {4 + 4 * dimensions} bytes was expected, and the file has "
            f"{len(header)} byte(s)."
        )
    if header[:2] != b"\0\0" or header[2] not in {_UNSIGNED_BYTE, *_TYPES}:
        raise StorageError(
            f"The file {path} is no idx file: it begins with {header[:4].hex(' ')}, and 00 00 08 {dimensions:02x} was "
            "expected."
        )
    if header[2] != _UNSIGNED_BYTE:
        raise StorageError(
            f"The file {path} holds numbers of type {_TYPES[header[2]]}, and unsigned bytes (0 to 255) were expected."
        )
    if header[3] != dimensions:
        kinds = {1: "labels", 3: "images"}
        raise StorageError(
            f"The file {path} has {header[3]} dimension(s), and {kinds.get(dimensions, 'data')} have {dimensions}; "
            "another file of the set seems to have been given this name."
        )
    if len(header) < 4 + 4 * dimensions:
        raise StorageError(
            f"The file {path} is truncated: a header of {4 + 4 * dimensions} bytes was expected, and the file has "
            f"{len(header)}; fetch it again."
        )
    shape = tuple(int(n) for n in np.frombuffer(header[4:], ">u4"))
    if min(shape) == 0:
        raise StorageError(f"The file {path} is empty: its header announces {' x '.join(map(str, shape))} values.")
    if math.prod(shape) > LARGEST:
        raise StorageError(
            f"The file {path} announces {' x '.join(map(str, shape))} values, and at most {LARGEST} are read, so that "
            "a damaged header cannot fill the memory; split the set into several files."
        )
    return shape

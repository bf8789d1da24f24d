"""CIFAR-10 in the archive that its authors made for Python: read from the archive or its folder, nothing unpickled."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from practicum.data.pickles import read_pickle
from practicum.data.sources import EXTRACTED
from practicum.data.tar import Member, members
from practicum.disk.regular import open_regular
from practicum.errors import StorageError

BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
"""The files of each split, in their order."""

SHAPE = (3, 32, 32)
"""(c, h, w) of an image: red, green and blue, row by row."""

CLASSES = 10

LARGEST = 2**25
"""Most bytes of a batch that are read; the true ones have 31 MB."""

ALL = 2**28
"""Most bytes that are decompressed: the true archive has 186 MB."""

MEMBERS = 100
"""Most members that an archive may have; the true one has nine."""


def read_cifar(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 32, 32) of unsigned bytes, and labels (n,).

    Nothing is extracted to the disk, so no member can be written outside a folder, and neither a compressed bomb nor a
    wrong header can fill the memory.

    Main arguments:
        path: of the archive, or of the folder that was in it.
        split: "train" or "test".

    Raises:
        StorageError: batches that are missing, damaged, or no batches of CIFAR-10; one sentence.
    """
    wanted = BATCHES[split]
    contents = _of_folder(path, wanted) if path.is_dir() else _of_archive(path, wanted)
    missing = [name for name in wanted if name not in contents]
    if missing:
        what = "folder" if path.is_dir() else "archive"
        raise StorageError(
            f"The {what} {path} lacks {', '.join(missing)}, and the {split} images are in {', '.join(wanted)}; fetch "
            "the set again."
        )
    batches = [_batch(contents.pop(name), f"The batch {name} of {path}") for name in wanted]
    return np.concatenate([pixels for pixels, _ in batches]), np.concatenate([labels for _, labels in batches])


def _of_folder(folder: Path, wanted: tuple[str, ...]) -> dict[str, bytes]:
    found = {}
    for path in (folder / name for name in wanted if (folder / name).exists()):
        try:
            with open_regular(path) as file:
                found[path.name] = file.read(LARGEST + 1)
        except OSError as error:
            raise StorageError(f"The file {path} cannot be read: {(error.strerror or str(error)).lower()}.") from None
        _check_size(path.name, len(found[path.name]), folder)
    return found


def _of_archive(path: Path, wanted: tuple[str, ...]) -> dict[str, bytes]:
    try:
        with open_regular(path) as plain, gzip.open(plain) as file:
            stream = _Bounded(file, path)
            found = _wanted(members(stream.read), path, wanted)
            while stream.read(2**20):  # to its end, where gzip's checksum is
                pass
    except StorageError:
        raise
    except OSError as error:
        if error.errno is None:
            raise _damaged(path, error) from None
        raise StorageError(f"The archive {path} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except Exception as error:  # a damaged archive can raise anything
        raise _damaged(path, error) from None
    return found


def _wanted(archive: Iterator[Member], path: Path, wanted: tuple[str, ...]) -> dict[str, bytes]:
    found = {}
    for number, member in enumerate(archive, 1):
        place = PurePosixPath(member.name)
        if number > MEMBERS:
            raise _refused(f"The archive {path}", f"it has more than {MEMBERS} members")
        if place.is_absolute() or ".." in place.parts:
            raise _refused(f"The archive {path}", f"its member {member.name!a:.60} leads out of the folder {EXTRACTED}")
        if place.parts == (EXTRACTED, place.name) and place.name in wanted and member.regular:
            _check_size(place.name, member.size, path)
            found[place.name] = member.content()
    return found


class _Bounded:
    """A file of which no more than `ALL` bytes are read."""

    def __init__(self, file: gzip.GzipFile, path: Path) -> None:
        self.file, self.path, self.left = file, path, ALL

    def read(self, size: int) -> bytes:
        content = self.file.read(min(size, self.left + 1))
        self.left -= len(content)
        if self.left < 0:
            raise _refused(f"The archive {self.path}", f"more than {ALL} bytes are compressed in it")
        return content


def _check_size(name: str, size: int, path: Path) -> None:
    if size > LARGEST:
        raise _refused(
            f"The batch {name} of {path}", f"it has more than {LARGEST} bytes, and a batch of CIFAR-10 has 31 MB"
        )


def _refused(what: str, why: str) -> StorageError:
    return StorageError(f"{what} is refused, because {why}; fetch the set again.")


def _damaged(path: Path, error: Exception) -> StorageError:
    why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return StorageError(
        f"The archive {path} is damaged: a compressed archive (.tar.gz) was expected, and it cannot be read "
        f"({why:.80}); fetch it again."
    )


def _batch(content: bytes, source: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and the labels of one batch."""
    found: dict[str, Any] = read_pickle(content, source, ("data", "labels"))
    pixels, labels = found["data"], found["labels"]
    width = int(np.prod(SHAPE))
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != width or not len(pixels):
        shape = pixels.shape if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise StorageError(f"{source} must have data of shape (n, {width}), one image a row. It has {shape} instead.")
    if not isinstance(labels, list) or len(labels) != len(pixels):
        count = len(labels) if isinstance(labels, list) else type(labels).__name__
        raise StorageError(f"{source} must have a list of {len(pixels)} labels, one an image. It has {count} instead.")
    if not all(type(label) is int and 0 <= label < CLASSES for label in labels):
        raise StorageError(f"{source} must have labels from 0 to {CLASSES - 1}, and one of them is none of these.")
    return pixels.reshape(-1, *SHAPE), np.array(labels, np.int64)

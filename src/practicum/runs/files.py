"""A file that is whole or is refused: sealed with a digest, and born by one rename.

A sealed file is a body followed by a seal, 87 bytes of text that holds the body's SHA-256.
The seal stands at the end because an HDF5 reader starts from the first byte and ignores what follows its
own last one: the same file opens in ``xarray.open_dataset``, h5py and the netCDF tools. The reader here
recomputes the whole seal and compares it byte by byte, so the seal protects itself too: every truncation
and every changed bit, anywhere, is noticed.
"""

from __future__ import annotations

import errno
import hashlib
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

from practicum.disk.regular import open_regular, size_of
from practicum.disk.writing import replace_whole
from practicum.errors import StorageError
from practicum.memory import available, gibibytes

_MARK = b"practicum-run-1 sha256="
SEAL_LENGTH = len(_MARK) + 64
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.part")
_SMALL = 2**26
"""Bytes that every machine has."""
_ABANDONED_AFTER = 3600.0
"""Seconds after which a temporary file has no living writer: bodies are built in memory and written at once."""


def _seal(body: bytes | memoryview) -> bytes:
    return _MARK + hashlib.sha256(body).hexdigest().encode()


def write_sealed(path: Path, body: bytes | memoryview) -> None:
    """Write `body` and its seal to `path`, completely or not at all.

    Raises:
        StorageError: the folder cannot be made or written, or the disk is full; `path` is as it was before.
    """
    try:
        replace_whole(path, body, _seal(body))
    except OSError as error:
        raise StorageError(_why_not_written(path, error)) from None


def read_sealed(path: Path, what: str, begins: bytes = b"") -> bytes:
    """The body of a sealed file, verified.

    Main arguments:
        path: the file.
        what: how messages call its content, such as ``"run 0123456789abcdef"``.

    Other arguments:
        begins: the first bytes of every body of that kind; a file with others is not read.

    Raises:
        StorageError: the file is missing, cannot be read, is truncated, or a bit of it has changed.
    """
    try:
        with open_regular(path) as file:
            size = size_of(file)
            file.seek(max(0, size - SEAL_LENGTH))
            seal = file.read(SEAL_LENGTH)
            if not seal.startswith(_MARK):  # found out before a file of any size is read
                problem = f"is truncated or damaged: its {size} bytes do not end in a seal"
            elif begins and (file.seek(0) or file.read(len(begins))) != begins:
                problem = f"is damaged, or something else: it does not begin with {begins!r:.20}"
            else:
                _require_memory(path, what, size)
                file.seek(0)
                body = file.read(max(0, size - SEAL_LENGTH))
                if seal == _seal(body):
                    return body
                problem = "is damaged: its content does not have the SHA-256 it was sealed with"
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"The file {path} of {what} cannot be read: {_reason(error)}.") from None
    raise StorageError(
        f"The file {path} of {what} {problem}. It is left as it is; move it away and run again to compute it anew."
    )


def seal_of(path: Path) -> str:
    """The SHA-256 that a file is sealed with, from its last bytes; "" if it has none or cannot be read.

    Whether its content still has it is for :func:`read_sealed` to say.
    """
    with suppress(OSError), open_regular(path) as file:
        size = size_of(file)
        file.seek(max(0, size - SEAL_LENGTH))
        seal = file.read(SEAL_LENGTH)
        if len(seal) == SEAL_LENGTH and seal.startswith(_MARK):
            return seal[len(_MARK) :].decode(errors="replace")
    return ""


def _require_memory(path: Path, what: str, size: int) -> None:
    if size <= _SMALL:  # nobody is asked
        return
    there = available()
    if there is not None and size > there:
        raise StorageError(
            f"The file {path} of {what} has {gibibytes(size)}, and only {gibibytes(there)} of memory are available; "
            "read it on a larger machine."
        )


def require_writable(folder: Path) -> None:
    """Make the folder if needed and prove that a file can be written there, before hours are spent on a run.

    Raises:
        StorageError: it cannot be made or written.
    """
    probe = folder / f".probe.{secrets.token_hex(8)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(_why_not_written(probe, error)) from None


def abandoned(folder: Path) -> list[Path]:
    """Temporary files that a killed writer left more than an hour ago; none where the folder cannot be read."""
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            if _TEMPORARY.fullmatch(path.name):
                with suppress(OSError):  # another process was faster
                    if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                        found.append(path)
    return found


def sweep_abandoned(folder: Path) -> int:
    """Remove the files of :func:`abandoned`; return how many."""
    removed = 0
    for path in abandoned(folder):
        with suppress(OSError):  # another process was faster, or the folder is read-only: not our caller's concern
            path.unlink()
            removed += 1
    return removed


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _why_not_written(path: Path, error: OSError) -> str:
    remedy = "choose another folder with --store, $PRACTICUM_RUNS or Store(folder)"
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):  # Windows has no quota error
        return f"The disk that holds {path.parent} is full. Nothing stored before was touched; free some, or {remedy}."
    return f"The folder {path.parent} cannot be written: {_reason(error)}. Nothing stored before was touched; {remedy}."

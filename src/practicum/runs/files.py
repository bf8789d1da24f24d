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
import os
import re
import secrets
import time
from pathlib import Path

from practicum.errors import StorageError

_MARK = b"practicum-run-1 sha256="
SEAL_LENGTH = len(_MARK) + 64
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.part")
_ABANDONED_AFTER = 3600.0
"""Seconds after which a temporary file has no living writer: bodies are built in memory and written at once."""


def _seal(body: bytes | memoryview) -> bytes:
    return _MARK + hashlib.sha256(body).hexdigest().encode()


def replace_whole(path: Path, *parts: bytes | memoryview) -> None:
    """Write `parts` one after the other to `path`, completely or not at all; its folder is made if needed.

    A temporary file in the same folder is written, synced to the disk and renamed over `path`; then the
    folder is synced, so that after a power cut either the old state or the whole new file is found.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; `path` is as it was before.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_sealed(path: Path, body: bytes | memoryview) -> None:
    """Write `body` and its seal to `path`, completely or not at all.

    Raises:
        StorageError: the folder cannot be made or written, or the disk is full; `path` is as it was before.
    """
    try:
        replace_whole(path, body, _seal(body))
    except OSError as error:
        raise StorageError(_why_not_written(path, error)) from None


def read_sealed(path: Path, what: str) -> bytes:
    """The body of a sealed file, verified.

    Main arguments:
        path: the file.
        what: how messages call its content, such as ``"run 0123456789abcdef"``.

    Raises:
        StorageError: the file is missing, cannot be read, is truncated, or a bit of it has changed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"The file {path} of {what} cannot be read: {_reason(error)}.") from None
    body, seal = content[:-SEAL_LENGTH], content[-SEAL_LENGTH:]
    if seal == _seal(body):
        return body
    if seal.startswith(_MARK):
        problem = "is damaged: its content does not have the SHA-256 it was sealed with"
    else:
        problem = f"is truncated or damaged: its {len(content)} bytes do not end in a seal"
    raise StorageError(
        f"The file {path} of {what} {problem}. It is left as it is; move it away and run again to compute it anew."
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


def sweep_abandoned(folder: Path) -> int:
    """Remove temporary files that a killed writer left more than an hour ago; return how many."""
    removed = 0
    try:
        for path in folder.iterdir():
            if _TEMPORARY.fullmatch(path.name) and time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                path.unlink()
                removed += 1
    except OSError:  # another process was faster, or the folder is read-only: neither is our caller's concern
        pass
    return removed


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals the rename itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _why_not_written(path: Path, error: OSError) -> str:
    remedy = "choose another folder with --store, $PRACTICUM_RUNS or Store(folder)"
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):  # Windows has no quota error
        return f"The disk that holds {path.parent} is full. Nothing stored before was touched; free some, or {remedy}."
    return f"The folder {path.parent} cannot be written: {_reason(error)}. Nothing stored before was touched; {remedy}."

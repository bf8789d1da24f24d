"""A file that is written whole or not at all: born by one rename."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


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


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals the rename itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

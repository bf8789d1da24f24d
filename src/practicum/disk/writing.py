"""Files that are written whole or not at all: born by a rename."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def replace_whole(path: Path, *parts: bytes | memoryview) -> None:
    """Write `parts` one after the other to `path`, completely or not at all; its folder is made if needed.

    A temporary file in the same folder is written, synced to the disk and renamed over `path`; then the
    folder is synced, so that after a power cut either the old state or the whole new file is found.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; `path` is as it was before.
    """
    replace_all({path: parts})


def replace_all(files: Mapping[Path, Sequence[bytes | memoryview]]) -> None:
    """Write several files that belong together as :func:`replace_whole` writes one: none gets its name before all lie
    on the disk.

    Main arguments:
        files: the parts of each.

    Raises:
        OSError: as :func:`replace_whole` raises it.
    """
    beside = {path: path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part") for path in files}
    try:
        for path, parts in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(beside[path], "xb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in beside.items():
            os.replace(temporary, path)
    except BaseException:
        for temporary in beside.values():
            with suppress(OSError):  # it is not there, nor perhaps its folder
                temporary.unlink()
        raise
    for folder in dict.fromkeys(path.parent for path in files):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals the rename itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

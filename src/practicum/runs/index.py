"""What is in a folder, without opening all of its files: a table that is compared with the folder whenever it is asked.

The files are the truth. A file that has another size or time of change than its row has is read, a row without a file
is dropped, and where the table cannot be had or written, files are read and nothing else changes.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple
from zlib import crc32

from practicum.canonical import ID_LENGTH
from practicum.errors import StorageError
from practicum.runs import failures, reading
from practicum.runs._database import Database
from practicum.runs.rows import COLUMNS, describe_status, described, settings_of

_FACTS = ("kind", "K", "M", "eta", "beta", "N", "seeds", "until", "status", "problem")
"""Columns of the table that the content of a file says; size and time are the file's own."""

# Another number in the name where rows come to mean something else: versions of practicum may share a folder.
_LAYOUT = f"""
CREATE TABLE IF NOT EXISTS files_1
    (name TEXT PRIMARY KEY, size INTEGER, changed INTEGER, {", ".join(_FACTS)}, settings TEXT, checksum INTEGER)
"""
_NAME = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}({re.escape(reading.ENDING)}|{re.escape(failures.ENDING)})")
_BATCH = 500
"""Files after which what was read is written down, so that who interrupts a first look does not lose it."""

Signature = tuple[int, int]
Progress = Callable[[float], None]


class Entry(NamedTuple):
    """A run: its row of :meth:`Store.table`, and its settings by dotted name as JSON."""

    row: dict[str, Any]
    settings: str


class Index:
    """The runs of a folder, failed and damaged ones too.

    Main arguments:
        folder: of the store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = Database(folder, _LAYOUT)

    def entries(self, progress: Progress | None = None) -> list[Entry]:
        """Every run, sorted by id. Only files that are new or have changed are read.

        Other arguments:
            progress: called with the fraction of these that are done.

        Raises:
            StorageError: the folder cannot be read.
        """
        found = signatures(self.folder)
        try:
            known = self._database.read(_rows) or {}
            entries: dict[str, Entry] = {}
            stale, void = [], []
            for name, signature in found.items():
                row = known.pop(name, None)
                if row is not None and row[0] == signature:
                    entries[name] = row[1]
                    continue
                stale.append(name)
                if row is not None:
                    void.append(name)
            self._read(stale, found, [*void, *known], entries, progress)
        finally:
            self._database.close()
        return [entries[name] for name in sorted(entries)]

    def rebuild(self, progress: Progress | None = None) -> list[Entry]:
        """Every run, sorted by id, read from its file; the table is made anew.

        Raises:
            StorageError: the folder cannot be read, or the index cannot be written.
        """
        found = signatures(self.folder)
        if found or self._database.path.exists():
            self._database.write(lambda connection: connection.execute("DELETE FROM files_1"))
        return self.entries(progress)

    def _read(
        self,
        stale: list[str],
        found: dict[str, Signature],
        void: list[str],
        entries: dict[str, Entry],
        progress: Progress | None,
    ) -> None:
        """Read the files of `stale` into `entries`, write down what will be the same next time, drop `void` rows."""
        rows = []
        for count, name in enumerate(stale, 1):
            facts, settings = look(self.folder / name)
            if facts:
                row = (name, *found[name], *(_storable(facts.get(column)) for column in _FACTS), settings)
                entries[name] = _entry(row)
                # Damage may be repaired without a change of the file, such as a permission.
                if facts["status"] != "damaged" and _settled(found[name][1]):
                    rows.append((*row, _checksum(row)))
            if count % _BATCH == 0:
                self._write(void, rows)
                void, rows = [], []
            if progress is not None:
                progress(count / len(stale))
        self._write(void, rows)

    def _write(self, void: list[str], rows: list[tuple[Any, ...]]) -> None:
        if not void and not rows:
            return

        def work(connection: Connection) -> None:
            connection.executemany("DELETE FROM files_1 WHERE name = ?", [(name,) for name in void])
            places = ", ".join("?" * (len(_FACTS) + 5))
            connection.executemany(f"INSERT OR REPLACE INTO files_1 VALUES ({places})", rows)

        with suppress(StorageError):  # a folder that is only read, or a full disk: the next look reads again
            self._database.write(work)


def names(folder: Path) -> list[tuple[str, bool]]:
    """The id of every run, and whether it failed, in no order. Nothing is opened.

    Raises:
        StorageError: the folder cannot be read; one that does not exist is empty.
    """
    return [(name[:ID_LENGTH], name.endswith(failures.ENDING)) for name in _files(folder)]


def signatures(folder: Path) -> dict[str, Signature]:
    """Size and time of change (ns) of every file of :func:`names`, by name."""
    found: dict[str, Signature] = {}
    for name, file in _files(folder).items():
        try:
            details = file.stat()
        except FileNotFoundError:  # removed while we were listing
            continue
        found[name] = details.st_size, details.st_mtime_ns
    return found


def listed(folder: Path) -> dict[str, os.DirEntry[str]]:
    """What is in a folder, by name; nothing is opened.

    Raises:
        StorageError: the folder cannot be read; one that does not exist is empty.
    """
    try:
        with os.scandir(folder) as files:
            return {file.name: file for file in files}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(
            f"The folder {folder} cannot be read: {(error.strerror or str(error)).lower()}; "
            "name another with --store, $PRACTICUM_RUNS or Store(folder)."
        ) from None


def _files(folder: Path) -> dict[str, os.DirEntry[str]]:
    """The files of runs, and those of failures whose runs are not stored."""
    found = {name: file for name, file in listed(folder).items() if _NAME.fullmatch(name)}
    for name in [name for name in found if name.endswith(failures.ENDING)]:
        if f"{name[:ID_LENGTH]}{reading.ENDING}" in found:
            del found[name]
    return found


def look(path: Path) -> tuple[dict[str, Any], str]:
    """What the file of a run or of a failure says, for its row, and its settings; nothing if it is gone."""
    try:
        if path.name.endswith(failures.ENDING):
            failure = failures.read_failure(path)
            config, ending = failure.config, {"status": "failed", "problem": failure.problem}
        else:
            label = reading.read_label(path)
            config, ending = label.config, {"status": describe_status(label.status)}
        return {**described(config), **ending}, json.dumps(settings_of(config))
    except StorageError as error:
        if not os.path.lexists(path):  # removed since the folder was listed
            return {}, ""
        return {"status": "damaged", "problem": str(error)}, "{}"


def _entry(row: tuple[Any, ...]) -> Entry:
    name, size, changed = row[:3]
    shown: dict[str, Any] = dict(zip(COLUMNS, (name[:ID_LENGTH], *row[3:12], size, _moment(changed // 10**9))))
    if row[12] is not None:
        shown["problem"] = row[12]
    return Entry(shown, row[13])


@lru_cache(maxsize=1024)
def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")


def _rows(connection: Connection) -> dict[str, tuple[Signature, Entry]]:
    """The table, without rows in which a bit has changed."""
    known = {}
    for row in connection.execute("SELECT * FROM files_1"):
        if row[-1] == _checksum(row[:-1]):
            known[row[0]] = row[1:3], _entry(row)
    return known


def _checksum(row: tuple[Any, ...]) -> int:
    return crc32(repr(row).encode())


def _storable(value: Any) -> Any:
    """The value as SQLite can hold it: whole numbers of 64 bits, text that is Unicode."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def _settled(changed: int) -> bool:
    """Whether a file is so old that one more change would show in its time of change.

    Times of change are ticks of some milliseconds, on some disks of two seconds; these are whole seconds.
    """
    tick = 0.1 if changed % 10**9 else 2.0
    return abs(time.time() - changed / 1e9) > tick

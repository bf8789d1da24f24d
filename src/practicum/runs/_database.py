"""The file ``index.sqlite`` of a store: opened when it is needed, and made anew where it is damaged.

Nothing in it is worth an error: the files of the runs are the truth, and what is here can be had again from them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from practicum.errors import StorageError

T = TypeVar("T")

NAME = "index.sqlite"
ASIDE = "index.sqlite.damaged"
"""What a damaged file is called from then on; a later one takes its place."""

_PATIENCE = 30.0
"""Seconds that we wait while another process writes."""

_NOT_ITS_FAULT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
}
"""Errors that say nothing against the file. Every other one does: our statements are right for a file that is ours."""

_ON_A_NETWORK = ("9p", "afs", "beegfs", "ceph", "cifs", "fuse", "gfs", "gluster", "gpfs", "lustre", "ncp", "nfs", "smb")


class Database:
    """One connection to the database of a folder, for all threads of this process.

    Main arguments:
        folder: of the store; it must exist when something is written.
        layout: statements that make what is needed, each ``CREATE ... IF NOT EXISTS``.
    """

    def __init__(self, folder: Path, layout: str) -> None:
        self.path = folder / NAME
        self._layout = layout
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work(connection)`, done in one transaction: all of it or nothing.

        `work` may be called a second time, for a new and empty file, where the file turned out to be damaged.

        Raises:
            StorageError: the folder cannot be written, the disk is full, or others have kept the file for too long.
        """
        with self._lock:
            for attempt in (1, 2, 3):
                try:
                    return self._transaction(work)
                except (sqlite3.Error, OSError) as error:
                    self.close()
                    if attempt == 3 or _primary(error) in _NOT_ITS_FAULT or not os.access(self.path.parent, os.W_OK):
                        raise StorageError(
                            f"The index {self.path} cannot be written: {error}. Nothing stored is lost, for runs are "
                            "files of their own; choose another folder with --store, $PRACTICUM_RUNS or Store(folder)."
                        ) from None
                    if attempt == 2:  # first once more: another process may just have set it aside
                        self._set_aside()
            raise AssertionError("the third attempt returns or raises")

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """The result of `work(connection)`, which writes nothing; None where there is no file that can be read.

        A damaged file is set aside, where that is possible.
        """
        with self._lock:
            if not self.path.exists():
                return None
            if os.access(self.path.parent, os.W_OK) and os.access(self.path, os.W_OK):
                try:
                    return work(self._open())
                except sqlite3.Error as error:
                    self.close()
                    if _primary(error) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                        if _primary(error) not in _NOT_ITS_FAULT:
                            self._set_aside()
                        return None
                except OSError:
                    self.close()
            with suppress(sqlite3.Error), closing(_read_only(self.path)) as connection:
                return work(connection)
            return None

    def close(self) -> None:
        """Give the file back; the next call opens it again."""
        with self._lock:
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and _identity(self.path) == self._identity:
            return self._connection
        self.close()  # another process has set the file aside, or somebody removed it
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666))  # SQLite would leave out a group that may write
        self._identity = _identity(self.path)
        connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            end = time.monotonic() + _PATIENCE
            while True:
                try:
                    _prepare(connection, on_a_network(self.path.parent))
                    break
                except sqlite3.OperationalError as error:  # a change of the journal does not wait of its own
                    if _primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                        raise
                    time.sleep(0.02)
            for statement in self._layout.split(";"):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, _identity(self.path)
        return connection

    def _set_aside(self) -> None:
        """Move the damaged file away, unless another process was faster and there is a new one."""
        if _identity(self.path) == self._identity:
            for ending in ("", "-wal", "-shm"):
                with suppress(OSError):
                    os.replace(f"{self.path}{ending}", self.path.with_name(f"{ASIDE}{ending}"))


def _read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, not even beside the file.

    Raises:
        sqlite3.Error: there is no such file, or it cannot be read.
    """
    address = f"file:{quote(str(path.absolute()))}"
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=1.0, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error:  # the memory that readers share cannot be made here, so that nobody writes either
        connection.close()
        return sqlite3.connect(f"{address}?immutable=1", uri=True, check_same_thread=False)
    return connection


def on_a_network(folder: Path) -> bool:
    """Whether several machines may see this folder; then they share no memory, which a write-ahead log needs."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux; a laptop, then
        return False
    return filesystem_of(os.path.realpath(folder), mounts).startswith(_ON_A_NETWORK)


def filesystem_of(place: str, mounts: str) -> str:
    """The kind of file system that a path lies on, by the lines of ``/proc/self/mounts``."""
    best, kind = "", ""
    for line in mounts.splitlines():
        _, mount, filesystem, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):  # a later mount hides an earlier one
            best, kind = mount, filesystem
    return kind


def _prepare(connection: sqlite3.Connection, network: bool) -> None:
    if network:
        # Alone with the file, SQLite leaves the write-ahead log without the shared memory.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA locking_mode = NORMAL")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # upon which the file is given free
    else:
        connection.execute("PRAGMA journal_mode = WAL")  # stays what it was where that cannot be had
    connection.execute("PRAGMA synchronous = NORMAL")


def _primary(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        details = os.stat(path)
    except OSError:
        return None
    return details.st_dev, details.st_ino

"""Who computes what: two processes that sweep the same grid on one store share its cells.

A claim saves work and nothing else. Where one is lost (the index was damaged, a machine slept) a run is computed twice,
and stored once, since both have the same bits.
"""

from __future__ import annotations

import os
import platform
import secrets
import subprocess
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from sqlite3 import Connection

from practicum.runs._database import Database

SILENCE = 60.0
"""Seconds without a beat after which an owner on another machine is taken for dead."""

# Another layout must have other names: versions of practicum may share a folder.
_LAYOUT = """
CREATE TABLE IF NOT EXISTS owners_1 (owner TEXT PRIMARY KEY, host TEXT, pid INTEGER, start TEXT, beat REAL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims_1 (run TEXT PRIMARY KEY, owner TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_1_owner ON claims_1 (owner)
"""


class Claims:
    """The runs of a folder that this object has taken for itself; a context manager.

    Main arguments:
        folder: of the store; it must exist.

    The owner of a claim is this object in this process. On the same machine a process that has ended loses its claims
    at once; on others after 60 seconds without a beat. All methods may be called from any thread.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._database = Database(Path(folder), _LAYOUT)
        self._owner = secrets.token_hex(8)
        self._held: set[str] = set()

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, ids: Iterable[str]) -> list[str]:
        """Those of `ids` that are ours from now on (or were before), in their order: nobody alive has them.

        Raises:
            StorageError: the folder cannot be written.
        """
        wanted = list(ids)

        def work(connection: Connection) -> list[str]:
            self._appear(connection)
            self._bury(connection)
            mine = [(run, self._owner) for run in wanted]
            connection.executemany("INSERT OR IGNORE INTO claims_1 VALUES (?, ?)", mine)
            ours = "SELECT 1 FROM claims_1 WHERE run = ? AND owner = ?"
            return [run for run, owner in mine if connection.execute(ours, (run, owner)).fetchone()]

        taken = self._database.write(work)
        self._held.update(taken)
        return taken

    def release(self, ids: Iterable[str]) -> None:
        """Give claims back; ids that are not ours are passed over.

        Raises:
            StorageError: the folder cannot be written.
        """
        given = [(run, self._owner) for run in ids]
        self._held.difference_update(run for run, _ in given)
        self._database.write(
            lambda connection: connection.executemany("DELETE FROM claims_1 WHERE run = ? AND owner = ?", given)
        )

    def beat(self) -> None:
        """Say that we are alive; every few seconds, and never less than once in :data:`SILENCE`.

        Raises:
            StorageError: the folder cannot be written.
        """
        self._database.write(self._appear)

    def close(self) -> None:
        """Give everything back.

        Raises:
            StorageError: the folder cannot be written.
        """

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM claims_1 WHERE owner = ?", (self._owner,))
            connection.execute("DELETE FROM owners_1 WHERE owner = ?", (self._owner,))

        self._held.clear()
        try:
            if self._database.path.exists():
                self._database.write(work)
        finally:
            self._database.close()

    def _appear(self, connection: Connection) -> None:
        """Beat; where we are unknown (a new index, or we slept and were taken for dead) claim again what was ours."""
        now = (time.time(), self._owner)
        if connection.execute("UPDATE owners_1 SET beat = ? WHERE owner = ?", now).rowcount:
            return
        me = (self._owner, _host(), os.getpid(), _start(os.getpid()), time.time())
        connection.execute("INSERT INTO owners_1 VALUES (?, ?, ?, ?, ?)", me)
        mine = [(run, self._owner) for run in self._held]
        connection.executemany("INSERT OR IGNORE INTO claims_1 VALUES (?, ?)", mine)

    def _bury(self, connection: Connection) -> None:
        """Forget owners that are dead, and claims that have no owner."""
        found = connection.execute(
            "SELECT owner, host, pid, start, beat FROM owners_1 WHERE owner != ?", (self._owner,)
        )
        dead = [(owner,) for owner, host, pid, start, beat in found.fetchall() if not _alive(host, pid, start, beat)]
        connection.executemany("DELETE FROM owners_1 WHERE owner = ?", dead)
        if dead:
            connection.execute("DELETE FROM claims_1 WHERE owner NOT IN (SELECT owner FROM owners_1)")


def claimed(folder: Path) -> set[str]:
    """The runs that somebody alive has taken, in whatever process; none where there is no index."""

    def work(connection: Connection) -> set[str]:
        owners = connection.execute("SELECT owner, host, pid, start, beat FROM owners_1").fetchall()
        alive = {owner for owner, host, pid, start, beat in owners if _alive(host, pid, start, beat)}
        return {run for run, owner in connection.execute("SELECT run, owner FROM claims_1") if owner in alive}

    database = Database(folder, _LAYOUT)
    try:
        return database.read(work) or set()
    finally:
        database.close()


def _alive(host: str, pid: int, start: str, beat: float) -> bool:
    if host == _host() and start:
        return _start(pid) == start
    # Either direction: an owner whose clock is ahead must not hold its claims for as long as that.
    return abs(time.time() - beat) <= SILENCE


@cache
def _host() -> str:
    """This machine, and where processes have numbers of their own (containers), this part of it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def _start(pid: int) -> str:
    """When a process started, which tells it from a later one of its number; "" if it has ended or nobody knows."""
    if os.name == "nt":  # no word without an extension module: there the beat decides alone
        return ""
    if os.path.exists("/proc/self/stat"):
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode()  # a zombie has ended, and waits for its parent
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()

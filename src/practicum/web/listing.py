"""The list of runs: filtered, sorted and cut into pages, without reading anew what has not changed."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from practicum.errors import ParameterError
from practicum.runs.index import Signature, look, signatures
from practicum.runs.rows import title_of
from practicum.runs.where import matching, settings_of, sorted_by
from practicum.web.answers import Misread
from practicum.web.cache import Cache

if TYPE_CHECKING:
    from practicum.runs.index import Entry
    from practicum.runs.store import Store

_ORDERS = 8
"""Conditions and orders whose lists are kept: of those who turn pages now."""
_KEPT_READ = 20_000
"""Runs whose settings are kept in memory as they were read, some two kilobytes each."""
_SETTLED = 2.0
"""Seconds after which one more change of a file shows in its time of change."""


class Listing:
    """The runs of a store for the page. May be used from any thread.

    Main arguments:
        store: what is listed. Its folder is looked at with every page; nothing is opened unless a file has changed.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._seen: dict[str, Signature] | None = None
        self._entries: list[Entry] = []
        self._read: dict[str, dict[str, Any]] = {}
        self._orders: Cache[tuple[str, str], list[Entry]] = Cache(_ORDERS)

    def page(self, where: str, sort: str, limit: int, offset: int) -> dict[str, Any]:
        """A part of the list: ``{runs, total, stored}``, total of those that match, stored of all.

        Raises:
            Misread: the condition or the column is none; it says which.
            StorageError: the folder cannot be read.
        """
        with self._lock:
            self._look()
            found = self._orders.get((where, sort))
            if found is None:
                found = self._ordered(where, sort)
                self._orders.put((where, sort), found)
            shown = [entry.row for entry in found[offset : offset + limit]]
            return {
                "runs": [{**row, "title": title_of(row), "created": row["time"]} for row in shown],
                "total": len(found),
                "stored": len(self._entries),
            }

    def _ordered(self, where: str, sort: str) -> list[Entry]:
        found = self._entries
        if where.strip():
            try:
                found = matching(where, found, self._settings)
            except ParameterError as error:
                raise Misread("where", str(error)) from None
        try:
            # Of a condition that nothing meets nobody knows the names, and there is nothing to sort.
            return found if sort == "id" or not found else sorted_by(sort, found, self._settings)
        except ParameterError as error:
            raise Misread("sort", str(error)) from None

    def _settings(self, entry: Entry) -> dict[str, Any]:
        run = entry.row["id"]
        if run not in self._read:
            settings = {sys.intern(name): value for name, value in settings_of(entry).items()}
            if len(self._entries) > _KEPT_READ:
                return settings
            self._read[run] = settings
        return self._read[run]

    def _look(self) -> None:
        """Make the entries those of the folder as it is."""
        seen = signatures(self.store.folder)
        if seen == self._seen and not self._repaired():
            return
        entries = self.store.entries()
        old = {entry.row["id"]: entry.settings for entry in self._entries}
        changed = {e.row["id"] for e in entries if old.pop(e.row["id"], None) != e.settings} | set(old)
        for run in changed:
            self._read.pop(run, None)
        self._entries = entries
        self._orders = Cache(_ORDERS)
        newest = max((changed for _, changed in seen.values()), default=0) / 1e9
        # Files older than the look, or the next change of one might not show: then it is looked again.
        self._seen = seen if abs(time.time() - newest) > _SETTLED else None

    def _repaired(self) -> bool:
        """Whether a damaged file can be read now, which its size and time need not say, such as after a chmod."""
        damaged = [entry for entry in self._entries if entry.row["status"] == "damaged"]
        for entry in damaged:
            paths = [self.store.folder / f"{entry.row['id']}{ending}" for ending in (".nc", ".failed")]
            if any(path.exists() and look(path)[0].get("status") != "damaged" for path in paths):
                return True
        return False

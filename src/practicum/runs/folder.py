"""What is in a folder of runs: to list, to choose, to read, to verify and to clear up. Nothing is computed here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.disk.paths import expanded
from practicum.errors import StorageError
from practicum.runs import failures, index, reading

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.cleaning import Removal
    from practicum.runs.compare import Comparison
    from practicum.runs.verifying import Checked

DEFAULT_FOLDER = "practicum-runs"
Progress = Callable[[float], None]


class Folder:
    """The part of a :class:`~practicum.runs.Store` that only looks; importing it costs next to nothing.

    Main arguments:
        folder: where the runs are; $PRACTICUM_RUNS if not given, else ``practicum-runs`` in the current folder.

    What takes a prefix takes an id or its first digits.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = expanded(folder or os.environ.get("PRACTICUM_RUNS") or DEFAULT_FOLDER)
        if "\0" in str(self.folder):
            raise StorageError(f"A folder of runs cannot have a NUL in its name. Got {str(self.folder)!r:.60} instead.")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    def ids(self) -> list[str]:
        """Ids of all stored runs, sorted, without opening them.

        Raises:
            StorageError: the folder cannot be read.
        """
        return sorted(run for run, failed in index.names(self.folder) if not failed)

    def find(self, prefix: str) -> str:
        """The one id that begins with `prefix`, of a stored run or of one that failed.

        Raises:
            StorageError: none does, or several do.
        """
        names = index.names(self.folder)
        found = sorted({run for run, _ in names if prefix and run.startswith(prefix.lower())})
        if len(found) == 1:
            return found[0]
        if found:
            raise StorageError(
                f"{len(found)} runs in {self.folder} begin with '{prefix}': {', '.join(found[:5])}"
                f"{', ...' if len(found) > 5 else ''}; give more digits."
            )
        stored = sum(not failed for _, failed in names)
        raise StorageError(
            f"No run in {self.folder} begins with '{prefix}'; it holds {stored} run(s), see practicum runs list."
        )

    def load(self, prefix: str) -> xr.Dataset:
        """The stored run whose id begins with `prefix`, verified.

        Raises:
            StorageError: there is no such run, several, it failed, or its file is damaged.
        """
        run = self.find(prefix)
        failure = self.failure(run)
        if failure is not None:
            raise StorageError(f"The run {run} in {self.folder} has no result, because it failed: {failure.problem}")
        return reading.read_run(self._path(run))

    def failure(self, prefix: str) -> failures.Failure | None:
        """Why the run whose id begins with `prefix` failed; None if it is stored.

        Raises:
            StorageError: there is no such run, several, or the note of its failure is damaged.
        """
        run = self.find(prefix)
        if self._path(run).exists():
            return None
        return failures.read_failure(failures.failure_path(self.folder, run))

    def table(self, where: str = "", progress: Progress | None = None) -> list[dict[str, Any]]:
        """One row a run, sorted by id: id, kind, K, M, eta, beta, N, seeds, until, status, size (bytes), time.

        Main arguments:
            where: which runs, see :meth:`select`; all of them if not given.

        Other arguments:
            progress: called with the fraction done of the files that have to be read.

        A run that failed has the status ``"failed"``, and one whose file is damaged ``"damaged"``; the sentence that
        says why stands under ``problem``. Only files that are new, or have changed, are read.

        Raises:
            ParameterError: the condition is none.
            StorageError: the folder cannot be read.
        """
        return [entry.row for entry in self.entries(where, progress)]

    def select(self, where: str) -> list[str]:
        """Ids of the runs of which a condition is true, sorted: ``store.select("students > 3 and status == 'ok'")``.

        Main arguments:
            where: see :func:`practicum.runs.where.matching`.

        Raises:
            ParameterError: the condition is none, or it has a name that no run has.
            StorageError: the folder cannot be read.
        """
        return [entry.row["id"] for entry in self.entries(where)]

    def entries(self, where: str = "", progress: Progress | None = None) -> list[index.Entry]:
        """The rows of :meth:`table` with the settings behind them."""
        found = index.Index(self.folder).entries(progress)
        if not where.strip():
            return found
        from practicum.runs.where import matching

        return matching(where, found)

    def rebuild(self, progress: Progress | None = None) -> list[dict[str, Any]]:
        """The rows of :meth:`table`, every file read and the index made anew.

        Raises:
            StorageError: the folder cannot be read, or the index cannot be written.
        """
        return [entry.row for entry in index.Index(self.folder).rebuild(progress)]

    def verify(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Read every run (or those whose id begins with `prefix`); yields ``(id, problem)``, problem "" if whole."""
        for run in self.ids():
            if run.startswith(prefix.lower()):
                try:
                    reading.read_run(self._path(run))
                except StorageError as error:
                    yield run, str(error)
                else:
                    yield run, ""

    def verify_files(self, prefix: str = "", progress: Progress | None = None) -> Iterator[Checked]:
        """Read every sealed file: runs, failures, sweeps, checkpoints and consolidated copies.

        Main arguments:
            prefix: only files whose name begins with it.

        Other arguments:
            progress: called with the fraction done.

        Raises:
            StorageError: the folder cannot be read.
        """
        from practicum.runs.verifying import verify_files

        return verify_files(self.folder, prefix, progress)

    def compare(self, first: str, second: str) -> Comparison:
        """In what two runs differ: settings, arrays, versions.

        Main arguments:
            first, second: ids or their first digits.

        Raises:
            StorageError: there is no such run, several, or one is damaged.
        """
        from practicum.runs.compare import compare

        return compare(self, first, second)

    def prune(self, where: str = "", damaged: Iterable[str] = (), *, remove: bool = False) -> list[Removal]:
        """What nobody needs, and with `remove` gone: see :mod:`practicum.runs.cleaning`.

        Main arguments:
            where: also the runs of which this condition is true.
            damaged: also these runs, ids or their first digits, whose files are damaged.

        Other arguments:
            remove: do it; otherwise it is only listed.

        Raises:
            ParameterError: the condition is none.
            StorageError: the folder cannot be read, a run is not damaged, or a file cannot be removed.
        """
        from practicum.runs.cleaning import prune

        return prune(self, where, damaged, remove=remove)

    def _path(self, run: str) -> Path:
        return reading.run_path(self.folder, run)

"""A folder of runs: one verified file each, named by the configuration that made it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from practicum.canonical import sha256
from practicum.citations import bibtex, entries
from practicum.errors import StorageError
from practicum.runs.config import ID_LENGTH, RunConfig
from practicum.runs.execute import execute
from practicum.runs.failures import forget_failure
from practicum.runs.files import read_sealed, require_writable, sweep_abandoned, write_sealed
from practicum.runs.provenance import architecture, versions
from practicum.runs.resuming import ENDING, SECONDS, Checkpoint, resumable, takes_states
from practicum.runs.rows import COLUMNS, summary

if TYPE_CHECKING:
    import xarray as xr

T = TypeVar("T")

DEFAULT_FOLDER = "practicum-runs"
_NAME = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}\.nc")


@cache
def _tidy(folder: Path) -> None:
    """Remove what killed writers left, once a process: it lists the folder, which may hold a million files."""
    sweep_abandoned(folder)


class Store:
    """Runs in one folder, one NetCDF4 file each.

    Main arguments:
        folder: where they are; $PRACTICUM_RUNS if not given, else ``practicum-runs`` in the current folder. It is
            made when the first run is stored.

    A file holds the arrays, the canonical JSON of the configuration (attribute ``config``), its SHA-256
    (``config_sha256``), the versions of the packages, the CPU architecture and the citation. It is verified
    whenever it is read; a damaged one is reported and never removed. Several processes may share a folder.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = Path(folder or os.environ.get("PRACTICUM_RUNS") or DEFAULT_FOLDER).expanduser()
        self._proved = False

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"

    def path(self, config: RunConfig) -> Path:
        """The file of a run, whether or not it exists."""
        return self._path(config.id)

    def __contains__(self, config: RunConfig) -> bool:
        return self.path(config).exists()

    def get(self, config: RunConfig) -> xr.Dataset | None:
        """The stored run of a configuration, or None.

        Raises:
            StorageError: its file is damaged, or holds another run.
        """
        return self._get(config.id, config.sha256)

    def put(self, config: RunConfig, dataset: xr.Dataset) -> Path:
        """Store the result of a run and return its file. A run that is stored already is kept as it is.

        Raises:
            StorageError: the folder cannot be written, or the file exists and is damaged.
        """
        run, _ = self._put(config, dataset)
        return self._path(run)

    def run(
        self,
        config: RunConfig,
        compute: Callable[..., xr.Dataset] = execute,
        *,
        seconds: float = SECONDS,
    ) -> xr.Dataset:
        """The stored run, computed and stored first if need be; what is returned is identical either way.

        A training or a simulation writes a checkpoint beside its file now and then, from which it goes on if it was
        killed; it ends with the same bits, and the checkpoint is removed.

        Main arguments:
            compute: called with the configuration; for a training or a simulation also with ``save`` and ``resume``
                if it takes them, see :func:`practicum.runs.execute.execute`.

        Other arguments:
            seconds: between two checkpoints, at least.

        Raises:
            ParameterError: the run cannot be computed with these values.
            StorageError: it cannot be stored (found out before computing), or what is stored is damaged.
        """
        stored = self.get(config)
        if stored is None:
            if not self._proved:  # once: a disk that fills up later is noticed when the run is written
                require_writable(self.folder)
                self._proved = True
            return self.keep(config, self.compute(config, compute, seconds=seconds))
        if resumable(config):
            self.checkpoint(config).remove()
        return stored

    def keep(self, config: RunConfig, dataset: xr.Dataset) -> xr.Dataset:
        """Store what was computed and return the run; its checkpoint is removed.

        Raises:
            StorageError: the folder cannot be written, or the file exists and is damaged.
        """
        _, stored = self._put(config, dataset)
        if resumable(config):
            self.checkpoint(config).remove()
        return stored

    def compute(
        self, config: RunConfig, compute: Callable[..., xr.Dataset] = execute, *, seconds: float = SECONDS
    ) -> xr.Dataset:
        """What :meth:`run` computes, checkpoints included, without storing it."""
        if not resumable(config) or not takes_states(compute):
            return compute(config)
        checkpoint = self.checkpoint(config, seconds)
        return compute(config, save=checkpoint, resume=checkpoint.load())

    def checkpoint(self, config: RunConfig, seconds: float = SECONDS) -> Checkpoint:
        """Where a training or a simulation stands that has not come to its end, whether or not it began."""
        return Checkpoint(self.folder / f"{config.id}{ENDING}", config, seconds)

    def ids(self) -> list[str]:
        """Ids of all runs in the folder, sorted, without opening them."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(
                f"The folder {self.folder} cannot be read: {(error.strerror or str(error)).lower()}; "
                "name another with --store, $PRACTICUM_RUNS or Store(folder)."
            ) from None
        return [name.removesuffix(".nc") for name in names if _NAME.fullmatch(name)]

    def find(self, prefix: str) -> str:
        """The one id that begins with `prefix`.

        Raises:
            StorageError: none does, or several do.
        """
        ids = self.ids()
        found = [run for run in ids if prefix and run.startswith(prefix.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise StorageError(
                f"{len(found)} runs in {self.folder} begin with '{prefix}': {', '.join(found[:5])}"
                f"{', ...' if len(found) > 5 else ''}; give more digits."
            )
        raise StorageError(
            f"No run in {self.folder} begins with '{prefix}'; it holds {len(ids)} run(s), see practicum runs list."
        )

    def load(self, prefix: str) -> xr.Dataset:
        """The stored run whose id begins with `prefix`, verified.

        Raises:
            StorageError: there is no such run, several, or it is damaged.
        """
        return self._read(self.find(prefix))

    def table(self) -> Iterator[dict[str, Any]]:
        """One row a run: id, kind, K, M, eta, beta, N, seeds, until, status, size (bytes), time (of storing).

        A damaged file gives a row with status ``"damaged"`` and the sentence that says why under ``problem``.
        """
        from practicum.runs import netcdf

        for run in self.ids():
            path = self._path(run)
            try:
                details = path.stat()
                time = datetime.fromtimestamp(details.st_mtime).isoformat(" ", "seconds")
                facts = {"size": details.st_size, "time": time}
                label = self._open(run, netcdf.label)
            except FileNotFoundError:  # removed while we were listing
                continue
            except StorageError as error:
                yield {**dict.fromkeys(COLUMNS), "id": run, "status": "damaged", **facts, "problem": str(error)}
            else:
                yield {**dict.fromkeys(COLUMNS), "id": run, **summary(label), **facts}

    def verify(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Read every run (or those whose id begins with `prefix`); yields ``(id, problem)``, problem "" if whole."""
        for run in self.ids():
            if run.startswith(prefix.lower()):
                try:
                    self._read(run)
                except StorageError as error:
                    yield run, str(error)
                else:
                    yield run, ""

    def _path(self, run: str) -> Path:
        return self.folder / f"{run}.nc"

    def _get(self, run: str, digest: str) -> xr.Dataset | None:
        path = self._path(run)
        if not path.exists():
            return None
        dataset = self._read(run)
        if dataset.attrs["config_sha256"] != digest:
            raise StorageError(
                f"The file {path} holds the run {dataset.attrs['config_sha256']}, not {digest}; "
                "two runs share their first digits, so use another folder for one of them."
            )
        return dataset

    def _put(self, config: RunConfig, dataset: xr.Dataset) -> tuple[str, xr.Dataset]:
        """The id of the run, and the run as it is stored now."""
        text, run = config.canonical(), config.id
        digest = sha256(text)
        stored = self._get(run, digest)
        if stored is not None:
            return run, stored
        from practicum.runs import netcdf

        packages = ["torch"] if config.kind == "train" else []
        packages += filter(None, str(dataset.attrs.get("packages", "")).split(","))
        attributes = {
            **dataset.attrs,
            "kind": config.kind,
            "config": text,
            "config_sha256": digest,
            "versions": json.dumps(versions(*packages), sort_keys=True),
            "architecture": architecture(),
        }
        attributes["references"] = bibtex(key for key in str(attributes.get("cite", "")).split(",") if key in entries())
        complete = dataset.assign_attrs(attributes)
        image = netcdf.to_bytes(complete)
        _tidy(self.folder)
        write_sealed(self._path(run), image)
        forget_failure(self.folder, run)
        return run, complete

    def _read(self, run: str) -> xr.Dataset:
        from practicum.runs import netcdf  # here, so that listing ids does not wait for xarray

        return self._open(run, netcdf.from_bytes)

    def _open(self, run: str, decode: Callable[[bytes], T]) -> T:
        """Verify the file of a run and decode it."""
        from practicum.runs import netcdf

        path = self._path(run)
        image = read_sealed(path, f"run {run}")
        try:
            label, content = netcdf.label(image), decode(image)
        except Exception as error:  # h5py and xarray raise many kinds here; the file is sealed, so it is not ours
            raise StorageError(f"The file {path} of run {run} holds no run that can be read: {error}.") from None
        if sha256(label.config) != label.config_sha256 or not label.config_sha256.startswith(run):
            raise StorageError(
                f"The file {path} of run {run} holds the configuration of run {label.config_sha256[:ID_LENGTH]}; "
                "it was renamed: give it back its name, or move it away."
            )
        return content

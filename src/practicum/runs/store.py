"""A folder of runs: one verified file each, named by the configuration that made it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from practicum.citations import bibtex, entries
from practicum.errors import StorageError
from practicum.runs.config import RunConfig
from practicum.runs.execute import execute
from practicum.runs.failures import forget_failure
from practicum.runs.files import require_writable, sweep_abandoned, write_sealed
from practicum.runs.folder import Folder
from practicum.runs.provenance import architecture, versions
from practicum.runs.reading import read_run
from practicum.runs.resuming import ENDING, SECONDS, Checkpoint, resumable, takes_states

if TYPE_CHECKING:
    import xarray as xr


@cache
def _tidy(folder: Path) -> None:
    """Remove what killed writers left, once a process: it lists the folder, which may hold a million files."""
    sweep_abandoned(folder)


def described(config: RunConfig, dataset: xr.Dataset) -> xr.Dataset:
    """A dataset with all that the file of its run says of it: configuration, versions, architecture, citation."""
    packages = ["torch"] if config.kind == "train" else []
    packages += filter(None, str(dataset.attrs.get("packages", "")).split(","))
    attributes = {
        **dataset.attrs,
        "kind": config.kind,
        "config": config.canonical(),
        "config_sha256": config.sha256,
        "versions": json.dumps(versions(*packages), sort_keys=True),
        "architecture": architecture(),
    }
    attributes["references"] = bibtex(key for key in str(attributes.get("cite", "")).split(",") if key in entries())
    return dataset.assign_attrs(attributes)


class Store(Folder):
    """Runs in one folder, one NetCDF4 file each.

    Main arguments:
        folder: where they are; $PRACTICUM_RUNS if not given, else ``practicum-runs`` in the current folder. It is
            made when the first run is stored.

    A file holds the arrays, the canonical JSON of the configuration (attribute ``config``), its SHA-256
    (``config_sha256``), the versions of the packages, the CPU architecture and the citation. It is verified
    whenever it is read; a damaged one is reported and never removed. Several processes may share a folder. What it
    holds is listed, chosen, compared and cleared up with the methods of :class:`~practicum.runs.folder.Folder`.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        super().__init__(folder)
        self._proved = False

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

    def _get(self, run: str, digest: str) -> xr.Dataset | None:
        path = self._path(run)
        if not path.exists():
            return None
        dataset = read_run(path)
        if dataset.attrs["config_sha256"] != digest:
            raise StorageError(
                f"The file {path} holds the run {dataset.attrs['config_sha256']}, not {digest}; "
                "two runs share their first digits, so use another folder for one of them."
            )
        return dataset

    def _put(self, config: RunConfig, dataset: xr.Dataset) -> tuple[str, xr.Dataset]:
        """The id of the run, and the run as it is stored now."""
        run, digest = config.id, config.sha256
        stored = self._get(run, digest)
        if stored is not None:
            return run, stored
        from practicum.runs import netcdf

        complete = described(config, dataset)
        image = netcdf.to_bytes(complete)
        _tidy(self.folder)
        write_sealed(self._path(run), image)
        forget_failure(self.folder, run)
        return run, complete

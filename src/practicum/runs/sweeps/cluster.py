"""Where cells are computed: a Dask cluster that somebody runs, or one on this machine for as long as a sweep takes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from practicum.disk.paths import expanded
from practicum.errors import ParameterError, PracticumError
from practicum.runs.processes import cores, environment
from practicum.values import whole

if TYPE_CHECKING:
    from distributed import Client

_PATIENCE = 30.0
"""Seconds to wait for a scheduler that does not answer."""
_GRACE = 5.0
"""Seconds that a local cluster has to end by itself."""


class NoDask(ParameterError, ImportError):
    """Dask is not installed; both an ImportError, for programs, and a sentence, for people."""


@dataclass(frozen=True)
class Place:
    """Where to compute.

    Main arguments:
        workers: processes on this machine; as many as processors if not given.
        scheduler: address of a scheduler that runs already, such as ``"tcp://node7:8786"``.
        scheduler_file: the file that ``dask scheduler --scheduler-file`` wrote.

    Raises:
        ParameterError: more than one is given, or a value is none.
    """

    workers: int | None = None
    scheduler: str | None = None
    scheduler_file: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.workers is not None:
            whole("workers", self.workers, 1)
        given = [name for name in ("workers", "scheduler", "scheduler_file") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ParameterError(
                f"A sweep is computed in one place: give '{given[0]}' or '{given[1]}', not both. A running cluster has "
                "the workers that were started for it."
            )


def need_dask() -> None:
    """Nothing if Dask can be imported, one sentence otherwise."""
    try:
        import distributed  # noqa: F401
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
            raise
        raise NoDask(
            f"Sweeps need the package '{error.name}', which is not installed; run pip install 'practicum[cluster]'."
        ) from None


@contextmanager
def connected(place: Place, kind: str = "") -> Iterator[tuple[Client, str]]:
    """A client of the cluster of a place, and the address of its dashboard; a local cluster ends with the block.

    The workers of a local cluster are ready for runs of one `kind`, see :func:`practicum.runs.sweeps.warm.warm`.

    Raises:
        PracticumError: nobody answers, or the local cluster cannot be started.
    """
    need_dask()
    if place.scheduler is not None or place.scheduler_file is not None:
        with _client(place.scheduler or _address(Path(str(place.scheduler_file)))) as client:
            yield client, client.dashboard_link or ""
        return
    with _local(place.workers or cores(), kind) as (address, dashboard), _client(address) as client:
        yield client, dashboard


def _address(file: Path) -> str:
    try:
        return str(json.loads(expanded(file).read_text(encoding="utf-8"))["address"])
    except OSError as error:
        raise ParameterError(
            f"The scheduler file {file} cannot be read: {(error.strerror or str(error)).lower()}; "
            "dask scheduler --scheduler-file writes it."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ParameterError(
            f"The scheduler file {file} does not say the address of a scheduler; dask scheduler --scheduler-file "
            "writes such files."
        ) from None


@contextmanager
def _client(address: str) -> Iterator[Client]:
    from distributed import Client

    # What Dask logs of lost connections is said by who notices them, in one sentence.
    for name in ("distributed.client", "distributed.comm", "distributed.core", "distributed.batched"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        why = str(error).splitlines()[0] if str(error) else "no reason given"
        raise ParameterError(
            f"No Dask scheduler answers at {address!r:.100}: {why}. "
            "Start one with dask scheduler, or leave --scheduler out to compute on this machine."
        ) from None
    try:
        yield client
    finally:
        with suppress(Exception):  # the scheduler may be gone; there is nothing left to say to it
            client.close(timeout=_GRACE)


@contextmanager
def _local(workers: int, kind: str) -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-P", "-m", "practicum.runs.sweeps._local_cluster", str(workers), kind]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(),
            start_new_session=True,  # an interrupt of the terminal is for the sweep, which then ends this
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                log.seek(0)
                last = log.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
                raise PracticumError(f"Dask's local cluster could not be started: {last[0]}.")
            found = json.loads(line)
            yield found["scheduler"], found["dashboard"]
        finally:
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

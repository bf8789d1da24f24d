"""A computation that was killed goes on from its checkpoint, a sealed file beside the run's, and ends as if it had not.

Trainings and simulations write one now and then; see :mod:`practicum.runs.states` for what is in it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.errors import PracticumWarning, StorageError
from practicum.runs.files import read_sealed, write_sealed
from practicum.runs.provenance import architecture, vectors, versions
from practicum.runs.states import FORMATS, from_bytes, identity_of, to_bytes

if TYPE_CHECKING:
    from practicum.runs.config import RunConfig
    from practicum.runs.states import State

ENDING = ".checkpoint"
SECONDS = 10.0
"""Between two checkpoints, at least."""

_SHARE = 20
"""Writing takes at most one part in so many of the time: what is large is written less often."""


class CheckpointWarning(PracticumWarning):
    """A checkpoint cannot be used, so that the computation starts over; or written, so that it goes on without."""


def resumable(config: RunConfig) -> bool:
    """Whether this kind of computation writes checkpoints."""
    return config.kind in FORMATS


def takes_states(compute: Callable[..., object]) -> bool:
    """Whether a function has parameters ``save`` and ``resume``."""
    parameters = signature(compute).parameters
    return {"save", "resume"} <= parameters.keys() or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


class Checkpoint:
    """Where one training or simulation stands, on disk.

    Main arguments:
        path: of the file.
        config: of the run; a checkpoint of another one is not used.

    Other arguments:
        seconds: between two checkpoints, at least; what a kill can cost. 0 writes one whenever it is called.
    """

    def __init__(self, path: Path, config: RunConfig, seconds: float = SECONDS) -> None:
        self.path, self.config, self.seconds = path, config, seconds
        self._pause = seconds
        self._last = time.monotonic()
        self._failed = False

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return {
            "format": FORMATS[self.config.kind],
            "config_sha256": self.config.sha256,
            # Other versions and processors may round differently, and then the end would be nobody's.
            "versions": versions("torch") if self.config.kind == "train" else versions(),
            "architecture": architecture(),
            "width_of_vectors": vectors(),
        }

    @property
    def due(self) -> bool:
        """Whether the time since the last checkpoint is over."""
        return time.monotonic() - self._last >= self._pause

    def __call__(self, state: State) -> None:
        """Write the state, if one is due; what `fit` and `simulate` call.

        A checkpoint that cannot be written costs nothing but safety: a :class:`CheckpointWarning` says so, once.
        """
        if not self.due:
            return
        began = time.monotonic()
        try:
            write_sealed(self.path, to_bytes(state, self._identity))
        except StorageError as error:
            if not self._failed:
                sentence = f"No checkpoint can be written, and the computation goes on without. {error}"
                warnings.warn(sentence, CheckpointWarning, stacklevel=2)
            self._failed = True
        self._last = time.monotonic()
        if self.seconds:
            self._pause = max(self.seconds, _SHARE * (self._last - began))

    def load(self) -> State | None:
        """The state that was saved, or None; a :class:`CheckpointWarning` says why one cannot be used."""
        if not self.path.exists():
            return None
        try:
            body = read_sealed(self.path, "an unfinished computation")
            identity = identity_of(body)
            differing = [name for name, value in self._identity.items() if identity.get(name) != value]
            if not differing:
                return from_bytes(body)
            why = f"The checkpoint {self.path} has another {differing[0].replace('_', ' ')}."
        except StorageError as error:
            why = str(error).partition(" It is left")[0]
        except Exception as error:  # whoever sealed it, we cannot read it
            why = f"The file {self.path} holds no checkpoint that can be read: {error}."
        warnings.warn(f"{why} The computation starts over.", CheckpointWarning, stacklevel=3)
        return None

    def remove(self) -> None:
        """Remove the file, if it is there and may be removed."""
        with suppress(OSError):  # a folder that is only read; the run itself is stored
            self.path.unlink(missing_ok=True)


def unfinished(folder: Path) -> list[Path]:
    """The checkpoints in a folder whose runs are not stored, sorted."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError:
        return []
    found = (name for name in names if name.endswith(ENDING) and f"{name.removesuffix(ENDING)}.nc" not in names)
    return sorted(folder / name for name in found)


def progress_of(path: Path) -> str | None:
    """How far a checkpoint is, such as ``"12 epoch(s)"`` or ``"45.3% of the updates"``; None if it is damaged."""
    try:
        return from_bytes(read_sealed(path, "an unfinished computation")).progress
    except Exception:
        return None

"""A training that was killed goes on from its checkpoint, a sealed file beside the run's, and ends as if it had not."""

from __future__ import annotations

import json
import time
import warnings
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import canonical_json
from practicum.errors import StorageError
from practicum.runs.files import read_sealed, write_sealed
from practicum.runs.provenance import architecture, versions

if TYPE_CHECKING:
    from practicum.networks.state import State
    from practicum.runs.config import RunConfig

ENDING = ".checkpoint"
FORMAT = "state-1"
SECONDS = 10.0
"""Between two checkpoints, at least."""

_KEY = "practicum"


class CheckpointWarning(UserWarning):
    """A checkpoint cannot be used, so that the training starts over."""


class Checkpoint:
    """Where one training stands, on disk.

    Main arguments:
        path: of the file.
        config: of the run; a checkpoint of another one is not used.

    Other arguments:
        seconds: between two checkpoints, at least; what a kill can cost. 0 writes one every epoch.
    """

    def __init__(self, path: Path, config: RunConfig, seconds: float = SECONDS) -> None:
        self.path = path
        self.seconds = seconds
        self._identity = {
            "format": FORMAT,
            "config_sha256": config.sha256,
            # Other versions and processors may round differently, and then the end would be nobody's.
            "versions": versions("torch"),
            "architecture": architecture(),
        }
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the time since the last checkpoint is over."""
        return time.monotonic() - self._last >= self.seconds

    def __call__(self, state: State) -> None:
        """Write the state, if one is due; what `fit` calls after every epoch.

        Raises:
            StorageError: the file cannot be written.
        """
        if self.due:
            write_sealed(self.path, _to_bytes(state, self._identity))
            self._last = time.monotonic()

    def load(self) -> State | None:
        """The state that was saved, or None; a :class:`CheckpointWarning` says why one cannot be used."""
        if not self.path.exists():
            return None
        try:
            identity, state = _from_bytes(read_sealed(self.path, "an unfinished training"))
        except StorageError as error:
            why = str(error).partition(" It is left")[0]
        except Exception as error:  # whoever sealed it, we cannot read it
            why = f"The file {self.path} holds no checkpoint that can be read: {error}."
        else:
            differing = [name for name, value in self._identity.items() if identity.get(name) != value]
            if not differing:
                return state
            why = f"The checkpoint {self.path} has another {differing[0].replace('_', ' ')}."
        warnings.warn(f"{why} The training starts over.", CheckpointWarning, stacklevel=3)
        return None

    def remove(self) -> None:
        """Remove the file, if it is there and may be removed."""
        with suppress(OSError):  # a folder that is only read; the run itself is stored
            self.path.unlink(missing_ok=True)


def unfinished(folder: Path) -> list[Path]:
    """The checkpoints in a folder, sorted."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(ENDING))
    except OSError:
        return []


def progress_of(path: Path) -> int | None:
    """The epochs that a checkpoint has done, or None if it is damaged."""
    try:
        return _from_bytes(read_sealed(path, "an unfinished training"))[1].epoch
    except Exception:
        return None


def _to_bytes(state: State, identity: dict[str, Any]) -> bytes:
    """Arrays as tensors of safetensors, ``weights/0``; everything else as JSON in its metadata."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    for part in fields(state):
        value = getattr(state, part.name)
        if isinstance(value, np.ndarray):
            arrays[part.name] = value
        elif isinstance(value, dict) and all(isinstance(array, np.ndarray) for array in value.values()):
            values[part.name] = {"keys": list(value)}
            arrays |= {f"{part.name}/{name}": array for name, array in value.items()}
        elif isinstance(value, dict):
            values[part.name] = {"items": [[name, list(axes)] for name, axes in value.items()]}
        else:
            values[part.name] = {"value": value}
    metadata = {**identity, "state": values}
    whole = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    return save(whole, {_KEY: canonical_json(metadata)})


def _from_bytes(body: bytes) -> tuple[dict[str, Any], State]:
    from safetensors.numpy import load

    from practicum.networks.state import State

    length = int.from_bytes(body[:8], "little")
    metadata = json.loads(json.loads(body[8 : 8 + length])["__metadata__"][_KEY])
    arrays = load(body)
    found: dict[str, Any] = {}
    for part in fields(State):
        entry = metadata["state"].get(part.name)
        if entry is None:
            found[part.name] = arrays[part.name]
        elif "keys" in entry:
            found[part.name] = {name: arrays[f"{part.name}/{name}"] for name in entry["keys"]}
        elif "items" in entry:
            found[part.name] = {name: tuple(axes) for name, axes in entry["items"]}
        else:
            found[part.name] = entry["value"]
    return metadata, State(**found)

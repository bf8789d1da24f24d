"""What a training has shown so far, and the labelled arrays that come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.networks.state import State

if TYPE_CHECKING:
    import xarray as xr

Observation = dict[str, tuple[tuple[str, ...], np.ndarray]]
_OWN = ("step", "epoch", "loss", "training_loss", "status", "diverged_at")


class History:
    """Observations, one a point of the axis ``step``.

    Main arguments:
        seeds: of the students.
    """

    def __init__(self, seeds: tuple[int, ...]) -> None:
        self.seeds = seeds
        self.values: dict[str, list[np.ndarray]] = {}
        self.dimensions: dict[str, tuple[str, ...]] = {}

    def add(self, step: int, epoch: int, seen: Observation, gone: np.ndarray) -> None:
        """One more point; what was seen of the seeds that are `gone` (S,) becomes NaN.

        Raises:
            ParameterError: an array does not begin with the seeds, or the names differ from those before.
        """
        entries = {"step": ((), np.array(step)), "epoch": ((), np.array(epoch)), **seen}
        if self.values and entries.keys() != self.values.keys():
            missing = ", ".join(sorted(entries.keys() ^ self.values.keys()))
            raise ParameterError(
                f"Every observation of a training must have the same variables. Got {missing} only sometimes; resume "
                "with the observers that the training began with."
            )
        for name, (dimensions, array) in entries.items():
            values = np.array(array)
            if name not in ("step", "epoch"):
                _check(name, tuple(dimensions), values, len(self.seeds))
                if gone.any() and values.dtype.kind == "f":
                    values[gone] = np.nan
            self.values.setdefault(name, []).append(values)
            self.dimensions[name] = tuple(dimensions)

    def arrays(self) -> dict[str, np.ndarray]:
        """All observations of each variable along a first axis."""
        return {name: np.stack(values) for name, values in self.values.items()}

    def load(self, state: State) -> None:
        """Go on from the history of a state."""
        self.values = {name: list(values) for name, values in state.history.items()}
        self.dimensions = dict(state.dimensions)

    def dataset(self, diverged_at: np.ndarray) -> xr.Dataset:
        """All there is, labelled."""
        import xarray as xr

        arrays = self.arrays()
        step, epoch = arrays.pop("step"), arrays.pop("epoch")
        variables: dict[str, Any] = {name: (("step", *self.dimensions[name]), v) for name, v in arrays.items()}
        variables["status"] = ("seed", np.where(diverged_at < 0, "ok", "diverged"))
        variables["diverged_at"] = ("seed", diverged_at.copy())
        return xr.Dataset(variables, {"step": step, "epoch": ("step", epoch), "seed": list(self.seeds)})


def merged(observations: list[Observation]) -> Observation:
    """What several observers saw, or one sentence if two use one name."""
    found: Observation = {}
    for seen in observations:
        for name in seen:
            if name in found or name in _OWN:
                raise ParameterError(
                    f"Two observers of a training must not give one name to what they see. Got '{name}' twice; "
                    f"{', '.join(_OWN)} are taken."
                )
        found |= seen
    return found


def joined(parts: list[Observation]) -> Observation:
    """What was seen of groups of seeds, one after the other, as one observation of all."""
    if len(parts) == 1:
        return parts[0]
    return {name: (parts[0][name][0], np.concatenate([part[name][1] for part in parts])) for name in parts[0]}


def _check(name: str, dimensions: tuple[str, ...], values: np.ndarray, seeds: int) -> None:
    if values.ndim != len(dimensions) or dimensions[:1] != ("seed",) or values.shape[0] != seeds:
        raise ParameterError(
            f"What an observer sees must be arrays whose first dimension is 'seed', of length {seeds}. Got '{name}' "
            f"with dimensions {dimensions} and shape {values.shape} instead."
        )

"""What an attack returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Attacked:
    """Perturbed inputs, and what they do to the student, for every radius.

    The axis S of the students is there only if they are an MLP or an Ensemble.

    Main arguments:
        epsilons: the radii, (E,).
        inputs: perturbed, (E, [S,] B, ...).
        success: where the student is wrong at the perturbed input, (E, [S,] B): it says another class than the label,
            or than the oracle; in regression, where its loss is larger than at the clean input.
        distance: from the clean input, in the norm of the attack, float64, (E, [S,] B).
        loss: the one that was made large, at the perturbed input, (E, [S,] B).
        attack: the repr of the attack.
    """

    epsilons: Tensor
    inputs: Tensor
    success: Tensor
    distance: Tensor
    loss: Tensor
    attack: str = ""

    @property
    def rate(self) -> Tensor:
        """The share of inputs on which the attack succeeds, (E, [S])."""
        return self.success.double().mean(-1)

    def dataset(self) -> xr.Dataset:
        """Everything but the inputs, labelled: ``success``, ``distance`` and ``loss`` over epsilon, seed and sample."""
        import numpy as np
        import xarray as xr

        dims = ("epsilon", "seed", "sample") if self.success.ndim == 3 else ("epsilon", "sample")
        arrays = {name: (dims, getattr(self, name).cpu().numpy()) for name in ("success", "distance", "loss")}
        coords = {dim: np.arange(size) for dim, size in zip(dims[1:], self.success.shape[1:])}
        return xr.Dataset(arrays, {"epsilon": self.epsilons.cpu().numpy(), **coords}, {"attack": self.attack})

    def __repr__(self) -> str:
        rates = ", ".join(f"{float(rate):.3g}" for rate in self.rate.reshape(len(self.epsilons), -1).mean(-1)[:6])
        more = ", ..." if len(self.epsilons) > 6 else ""
        return f"<Attacked {tuple(self.success.shape)} by {self.attack}: success {rates}{more}>"

"""Training on noisy inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from practicum.robustness.regimes.base import Labels, Regime

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.networks.regimes import Batch


class NoiseAugmentation(Regime):
    """Inputs with fresh normal noise in every direction, also outside the subspace of low-rank inputs.

    Main arguments:
        scale: standard deviation of the noise on every input.
        labels: "oracle" lets the teacher answer the noisy input, "fixed" keeps its answer to the clean one. Only an
            oracle tells the student what the teacher does outside the data.
    """

    kind: Literal["noise"] = "noise"
    scale: float = Field(ge=0, json_schema_extra={"remedy": "It is a standard deviation, such as 0.1."})
    labels: Labels = "oracle"

    def __call__(self, student: nn.Module, teacher: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        from practicum.networks.regimes import fresh_targets

        inputs = batch.inputs + self.scale * normal(batch, batch.inputs)
        if self.labels == "fixed":
            return inputs, batch.targets
        return inputs, fresh_targets(teacher, inputs, batch.training)


def normal(batch: Batch, like: Tensor) -> Tensor:
    """Standard normal numbers of the shape (S, ...) and the precision of `like`, each seed's from its generator."""
    import numpy as np
    import torch

    kind = np.float32 if like.dtype == torch.float32 else np.float64
    drawn = [rng.standard_normal(tuple(like.shape[1:]), dtype=kind) for rng in batch.rngs]
    return torch.from_numpy(np.stack(drawn)).to(like)

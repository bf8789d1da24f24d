"""Standard training, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from practicum.robustness.regimes.base import Regime

if TYPE_CHECKING:
    from torch import Tensor, nn

    from practicum.networks.regimes import Batch


class Standard(Regime):
    """The batch as it is: to rounding the training without a regime, which is faster.

    A configuration of a run takes it for no regime, so that both are one run.
    """

    kind: Literal["standard"] = "standard"

    def __call__(self, student: nn.Module, teacher: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        return batch.inputs, batch.targets

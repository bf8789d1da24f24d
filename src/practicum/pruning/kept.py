"""What a selector keeps of a layer: the one thing that selecting, reweighting, removing and counting share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Kept:
    """The nodes or edges of one layer that stay.

    Main arguments:
        layer: name of a Linear or a convolution, as in ``network.named_modules()``.
        kind: "nodes", outputs of the layer (of a convolution its output channels), or "edges", its weights.
        mask: True for what stays: (n_out,) of nodes, the shape of the weight of edges.

    Other arguments:
        selector: the repr of what chose.
        seed: of the choice, None if nothing was drawn.
    """

    layer: str
    kind: Literal["nodes", "edges"]
    mask: Tensor
    selector: str = ""
    seed: int | None = None

    @property
    def count(self) -> int:
        """How many stay."""
        return int(self.mask.sum())

    @property
    def share(self) -> float:
        """Which part of all that is."""
        return self.count / self.mask.numel()

    def __repr__(self) -> str:
        return f"<Kept {self.count} of {self.mask.numel()} {self.kind} of '{self.layer}' by {self.selector or 'hand'}>"

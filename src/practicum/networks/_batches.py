"""Which examples make up each batch, and the noise on the teacher's answers: from seed and epoch alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from practicum.networks._evaluation import outputs
from practicum.networks.data import Data, redrawn
from practicum.networks.losses import targets
from practicum.networks.randomness import generator
from practicum.networks.settings import Training


def order(seed: int, epoch: int, samples: int, training: Training) -> np.ndarray:
    """The examples of an epoch, one batch after the other: drawn with replacement, or each once."""
    rng = generator(seed, "batches", epoch)
    if training.steps_per_epoch is None:
        return rng.permutation(samples)
    return rng.integers(0, samples, training.steps_per_epoch * training.batch_size)


def lookup(table: Tensor, rows: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One long table, and for each batch the places in it that ``index_select`` takes.

    Main arguments:
        table: (S, N, ...), or (1, N, ...) for all seeds.
        rows: (steps, S, B), of each seed's own examples.
    """
    sets, samples = table.shape[:2]
    first = torch.arange(rows.shape[1], device=rows.device).unsqueeze(1) * (samples if sets > 1 else 0)
    return table.flatten(0, 1), (rows + first).flatten(1).unbind()


class Examples:
    """The training examples, epoch after epoch.

    Main arguments:
        teacher, data, training: what is asked, on what, and how.
        seeds: of order and noise.

    Attributes:
        inputs: (S, N, ...) or (1, N, ...).
        wanted: the targets (S, N, ...) or (1, N, ...).
    """

    def __init__(self, teacher: nn.Module, data: Data, training: Training, seeds: Sequence[int]) -> None:
        self.teacher, self.data, self.training, self.seeds = teacher, data, training, seeds
        self.inputs, self.wanted = data.inputs, self._answers(data.inputs, 0)
        self.drawn = 0

    def begin(self, epoch: int) -> list[Tensor]:
        """Rows of the batches of the epoch that follows `epoch` epochs: (steps, S, B), then what is left of a pass."""
        if self.training.regenerate and epoch != self.drawn:
            self.inputs = redrawn(self.data, self.teacher, epoch) if epoch else self.data.inputs
            self.wanted = self._answers(self.inputs, epoch)
            self.drawn = epoch
        size = self.training.batch_size
        rows = np.stack([order(seed, epoch, self.data.samples, self.training) for seed in self.seeds])
        whole = rows.shape[1] // size * size
        parts = (rows[:, :whole].reshape(len(rows), -1, size).transpose(1, 0, 2), rows[None, :, whole:])
        return [torch.from_numpy(np.ascontiguousarray(p)).to(self.inputs.device) for p in parts if p.size]

    def _answers(self, inputs: Tensor, epoch: int) -> Tensor:
        clean = outputs(self.teacher, inputs)
        if self.training.output_noise:
            shape = tuple(clean.shape[1:])
            noise = np.stack([generator(s, "noise", epoch).standard_normal(shape) for s in self.seeds])
            clean = clean + self.training.output_noise * torch.from_numpy(noise).to(clean)
        return targets(clean, self.training)

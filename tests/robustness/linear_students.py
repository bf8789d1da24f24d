"""Linear students, whose worst perturbations are known, and batches for them."""

import numpy as np
import torch

from practicum.networks import Training
from practicum.networks.losses import targets
from practicum.networks.mlp import MLP
from practicum.networks.randomness import generator
from practicum.networks.regimes import Batch

SEEDS, INPUTS, ROWS = 3, 5, 40


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape))


def linear(outputs, seed=1, seeds=SEEDS):
    """Outputs W x + b."""
    return MLP([drawn(seeds, outputs, INPUTS, seed=seed)], [drawn(seeds, outputs, seed=seed)]).train()


def nonlinear(outputs, seed=1, seeds=SEEDS, **changes):
    weights = [drawn(seeds, 7, INPUTS, seed=seed), drawn(seeds, outputs, 7, seed=seed)]
    return MLP(weights, [drawn(seeds, 7, seed=seed), drawn(seeds, outputs, seed=seed)], **changes).train()


def batch_for(teacher, loss="mse", *, rows=ROWS, seed=3, epoch=0, **changes):
    training = Training(loss=loss, **changes)
    inputs = drawn(SEEDS, rows, INPUTS, seed=seed)
    with torch.no_grad():
        wanted = targets(teacher(inputs), training)
    rngs = [generator(s, "regime", epoch) for s in range(SEEDS)]
    return Batch(inputs, wanted, training, rngs, epoch)

"""Networks for the tests: random ones, and students whose nodes copy a teacher's."""

from itertools import pairwise

import numpy as np
import torch

from practicum.networks.mlp import MLP


def network(sizes, seed=0, seeds=1, activation="leaky-relu", slope=0.1, output_bias=True, **other):
    """A random MLP in float64, with biases of the size of the weights."""
    rng = np.random.default_rng(seed)
    weights = [torch.from_numpy(rng.standard_normal((seeds, o, i)) / i**0.5) for i, o in pairwise(sizes)]
    biases = [torch.from_numpy(rng.standard_normal((seeds, o))) for o in sizes[1:]]
    if not output_bias:
        biases[-1] = None
    return MLP(weights, biases, activation=activation, slope=slope if activation == "leaky-relu" else 0.0, **other)


def inputs(samples=40, d=6, seed=9, seeds=None):
    shape = (samples, d) if seeds is None else (seeds, samples, d)
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def copies(teacher, of, scales, shares=None, extra=0, seed=5):
    """A two-layer student that computes what the teacher does: node k is scales[k] times the teacher's node of[k].

    `shares` says which part of the teacher's fan-out runs through node k; the shares of a teacher node sum to one. The
    last `extra` nodes are random and lead nowhere.
    """
    of, scales = list(of), np.asarray(scales, dtype=float)
    counts = np.bincount(of, minlength=teacher.sizes[1])
    shares = np.array([1 / counts[j] for j in of]) if shares is None else np.asarray(shares, dtype=float)
    W, b = teacher.weights[0].detach()[0].numpy(), teacher.biases[0].detach()[0].numpy()
    V = teacher.weights[1].detach()[0].numpy()
    rng = np.random.default_rng(seed)
    first = np.concatenate([scales[:, None] * W[of], rng.standard_normal((extra, W.shape[1]))])
    offset = np.concatenate([scales * b[of], rng.standard_normal(extra)])
    last = np.concatenate([V[:, of] * (shares / scales), np.zeros((len(V), extra))], axis=1)
    top = teacher.biases[1]
    return MLP(
        [torch.from_numpy(first)[None], torch.from_numpy(last)[None]],
        [torch.from_numpy(offset)[None], None if top is None else top.detach()],
        activation=teacher.activation,
        slope=teacher.slope,
    )

"""(e) How rarely teacher nodes fire together, and how rarely they would if they were independent."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig

DIMS = ("seed", "layer")


def random_teachers(config: StudyConfig) -> xr.Dataset:
    """The overlaps of a random teacher's nodes on its own inputs; parameters: teacher, inputs, seeds, samples."""
    import torch

    from practicum.networks import BalancedTeacher, GaussianInputs, SeparatedTeacher
    from practicum.networks.randomness import generator

    given: Any = config.parameters
    kinds: dict[str, Any] = {"separated": SeparatedTeacher, "balanced": BalancedTeacher}
    teacher = kinds[given["teacher"]["kind"]](**given["teacher"])
    law = GaussianInputs(**given["inputs"])
    seeds = range(given["seeds"])
    network = teacher.build(seeds, law=law)
    drawn = np.stack([law.sample(generator(seed, "held-out"), given["samples"]) for seed in seeds])
    found = overlaps(network, [torch.from_numpy(drawn)])
    return found.assign_coords(seed=list(seeds)).assign_attrs(cite="tian2019luck", packages="torch")


def strengths(config: StudyConfig) -> xr.Dataset:
    """The fan-outs |v*_j| of a two-layer teacher's nodes, (seed, teacher); parameters: teacher, seeds."""
    from practicum.networks import SeparatedTeacher

    given: Any = config.parameters
    network = SeparatedTeacher(**given["teacher"]).build(range(given["seeds"]))
    return xr.Dataset(
        {"strength": (("seed", "teacher"), network.weights[1].norm(dim=1).numpy())},
        attrs={"cite": "tian2019luck", "packages": "torch"},
    )


def overlaps(network: Any, batches: Any) -> xr.Dataset:
    """Overlaps of the ReLUs of a network's hidden layers, over the inputs of all batches, (seed, layer).

    ``together``: E[gate_i gate_j] off the diagonal over its diagonal, the share of the samples on which a node fires
    that another one fires on, too; ``together_independent``: the same if nodes fired independently of each other, at
    their rates; ``product`` and ``product_independent``: likewise of E[f_i f_j]; ``rate``: how often nodes fire.
    """
    import torch

    from practicum.specialization.activity import Overlap, off_diagonal_share

    sums: list[Any] = [0.0] * network.depth
    found = [Overlap() for _ in sums]
    with torch.no_grad():
        for batch in batches:
            for layer, pre in enumerate(network.layers(batch).pre):
                # Behind a BatchNorm that follows the ReLU values are shifted: the node is what the ReLU gives.
                values = torch.relu(pre)
                found[layer].update(values)
                sums[layer] = sums[layer] + values.double().sum(dim=-2).numpy()
    rates = [np.diagonal(one.gates, axis1=-2, axis2=-1) for one in found]
    squares = [np.diagonal(one.values, axis1=-2, axis2=-1) for one in found]
    means = [total / one.samples for total, one in zip(sums, found)]
    each = {
        "together": [off_diagonal_share(one.gates) for one in found],
        "together_independent": [_independent(rate, rate) for rate in rates],
        "product": [off_diagonal_share(one.values) for one in found],
        "product_independent": [_independent(mean, square) for mean, square in zip(means, squares)],
        "rate": [rate.mean(axis=-1) for rate in rates],
    }
    variables = {name: (DIMS, np.stack(values, axis=1)) for name, values in each.items()}
    return xr.Dataset(variables, coords={"layer": np.arange(1, network.depth + 1)})


def _independent(means: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """The off-diagonal share if E[a_i a_j] were E[a_i] E[a_j]: (..., nodes) to (...)."""
    nodes = means.shape[-1]
    total = means.sum(axis=-1)
    return (total * total - (means * means).sum(axis=-1)) / (nodes - 1) / squares.sum(axis=-1)

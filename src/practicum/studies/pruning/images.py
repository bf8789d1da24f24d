"""(d) The first layer of a classifier of images, pruned by every selector, with and without reweighting."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig

SELECTORS = (
    "random node", "importance node", "DPP node", "random edge", "magnitude edge", "DPP edge",
)  # fmt: skip


def images(config: StudyConfig) -> xr.Dataset:
    """One classifier and all ways to prune it; parameters: those of
    :class:`practicum.studies.pruning.settings.Images`.

    Returns over ``selector``, ``reweighted`` (False, True), ``fraction`` and ``seed`` the ``error``, the share of test
    images that are classified wrongly; over ``selector`` and ``fraction`` ``parameters``, the share of the parameters
    of the whole network that stay; and ``unpruned``.
    """
    import torch

    from practicum.pruning import Reweighting, masked

    given: Any = config.parameters
    network, used, test, labels = _trained(given)
    fractions = [float(fraction) for fraction in given["fractions"]]
    seeds = int(given["seeds"])
    layer = next(name for name, part in network.named_modules() if isinstance(part, torch.nn.Linear))
    total = sum(p.numel() for p in network.parameters())
    fold = {kind: Reweighting(network, layer, used, kind=kind) for kind in ("nodes", "edges")}  # one pass for all masks

    def error(pruned: torch.nn.Module) -> float:
        with torch.no_grad():
            return float((pruned(test).argmax(-1) != labels).double().mean())

    found = np.empty((len(SELECTORS), 2, len(fractions), seeds))
    stay = np.empty((len(SELECTORS), len(fractions)))
    for row, name in enumerate(SELECTORS):
        several = _chosen(network, layer, name, fractions, used, seeds)
        for column, draws in enumerate(several):
            stay[row, column] = 1 - _cut(network, layer, draws[0]) / total
            for seed in range(seeds):
                if seed >= len(draws):  # nothing is drawn: all seeds are one
                    found[row, :, column, seed] = found[row, :, column, 0]
                    continue
                found[row, 0, column, seed] = error(masked(network, draws[seed]))
                found[row, 1, column, seed] = error(fold[draws[seed].kind](draws[seed]))
    return xr.Dataset(
        {
            "error": (("selector", "reweighted", "fraction", "seed"), found),
            "parameters": (("selector", "fraction"), stay),
            "unpruned": error(network),
        },
        {"selector": list(SELECTORS), "reweighted": [False, True], "fraction": fractions, "seed": np.arange(seeds)},
        {"cite": "acharyya2020understanding,mariet2016diversity", "packages": "torch"},
    )


def _chosen(network: Any, layer: str, name: str, fractions: list[float], used: Any, seeds: int) -> list[list[Any]]:
    """What stays, by fraction and draw; one draw where nothing is random."""
    from practicum.pruning import DPP, Importance, Magnitude, Random, select_edges, select_nodes

    how, kind = name.split()
    selector = {"random": Random, "importance": Importance, "magnitude": Magnitude, "DPP": DPP}[how]()
    draws = seeds if how in ("random", "DPP") else 1
    select = select_nodes if kind == "node" else select_edges
    found: Any = select(network, layer, fractions, selector, used, draws=draws)
    return [each if isinstance(each, list) else [each] for each in found]


def _cut(network: Any, layer: str, kept: Any) -> int:
    """Parameters of the whole network that go: with a node its bias and its outgoing weights, too."""
    import torch

    first = network.get_submodule(layer)
    if kept.kind == "edges":
        return int((~kept.mask).sum())
    linear = [part for part in network.modules() if isinstance(part, torch.nn.Linear)]
    above = linear[linear.index(first) + 1]
    return int((~kept.mask).sum()) * (first.in_features + 1 + above.out_features)


def _trained(given: Any) -> tuple[Any, Any, Any, Any]:
    """The network, the training images that selectors see, test images and their labels."""
    import torch

    from practicum.data import images as read

    train, test = (read(given["name"], split) for split in ("train", "test"))
    generator = torch.Generator().manual_seed(0)
    nonlinear = {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}[given["activation"]]
    inputs, labels = torch.from_numpy(train.flat()), torch.from_numpy(train.labels)
    if given["images"] is not None:
        inputs, labels = inputs[: given["images"]], labels[: given["images"]]
    parts: list[torch.nn.Module] = []
    sizes = [inputs.shape[1], *given["hidden"]]
    for below, width in pairwise(sizes):
        parts += [torch.nn.Linear(below, width), nonlinear()]
    network = torch.nn.Sequential(*parts, torch.nn.Linear(sizes[-1], 10))
    with torch.no_grad():
        for parameter in network.parameters():
            bound = (parameter.shape[-1] if parameter.ndim > 1 else parameter.shape[0]) ** -0.5
            parameter.uniform_(-bound, bound, generator=generator)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(int(given["epochs"])):
        for rows in torch.randperm(len(inputs), generator=generator).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    network.eval().requires_grad_(False)
    tested = int(given["tested"])
    return (
        network,
        inputs[: int(given["used"])],
        torch.from_numpy(test.flat())[:tested],
        torch.from_numpy(test.labels)[:tested],
    )

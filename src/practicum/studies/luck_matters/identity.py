"""(a) The gradient identity on random networks, and three wrong versions of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig

DEPTHS = (2, 3, 4, 5)
SLOPES = {"relu": 0.0, "leaky-relu": 0.1}
WRONG = ("without biases", "without own gates", "fan-outs averaged over samples")
"""What a reader might take the identity for; each must be seen to be wrong."""

_SAMPLES = 64


def gradient_identities(config: StudyConfig) -> xr.Dataset:
    """Largest deviation of the gradient identity from automatic differentiation, network by network, float64.

    Parameters of the configuration: ``networks``, pairs for each depth and activation. Widths are drawn from 3 to 12,
    weights from N(0, 1/n), biases from N(0, 1/4), so that no symmetry helps.

    Returns ``deviation`` (depth, activation, network) and ``wrong_deviation`` (variant, depth, activation, network),
    the largest over layers, both relative to the largest pull.
    """
    number = int(config.parameters["networks"])  # pyright: ignore[reportArgumentType]
    right = np.empty((len(DEPTHS), len(SLOPES), number))
    wrong = np.empty((len(WRONG), *right.shape))
    for index in np.ndindex(right.shape):
        depth, activation = DEPTHS[index[0]], list(SLOPES)[index[1]]
        right[index], wrong[(slice(None), *index)] = _deviations(depth, activation, index[2])
    return xr.Dataset(
        {
            "deviation": (("depth", "activation", "network"), right),
            "wrong_deviation": (("variant", "depth", "activation", "network"), wrong),
        },
        coords={"depth": list(DEPTHS), "activation": list(SLOPES), "network": range(number), "variant": list(WRONG)},
        attrs={"cite": "tian2019luck,tian2020student", "packages": "torch"},
    )


def _deviations(depth: int, activation: str, seed: int) -> tuple[float, list[float]]:
    import torch

    from practicum.networks.randomness import generator
    from practicum.specialization.identity import gradient_identity, pulls

    rng = generator(seed, "inputs", depth)
    inputs, outputs = (int(n) for n in rng.integers(3, 13, 2))
    x = torch.from_numpy(rng.standard_normal((_SAMPLES, inputs)))
    teacher, students = (
        _network(generator(seed, purpose, depth), inputs, outputs, depth, activation)
        for purpose in ("teacher", "student")
    )
    right = float(gradient_identity(teacher, students, x).max())
    worst = dict.fromkeys(WRONG, 0.0)
    with torch.no_grad():
        for pull in pulls(teacher, students, x):
            scale = max(float(pull.towards.abs().max()), float(pull.against.abs().max()))
            if scale == 0:
                continue
            for name, value in zip(WRONG, _wrong(pull)):
                worst[name] = max(worst[name], float((value - pull.gradient).abs().max()) / scale)
    return right, list(worst.values())


def _wrong(pull: Any) -> list[Any]:
    """The three wrong versions of what pulls a layer, in the order of WRONG."""

    def pulled(A: Any, teacher: Any, B: Any, student: Any) -> Any:
        return (A @ teacher.unsqueeze(-1) - B @ student.unsqueeze(-1)).squeeze(-1)

    A, B, theirs, ours, nodes = pull.A, pull.B, pull.teacher, pull.student, pull.gates.shape[-1]
    return [
        pull.gates * pulled(A[..., :-1, :-1], theirs[..., :-1], B[..., :-1, :-1], ours[..., :-1]),
        pulled(A, theirs, B, ours)[..., :nodes],
        pull.gates * pulled(A.mean(1, keepdim=True), theirs, B.mean(1, keepdim=True), ours)[..., :nodes],
    ]


def _network(rng: np.random.Generator, inputs: int, outputs: int, depth: int, activation: str) -> Any:
    import torch

    from practicum.networks.mlp import MLP

    sizes = [inputs, *(int(n) for n in rng.integers(3, 13, depth)), outputs]
    weights = [rng.standard_normal((1, m, n)) / np.sqrt(n) for n, m in pairwise(sizes)]
    biases = [0.5 * rng.standard_normal((1, m)) for m in sizes[1:]]
    return MLP(
        [torch.from_numpy(w) for w in weights],
        [torch.from_numpy(b) for b in biases],
        activation=activation,  # pyright: ignore[reportArgumentType]
        slope=SLOPES[activation],
    )

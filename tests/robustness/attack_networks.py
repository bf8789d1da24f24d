"""Networks to attack: drawn, and trained for real on a small problem."""

from functools import cache
from itertools import pairwise

import numpy as np
import torch

from practicum.networks import LowRankInputs, SeparatedTeacher, Students, Training, fit, make_data
from practicum.networks.mlp import MLP

SEEDS, RANK, TRAINED_INPUTS = 3, 8, 20
LAW = LowRankInputs(dimension=TRAINED_INPUTS, rank=RANK)


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape)).to(dtype)


def perceptrons(*sizes, seeds=1, seed=0, dtype=torch.float64, bias=True, **options):
    """Perceptrons, and if they have BatchNorm it has moments of its own."""
    shapes = list(pairwise(sizes))
    weights = [1.5 * drawn(seeds, n, m, seed=seed, dtype=dtype) / m**0.5 for m, n in shapes]
    biases = [0.3 * drawn(seeds, n, seed=seed + 1, dtype=dtype) if bias else None for _, n in shapes]
    found = MLP(weights, biases, **options)
    for number, norm in enumerate(found.norms):
        size = norm.bias.shape
        moments = [drawn(*size, seed=seed + 10 * number + k, dtype=dtype) for k in range(4)]
        norm.load_state_dict(
            {
                "weight": moments[0],
                "bias": moments[1],
                "running_mean": moments[2],
                "running_variance": 0.2 + moments[3].square(),
            }
        )
    return found.eval()


def scaled(network, factor):
    """The same classes, with outputs so many times as large."""
    *below, weight = network.weights
    *under, bias = network.biases
    return MLP([*below, weight * factor], [*under, bias * factor], activation=network.activation)


@cache
def trained(loss="cross-entropy", outputs=5):
    """A teacher, its three students and inputs (300, d) of the law that they were trained on, float64."""
    teacher = SeparatedTeacher(inputs=TRAINED_INPUTS, hidden=4, outputs=outputs).build([0])
    teachers = teacher.select([0] * SEEDS)
    data = make_data(LAW, teachers, range(SEEDS), 1000, 300)
    students = Students(multiple=3).build(teachers, range(SEEDS))
    training = Training(loss=loss, epochs=20, learning_rate=0.05, batch_size=20)
    fit(teachers, students, data, training, seeds=range(SEEDS))
    return teacher, students, data.held_out[0].clone()

"""Training on labels: how a network becomes a teacher on images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from practicum.data import Images
from practicum.errors import ParameterError
from practicum.networks._assembly import assembled, checked_seeds, place, precision
from practicum.networks._memory import check_weights
from practicum.networks._threads import one_thread
from practicum.networks.cnn import CNN
from practicum.networks.ensemble import Ensemble
from practicum.networks.mlp import MLP
from practicum.networks.names import Normalisation
from practicum.networks.randomness import generator
from practicum.values import whole

_WARM_UP = 0.2


class TrainedTeacher(NamedTuple):
    """A teacher that was trained on labels.

    Main arguments:
        network: an MLP or an Ensemble of CNNs, one a seed; frozen, in evaluation mode.
        accuracy: of each seed on the test images, (S,).
        training_loss: of each seed, the mean cross-entropy over the batches of the last epoch, (S,).
    """

    network: MLP | Ensemble
    accuracy: np.ndarray
    training_loss: np.ndarray


def train_image_teacher(
    train: Images,
    test: Images,
    widths: Sequence[int] = (32, 32, 32, 32),
    *,
    seeds: Sequence[int] = (0,),
    convolutions: bool = True,
    normalisation: Normalisation | None = "before",
    epochs: int = 2,
    batch_size: int = 64,
    learning_rate: float = 0.005,
    dtype: object = "float32",
    device: object = "cpu",
    progress: Callable[[float], object] | None = None,
) -> TrainedTeacher:
    """Classifiers of images, one a seed, that serve as teachers: trained on the labels by cross-entropy.

    Adam, whose learning rate rises from 0 to `learning_rate` in the first fifth of the steps and falls back to 0 over
    the rest. Equal arguments give equal teachers, whatever other seeds are trained beside them, on the same machine;
    PyTorch computes on one thread meanwhile, because sums depend on their number.

    Main arguments:
        train, test: normalised images learn faster, see :func:`practicum.data.normalise`.
        widths: channels, or nodes, of the hidden layers, from the lowest.

    Other arguments:
        seeds: of the weights and of the order of the images.
        convolutions: True for CNNs, False for MLPs, whose inputs are ``images.flat()``.
        normalisation: BatchNorm "before" or "after" each ReLU, or None.
        epochs, batch_size: passes over the images, and images a step; an incomplete last batch is left out.
        learning_rate: the largest; 0.005 suits BatchNorm, without it 0.002 is safe.
        dtype: float32 or float64.
        device: of the tensors.
        progress: called after each epoch with the share that is done.

    Raises:
        ParameterError: bad widths, seeds or numbers, fewer images than a batch, sets of different sizes, or a training
            that diverged.
    """
    seeds = checked_seeds(seeds)
    epochs, batch_size = whole("epochs", epochs, 1), whole("batch_size", batch_size, 1)
    widths = _checked(widths)
    _check(train, test, batch_size, learning_rate)
    kind, where = precision(dtype), place(device)
    classes = max(train.classes, test.classes)
    if convolutions:
        network: MLP | Ensemble = Ensemble(
            CNN(train.shape, widths, classes, normalisation=normalisation).double().draw(generator(seed, "teacher"))
            for seed in seeds
        ).to(device=where, dtype=kind)  # pyright: ignore[reportCallIssue, reportArgumentType]
        arrays = train.inputs, test.inputs
    else:
        sizes = (math.prod(train.shape), *widths, classes)
        check_weights(sizes, len(seeds))
        network = _perceptrons(sizes, seeds, normalisation, dtype, device)
        arrays = train.flat(), test.flat()
    inputs, held_out = (torch.from_numpy(a).to(device=network.device, dtype=network.dtype) for a in arrays)
    labels = torch.from_numpy(train.labels).to(network.device)
    with one_thread():
        loss = _descend(network.train(), inputs, labels, seeds, epochs, batch_size, learning_rate, progress)
    network.eval().requires_grad_(False)
    if not np.isfinite(loss).all():
        raise ParameterError(
            f"The training of the teacher of seed {seeds[int(np.argmin(np.isfinite(loss)))]} diverged; lower "
            f"'learning_rate', which was {learning_rate:g}."
        )
    return TrainedTeacher(network, accuracy(network, held_out, test.labels), loss)


def _perceptrons(
    sizes: Sequence[int], seeds: Sequence[int], normalisation: Normalisation | None, dtype: object, device: object
) -> MLP:
    """MLPs with the weights of PyTorch's defaults; drawn as teachers, lest a student begin where its teacher began."""
    networks = []
    for seed in seeds:
        rng = generator(seed, "teacher")
        drawn = [(rng.uniform(-1, 1, (m, n)) * n**-0.5, rng.uniform(-1, 1, m) * n**-0.5) for n, m in pairwise(sizes)]
        networks.append(tuple(zip(*drawn)))
    return assembled(networks, activation="relu", slope=0.0, normalisation=normalisation, dtype=dtype, device=device)


def accuracy(network: MLP | Ensemble, inputs: Tensor, labels: np.ndarray) -> np.ndarray:
    """The share of inputs (N, ...) whose largest output is that of their label, of each network, (S,)."""
    right = torch.from_numpy(labels).to(network.device)
    with torch.no_grad():
        hits = [
            (network(x.unsqueeze(0)).argmax(-1) == y).sum(-1) for x, y in zip(inputs.split(1000), right.split(1000))
        ]
    return (torch.stack(hits).sum(0).double() / len(labels)).cpu().numpy()


def _descend(
    network: MLP | Ensemble,
    inputs: Tensor,
    labels: Tensor,
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    progress: Callable[[float], object] | None,
) -> np.ndarray:
    """Train in place; the loss of the last epoch, (S,)."""
    batches = len(inputs) // batch_size
    total = epochs * batches
    rise = max(1.0, _WARM_UP * total)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (total - step) / max(1.0, total - rise))
    )
    summed = torch.zeros(len(seeds), dtype=torch.float64, device=inputs.device)
    for epoch in range(epochs):
        orders = np.stack([generator(seed, "teacher", epoch).permutation(len(inputs)) for seed in seeds])
        orders = torch.from_numpy(orders[:, : batches * batch_size]).to(inputs.device)
        summed.zero_()
        for chosen in orders.split(batch_size, dim=1):
            optimizer.zero_grad(set_to_none=True)
            outputs = network(inputs[chosen])
            losses = nn.functional.cross_entropy(outputs.movedim(-1, 1), labels[chosen], reduction="none").mean(1)
            losses.sum().backward()
            optimizer.step()
            schedule.step()
            summed += losses.detach()
        if progress is not None:
            progress((epoch + 1) / epochs)
    return (summed / batches).cpu().numpy()


def _checked(widths: Sequence[int]) -> tuple[int, ...]:
    if isinstance(widths, (str, bytes)) or not hasattr(widths, "__iter__") or not (found := tuple(widths)):
        raise ParameterError(
            "The 'widths' parameter must be a list of whole numbers >= 1, one a hidden layer. Got "
            f"{widths!r:.60} instead."
        )
    return tuple(whole("widths", width, 1) for width in found)


def _check(train: Images, test: Images, batch_size: int, learning_rate: float) -> None:
    if train.shape != test.shape:
        raise ParameterError(
            f"The training images and the test images must have one shape. Got {train.shape} and {test.shape} instead."
        )
    if len(train) < batch_size:
        raise ParameterError(
            f"The 'batch_size' parameter must be <= {len(train)}, the number of training images. Got {batch_size} "
            "instead."
        )
    if not isinstance(learning_rate, (int, float)) or not 0 < learning_rate < float("inf"):
        raise ParameterError(
            f"The 'learning_rate' parameter must be > 0. Got {learning_rate!r:.60} instead; 0.005 is a safe start."
        )

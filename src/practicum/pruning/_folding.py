"""Least squares from Gram matrices: what the numbers that a layer loses can be replaced by, streamed over data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.pruning import _needs
from practicum.pruning._layers import Layer

_ENTRIES = 2**22
"""Numbers of a block of samples: 34 MB in float64."""


class Moments:
    """Number, mean and scatter of vectors that come block by block, in float64.

    Each block is centred by itself and then joined to the others, so that a mean that is large against the deviations
    costs no digits.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(0)
        self.scatter = torch.zeros(0, 0)

    def add(self, rows: Tensor) -> None:
        """Take in vectors (samples, numbers)."""
        rows = rows.double()
        mean = rows.mean(0)
        rows = rows - mean
        if not self.count:
            require("The Gram matrix of what a layer sees", _needs.fit, numbers=len(mean))
            self.mean, self.scatter = torch.zeros_like(mean), mean.new_zeros(len(mean), len(mean))
        total = self.count + len(rows)
        step = mean - self.mean
        self.scatter.addmm_(rows.T, rows)
        self.scatter.addr_(step, step, alpha=self.count * len(rows) / total)
        self.mean += step * (len(rows) / total)
        self.count = total

    def gram(self, centred: bool) -> Tensor:
        """Sum of x xT, or of (x - mean)(x - mean)T."""
        return self.scatter if centred else self.scatter.addr(self.mean, self.mean, alpha=self.count)


def samples(layer: Layer, inputs: Tensor) -> Iterator[Tensor]:
    """What the rows of a layer's weight are multiplied with, block by block, (samples, numbers).

    Of a convolution these are its patches, with the padding in them, so that what is fitted to them is exact also at
    the border of a picture.

    Raises:
        ParameterError: a convolution with groups or over three axes.
    """
    if isinstance(layer, nn.Linear):
        rows = inputs.reshape(-1, inputs.shape[-1])
        yield from rows.split(max(1, _ENTRIES // rows.shape[1]))
        return
    check_patches(layer)
    flat = isinstance(layer, nn.Conv1d)  # pictures of height 1
    padded = _padded(cast(nn.Conv2d, layer), inputs)
    steps = {name: _pair(getattr(layer, name), flat) for name in ("kernel_size", "dilation", "stride")}
    size, stride = layer.weight[0].numel(), math.prod(steps["stride"])
    images = max(1, _ENTRIES * stride // (size * max(1, inputs[0, 0].numel())))
    for part in (padded.unsqueeze(2) if flat else padded).split(images):
        patches = nn.functional.unfold(part, **steps)
        yield patches.transpose(1, 2).reshape(-1, size)


def check_patches(layer: Layer) -> None:
    """One sentence if the patches of a convolution are not known."""
    if isinstance(layer, nn.Conv3d) or (isinstance(layer, (nn.Conv1d, nn.Conv2d)) and layer.groups != 1):
        what = "over three axes" if isinstance(layer, nn.Conv3d) else f"of {layer.groups} groups"
        raise ParameterError(
            f"Reweighting knows convolutions over one or two axes, without groups. Got one {what} instead; leave it "
            "without reweighting."
        )


def fold(layer: Layer, stays: Tensor, moments: Moments, ridge: float) -> None:
    """Remove numbers from what a layer sees, and let those that stay speak for them.

    Main arguments:
        stays: True for what stays, (numbers,) for all units of the layer, or (units, numbers), each its own.
        moments: of what the layer sees.
        ridge: see :func:`practicum.pruning.reweight`.
    """
    old = layer.weight.detach().double().flatten(1)
    gram = moments.gram(layer.bias is not None)
    penalty = ridge * float(gram.trace()) / len(gram)
    stays = stays.to(old.device)
    new = old * stays
    aims = (old - new) @ gram  # covariances of all numbers with what is lost, (units, numbers)
    if stays.ndim == 1:
        new[:, stays] += solve(gram[stays][:, stays], aims[:, stays].T, penalty).T
    else:
        for unit, mask in enumerate(stays):
            kept = mask.nonzero()[:, 0]
            block = gram.index_select(0, kept).index_select(1, kept)
            new[unit, kept] += solve(block, aims[unit, kept, None], penalty)[:, 0]
    replace(layer, new, (old - new) @ moments.mean)


def refit(layer: nn.Linear, stays: Tensor, moments: Moments, ridge: float) -> None:
    """Give a layer the weights with which it answers most like another, from what stays of the numbers it sees.

    Main arguments:
        stays: (numbers,), True for what stays.
        moments: of what it sees, followed by the other's answers.
        ridge: see :func:`practicum.pruning.reweight`.
    """
    gram = moments.gram(layer.bias is not None)
    seen = layer.in_features
    penalty = ridge * float(gram[:seen, :seen].trace()) / seen
    kept = stays.to(gram.device).nonzero()[:, 0]
    new = layer.weight.detach().new_zeros(layer.weight.shape, dtype=torch.float64)
    new[:, kept] = solve(gram[kept][:, kept], gram[kept, seen:], penalty).T
    bias = moments.mean[seen:] - new @ moments.mean[:seen]
    replace(layer, new, bias if layer.bias is None else bias - layer.bias.detach())


def solve(gram: Tensor, aims: Tensor, penalty: float) -> Tensor:
    """x with (gram + penalty) x = aims; of several, as without a penalty there may be, the shortest.

    Main arguments:
        gram: (n, n), symmetric and without negative eigenvalues but for roundings.
        aims: (n, m).
    """
    if penalty > 0:
        shifted = gram.clone()
        shifted.diagonal().add_(penalty)
        factor, failed = torch.linalg.cholesky_ex(shifted)
        if not failed:
            return torch.cholesky_solve(aims, factor)
    if not len(gram):
        return torch.zeros_like(aims)
    values, vectors = torch.linalg.eigh(gram)
    small = values <= len(values) * torch.finfo(values.dtype).eps * values[-1]
    inverse = torch.where(small, 0.0, 1 / torch.where(small, 1.0, values + penalty))
    return vectors @ (inverse[:, None] * (vectors.T @ aims))


@torch.no_grad()
def replace(layer: Layer, weight: Tensor, added: Tensor) -> None:
    """Give a layer other weights (units, numbers), and add to its bias, if it has one."""
    layer.weight.copy_(weight.view_as(layer.weight))
    if layer.bias is not None:
        layer.bias.copy_(layer.bias.double() + added)


def _padded(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size)]
    if layer.padding == "same":
        sides = [(r // 2, r - r // 2) for r in reach]
    elif layer.padding == "valid":
        sides = [(0, 0) for _ in reach]
    else:
        sides = [(int(p), int(p)) for p in layer.padding]
    both = [n for side in reversed(sides) for n in side]  # torch names the last axis first
    return nn.functional.pad(inputs, both, mode="constant" if layer.padding_mode == "zeros" else layer.padding_mode)


def _pair(value: Any, flat: bool) -> tuple[int, ...]:
    return (1, *value) if flat else tuple(value)

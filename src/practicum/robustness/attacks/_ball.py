"""The ball in which a perturbation must stay: starts, steps and projections, in place.

A row has its own radius, so that all radii are attacked in one batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

ALLOWED = 1e-6
"""Relative excess of a distance over its radius that rounding may cause."""


class Ball:
    """Balls around clean inputs, cut off by a box and by a subspace if there are any.

    Main arguments:
        norm: "linf" or "l2".
        clean: (S, R, ...).
        radii: (R,).

    Other arguments:
        rows: clean rows, of which there is a copy for every radius; R if not given.
        box: (lowest, highest) value of an input, or None.
        basis: orthonormal columns (d, r) of a subspace, or None; `side` "inside" keeps perturbations in it, "outside"
            in its orthogonal complement.
    """

    def __init__(
        self,
        norm: str,
        clean: Tensor,
        radii: Tensor,
        rows: int | None = None,
        *,
        box: tuple[float, float] | None = None,
        basis: Tensor | None = None,
        side: str | None = None,
    ) -> None:
        self.norm, self.clean, self.box = norm, clean, box
        self.basis, self.side = basis, side
        self.rows = len(radii) if rows is None else rows
        self.copies = len(radii) // self.rows
        self.chosen: Tensor | None = None
        self.shape = (len(radii), *[1] * (clean.ndim - 2))
        first = float(radii[0]) if len(radii) else 0.0
        self.one: float | None = first if len(radii) and bool((radii == first).all()) else None
        self.given, self.radii = radii, radii.to(clean.dtype).view(self.shape)

    @cached_property
    def bounds(self) -> tuple[Tensor, Tensor] | None:
        """Lowest and highest inputs, where they are all that confines a point; sums are rounded inwards."""
        if self.norm != "linf" or self.side is not None:
            return None
        return _bounds(self.clean, self.one, self.given.view(self.shape), self.box)

    def take(self, chosen: Tensor) -> Ball:
        """The balls of some rows only, which begin where they would begin among the others."""
        part = Ball(
            self.norm, self.clean[:, chosen], self.given[chosen], box=self.box, basis=self.basis, side=self.side
        )
        part.rows, part.copies, part.chosen = (
            self.rows,
            self.copies,
            chosen if self.chosen is None else self.chosen[chosen],
        )
        return part

    def start(self, rngs: Sequence[np.random.Generator]) -> Tensor:
        """Uniform in the ball, (S, R, ...): a row has the same direction for every radius.

        Main arguments:
            rngs: one for all seeds, which then have the same directions, or one a seed.
        """
        rows = self.rows
        each = [self._unit(rng, (rows, *self.clean.shape[2:])) for rng in rngs]
        unit = torch.from_numpy(np.stack(each)).to(self.clean)
        if self.side is not None:
            # A normal vector stays normal when it is projected: its direction is uniform within the subspace.
            unit = self._confined(unit)
            if self.norm == "linf":
                unit = unit / _largest(unit).clamp_min(1.0)
        if self.norm == "l2":
            dimension = int(np.prod(self.clean.shape[2:])) if self.side is None else self._dimension()
            radius = np.stack([rng.random(rows) ** (1.0 / dimension) for rng in rngs])
            length = torch.from_numpy(radius).to(self.clean).view(len(rngs), rows, *self.shape[1:])
            unit = unit * (length / _length(unit).clamp_min(1e-30))
        unit = unit if self.copies == 1 else unit.repeat(1, self.copies, *[1] * (unit.ndim - 2))
        unit = unit if self.chosen is None else unit[:, self.chosen]
        moved = self.clean + self.radii * unit
        return self.confine_(moved if moved.shape == self.clean.shape else moved.expand(self.clean.shape).clone())

    def direction_(self, gradient: Tensor) -> Tensor:
        """The step of size 1 along which a loss rises most, in place of its gradient."""
        if self.side is not None:
            gradient = self._confined(gradient)
        if self.norm == "linf":
            gradient.sign_()
            return gradient if self.side is None else self._confined(gradient)
        # A gradient of 1e-30 has a direction too; only that of exactly 0 has none.
        scale = _largest(gradient)
        gradient.div_(torch.where(scale > 0, scale, torch.ones_like(scale)))
        return gradient.div_(_length(gradient).clamp_min(1e-30))

    def step_(self, inputs: Tensor, direction: Tensor, size: float) -> Tensor:
        """Move by `size` radii along a direction of size 1, and back into the ball."""
        if self.one is not None:
            inputs.add_(direction, alpha=size * self.one)
        else:
            inputs.addcmul_(direction, (size * self.radii).expand_as(direction))
        return self.confine_(inputs)

    def confine_(self, inputs: Tensor) -> Tensor:
        """The nearest point of the ball (with "linf" on a side of a subspace the point on the way to the centre)."""
        if self.bounds is not None:
            return torch.clamp(inputs, *self.bounds, out=inputs)
        inputs.sub_(self.clean)
        if self.side is not None:
            inputs = self._confined(inputs)
        length = _length(inputs) if self.norm == "l2" else _largest(inputs)
        inputs.mul_((self.radii / length.clamp_min(1e-30)).clamp_max(1.0)).add_(self.clean)
        return inputs if self.box is None else inputs.clamp_(*self.box)

    def exact_(self, inputs: Tensor) -> Tensor:
        """Within the radius to one part in a million as the numbers stand, whatever adding and rounding did."""
        if self.norm == "linf" and self.side is None:
            return inputs  # the bounds were rounded inwards
        for _ in range(4):
            distance = distances(self.norm, inputs, self.clean)
            limit = self.radii.double().view(-1)
            over = distance > limit * (1 + 0.5 * ALLOWED)
            if not bool(over.any()):
                return inputs
            factor = torch.where(over, limit / distance.clamp_min(1e-300) * (1 - ALLOWED), torch.ones_like(distance))
            factor = factor.view(*factor.shape, *self.shape[1:])
            rest = (inputs.double() - self.clean.double()) * factor
            inputs.copy_((self.clean.double() + rest).to(inputs.dtype))
        # So small a radius beside so large an input that no number lies between: then nothing moves.
        over = distances(self.norm, inputs, self.clean) > self.radii.double().view(-1) * (1 + 0.5 * ALLOWED)
        inputs.copy_(torch.where(over.view(*over.shape, *self.shape[1:]), self.clean, inputs))
        return inputs

    def _unit(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        kind: Any = np.float32 if self.clean.dtype == torch.float32 else np.float64
        if self.norm == "l2":
            return rng.standard_normal(shape, dtype=kind)
        values = rng.random(shape, dtype=kind)
        values *= 2
        values -= 1
        return values

    def _confined(self, values: Tensor) -> Tensor:
        assert self.basis is not None
        flat = values.flatten(2)
        inside = (flat @ self.basis) @ self.basis.mT
        return (inside if self.side == "inside" else flat - inside).view(values.shape)

    def _dimension(self) -> int:
        assert self.basis is not None
        whole, rank = self.basis.shape
        return rank if self.side == "inside" else max(whole - rank, 1)


def all_finite(values: Tensor) -> bool:
    """Whether all numbers are finite. One that is not spoils the sum, which costs a third of looking at each."""
    return math.isfinite(float(values.sum())) or bool(torch.isfinite(values).all())


def distances(norm: str, inputs: Tensor, clean: Tensor) -> Tensor:
    """Of every row (S, R), in float64, of the numbers as they are."""
    if norm == "linf":  # the difference of two numbers of one precision is right to the last digit but one
        low, high = (inputs - clean).flatten(2).aminmax(dim=-1)
        return torch.maximum(high, -low).double()
    return torch.linalg.vector_norm((inputs.double() - clean.double()).flatten(2), dim=-1)


def _bounds(clean: Tensor, one: float | None, radii: Tensor, box: tuple[float, float] | None) -> tuple[Tensor, Tensor]:
    near = radii.to(clean.dtype) if one is None else one
    low, high = clean - near, clean + near
    # Where an input is large beside the radius, rounding the sum shows; then the bounds are rounded inwards.
    smallest = float(radii.min()) if radii.numel() else 0.0
    if max(map(abs, map(float, clean.aminmax()))) * torch.finfo(clean.dtype).eps > ALLOWED * smallest:
        exact = clean.double()
        inwards = torch.full_like(low, torch.inf)
        low = torch.where(low.double() < exact - radii.double(), torch.nextafter(low, inwards), low)
        high = torch.where(high.double() > exact + radii.double(), torch.nextafter(high, -inwards), high)
    return (low, high) if box is None else (low.clamp_(min=box[0]), high.clamp_(max=box[1]))


def _length(values: Tensor) -> Tensor:
    """Euclidean length of every row, of a shape that multiplies rows."""
    found = torch.linalg.vector_norm(values.flatten(2), dim=-1)
    return found.view(*found.shape, *[1] * (values.ndim - 2))


def _largest(values: Tensor) -> Tensor:
    found = values.flatten(2).abs().amax(-1)
    return found.view(*found.shape, *[1] * (values.ndim - 2))

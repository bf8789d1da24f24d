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

_SMALL = 1e-15
"""Lengths whose squares are far from the smallest numbers."""

_ROUNDS, _PULL, _RELAXED = 10, 3.0, 1.6
"""Of the search for the nearest point of a side within a cube; measured, 20 rounds gain 0.4 % more."""


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
        part.rows, part.copies = self.rows, self.copies
        part.chosen = chosen if self.chosen is None else self.chosen[chosen]
        return part

    def start(self, rngs: Sequence[Any]) -> Tensor:
        """Uniform in the ball, (S, R, ...): a row has the same direction for every radius.

        With "linf" on a side of a subspace it is a point of the cube, projected, and shortened if need be.

        Main arguments:
            rngs: one for all seeds, which then have the same directions, or one a seed.
        """
        rows, entries = self.rows, tuple(self.clean.shape[2:])
        each = [self._unit(rng, (rows, *entries)) for rng in rngs]
        unit = torch.from_numpy(np.stack(each)).to(self.clean)
        if self.side is not None:
            # A normal vector stays normal when it is projected: its direction is uniform within the subspace.
            unit = self._confined(unit)
            if self.norm == "linf":
                unit = unit / _largest(unit).clamp_min(1.0)
        if self.norm == "l2":
            dimension = math.prod(entries) if self.side is None else self._dimension()
            radius = np.stack([rng.random((rows,)) ** (1.0 / dimension) for rng in rngs])
            length = torch.from_numpy(radius).to(self.clean).view(len(rngs), rows, *self.shape[1:])
            unit = unit * (length / _length(unit).clamp_min(1e-30))
        unit = unit if self.copies == 1 else unit.repeat(1, self.copies, *[1] * (unit.ndim - 2))
        unit = unit if self.chosen is None else unit[:, self.chosen]
        return self.confine_(self.clean + self.radii * unit)

    def direction_(self, gradient: Tensor) -> Tensor:
        """The step of size 1 along which a loss rises most, in place of its gradient.

        With "linf" on a side of a subspace it is the gradient there, in units of the mean size of its entries: signs
        would leave the side, and projecting them would turn them away from the gradient.
        """
        if self.side is not None:
            gradient = self._confined(gradient)
        elif self.norm == "linf":
            return gradient.sign_()
        size = _length if self.norm == "l2" else _mean
        length = size(gradient)
        small = (length < _SMALL).view(length.shape[:2])
        if bool(small.any()):
            # A gradient of 1e-30 has a direction too, though its square is 0; only that of exactly 0 has none.
            some = gradient[small].unsqueeze(0)
            scale = _largest(some)
            some.div_(torch.where(scale > 0, scale, torch.ones_like(scale)))
            gradient[small], length[small] = some.squeeze(0), size(some).clamp_min_(_SMALL).squeeze(0)
        return gradient.mul_(length.reciprocal_())

    def step_(self, inputs: Tensor, direction: Tensor, size: float) -> Tensor:
        """Move by `size` radii along a direction of size 1, and back into the ball."""
        if self.one is not None:
            inputs.add_(direction, alpha=size * self.one)
        else:
            inputs.addcmul_(direction, (size * self.radii).expand_as(direction))
        return self.confine_(inputs)

    def confine_(self, inputs: Tensor) -> Tensor:
        """The nearest point of the ball, and then of the box."""
        if self.bounds is not None:
            return torch.clamp(inputs, *self.bounds, out=inputs)
        inputs.sub_(self.clean)
        if self.side is not None:
            inputs = self._confined(inputs) if self.norm == "l2" else self._in_the_cube(inputs)
        length = _length(inputs) if self.norm == "l2" else _largest(inputs)
        inputs.mul_((self.radii / length.clamp_min(1e-30)).clamp_max(1.0)).add_(self.clean)
        return inputs if self.box is None else inputs.clamp_(*self.box)

    def exact_(self, inputs: Tensor) -> Tensor:
        """Within the radius to one part in a million as the numbers stand, whatever adding and rounding did."""
        if self.norm == "linf" and self.side is None:
            return inputs  # the bounds were rounded inwards
        distance, limit = distances(self.norm, inputs, self.clean), self.given.double()
        over = distance > limit * (1 + 0.5 * ALLOWED)
        if not bool(over.any()):
            return inputs
        flags, factor = (each.view(*each.shape, *self.shape[1:]) for each in (over, limit / distance.clamp_min(1e-300)))
        rest = (inputs.double() - self.clean.double()) * factor
        found = (self.clean.double() + rest).to(inputs.dtype)
        # Rounded towards the clean input, lest rounding lengthen it again.
        longer = (found.double() - self.clean.double()).abs() > rest.abs()
        found = torch.where(longer, torch.nextafter(found, self.clean), found)
        return inputs.copy_(torch.where(flags, found, inputs))

    def _in_the_cube(self, offsets: Tensor) -> Tensor:
        """On the side, near the nearest point whose entries are within the radius: at most a little longer.

        Alternating directions, over-relaxed: the side and the cube each pull the other's point towards themselves.
        Merely to shorten what is too long costs a third of what a linear loss can gain.
        """
        wanted = self._confined(offsets)
        if bool((_largest(wanted) <= self.radii * (1 + ALLOWED)).all()):
            return wanted
        point, radii = wanted, self.radii.expand_as(wanted)
        inside, rest = wanted.clamp(-radii, radii), torch.zeros_like(wanted)
        for _ in range(_ROUNDS):
            point = self._confined((wanted + _PULL * (inside - rest)) / (1 + _PULL))
            ahead = _RELAXED * point + (1 - _RELAXED) * inside + rest
            inside = ahead.clamp(-radii, radii)
            rest = ahead - inside
        return point

    def _unit(self, rng: Any, shape: tuple[int, ...]) -> np.ndarray:
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
        return rank if self.side == "inside" else whole - rank


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
    smallest, largest = (float(end) for end in radii.aminmax()) if radii.numel() else (0.0, 0.0)
    rounding = (max(map(abs, map(float, clean.aminmax()))) + largest) * torch.finfo(clean.dtype).eps / 2
    if rounding > 0.9 * ALLOWED * smallest:
        limit = (radii * (1 + 0.5 * ALLOWED)).to(clean.dtype)
        low, high = _inwards(low, clean, limit), _inwards(high, clean, limit)
    return (low, high) if box is None else (low.clamp_(min=box[0]), high.clamp_(max=box[1]))


def _inwards(bound: Tensor, clean: Tensor, limit: Tensor) -> Tensor:
    over = (bound - clean).abs_() > limit
    return torch.where(over, torch.nextafter(bound, clean), bound) if bool(over.any()) else bound


def _length(values: Tensor) -> Tensor:
    """Euclidean length of every row, of a shape that multiplies rows."""
    found = torch.linalg.vector_norm(values.flatten(2), dim=-1)
    return found.view(*found.shape, *[1] * (values.ndim - 2))


def _largest(values: Tensor) -> Tensor:
    found = values.flatten(2).abs().amax(-1)
    return found.view(*found.shape, *[1] * (values.ndim - 2))


def _mean(values: Tensor) -> Tensor:
    found = values.flatten(2).abs().mean(-1)
    return found.view(*found.shape, *[1] * (values.ndim - 2))

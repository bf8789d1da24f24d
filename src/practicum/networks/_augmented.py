"""Inputs that are placed where they teach most: around the teacher's hyperplanes, or around each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from practicum.errors import ParameterError
from practicum.networks._law import LawValue, Width, lowest_layer
from practicum.values import whole

if TYPE_CHECKING:
    from practicum.networks.inputs import GaussianInputs
    from practicum.networks.mlp import MLP


class _Augmented(LawValue):
    """Laws for training whose held-out examples are plain Gaussian ones of the same scale."""

    dimension: Width = 100
    scale: float = Field(default=1.5, gt=0, json_schema_extra={"remedy": "It is a standard deviation."})

    @property
    def held_out(self) -> GaussianInputs:
        """N(0, scale^2 I): what was learnt from chosen examples is tested on examples that nobody chose."""
        from practicum.networks.inputs import GaussianInputs

        return GaussianInputs(dimension=self.dimension, scale=self.scale)


class TeacherAwareInputs(_Augmented):
    """Triples of points on both sides of the hyperplanes of the teacher's lowest layer.

    A triple belongs to a node (w, b): ``x0``, a Gaussian point ``x ~ N(0, scale^2 I)`` projected onto the hyperplane
    ``w . x + b = 0`` at a right angle; ``x0 + a w/|w|``; and ``x0 - a w/|w|``, with one a ~ U[shift, shift + spread)
    for both. Triples take turns over the nodes: triple t belongs to node t mod m. N examples are the first N of that
    sequence, so that each node has its N/m up to less than 3, and the last triple may be incomplete.

    No row is rescaled afterwards: the public code of the source gives all rows one norm, which moves the points off
    their planes. It also divides by the last coordinate of a projected (x, 1) instead of projecting x, which makes
    heavy tails; here the points on a plane are Gaussian.

    Main arguments:
        dimension: d, the teacher's inputs.
        scale: standard deviation of the points before they are projected.
        shift: mu >= 0, the smallest distance of a shifted point from its plane.
        spread: s >= 0, the distances lie between mu and mu + s; the source used mu = s = 2.

    Raises:
        ParameterError: no teacher, one of other inputs, or one with a node whose weights are all zero.

    Thirty examples of the defaults gave a mean best correlation of 0.82, 0.94 and 0.97 on held-out Gaussian inputs with
    1, 2 and 5 times the teacher's nodes (d = 100, m = 5, decay 1, 16 seeds, 100 000 steps); thirty Gaussian ones 0.26.

    Source: section 5 of Tian, arXiv:1909.13458 ("teacher-aware dataset").
    """

    around_teacher: ClassVar[bool] = True

    kind: Literal["teacher-aware"] = "teacher-aware"
    shift: float = Field(default=2.0, ge=0, json_schema_extra={"remedy": "It is a distance from a hyperplane."})
    spread: float = Field(default=2.0, ge=0, json_schema_extra={"remedy": "0 puts all points at one distance."})

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        count = whole("count", count, 1)
        weight, bias = lowest_layer("TeacherAwareInputs", teacher, seed_index, self.dimension)
        norm = np.linalg.norm(weight, axis=1)
        if not norm.all():
            raise ParameterError(
                f"Node {int(np.argmin(norm))} of the teacher's lowest layer has no hyperplane, because its weights are "
                "all zero; remove it from the teacher."
            )
        triples = -(-count // 3)
        node = np.arange(triples) % len(weight)
        normal, offset = (weight / norm[:, None])[node], (bias / norm)[node]
        points = self.scale * rng.standard_normal((triples, self.dimension))
        distance = self.shift + self.spread * rng.random(triples)
        points -= (np.einsum("td,td->t", points, normal) + offset)[:, None] * normal
        steps = distance[:, None] * normal
        return np.stack([points, points + steps, points - steps], axis=1).reshape(-1, self.dimension)[:count]


class TeacherAgnosticInputs(_Augmented):
    """Gaussian points, each with its neighbours along the vectors of an orthonormal basis.

    A group is ``x ~ N(0, scale^2 I)`` and its neighbours, k = `directions` different vectors u_1 ... u_k of the basis:

    * two-sided, 2 k + 1 points: ``x, x + step u_1, x - step u_1, ..., x + step u_k, x - step u_k``;
    * one-sided, k + 1 points: ``x, x + step u_1, ..., x + step u_k``.

    N examples are the first N of a sequence of groups; the last group may be incomplete. So with all d directions and
    fewer than 2 d + 1 examples there is one base point alone; take fewer directions then.

    Main arguments:
        dimension: d.
        scale: standard deviation of the base points.
        step: epsilon > 0, the distance of the neighbours.

    Other arguments:
        directions: k, 1 <= k <= d, drawn anew for each group; None takes all d, in order.
        sides: 2 or 1, see above.
        basis: "random" draws one basis from the same generator, uniform among all (Haar); "standard" steps along the
            coordinates.

    Raises:
        ParameterError: more directions than dimensions.

    Source: the teacher-agnostic augmentation of the theory in Tian, arXiv:1909.13458. No measurement was published. In
    the setting of :class:`TeacherAwareInputs`, with twice the teacher's nodes, 195 examples gave 0.48 (2 directions of
    step 1) and 0.57 (step 5), as many independent Gaussian ones 0.75: a neighbour teaches less than a new point.
    """

    kind: Literal["teacher-agnostic"] = "teacher-agnostic"
    step: float = Field(default=1.0, gt=0, json_schema_extra={"remedy": "It is the distance of the neighbours."})
    directions: int | None = Field(default=None, ge=1)
    sides: Literal[1, 2] = 2
    basis: Literal["random", "standard"] = "random"

    @model_validator(mode="after")
    def _fits(self) -> TeacherAgnosticInputs:
        if self.directions is not None and self.directions > self.dimension:
            raise ParameterError(
                f"The 'directions' parameter of TeacherAgnosticInputs must be <= {self.dimension}, the dimension, "
                f"because a basis has no more vectors. Got {self.directions} instead; None takes all."
            )
        return self

    def sample(
        self, rng: np.random.Generator, count: int, teacher: MLP | None = None, seed_index: int = 0
    ) -> np.ndarray:
        count, d = whole("count", count, 1), self.dimension
        k = d if self.directions is None else self.directions
        basis = np.eye(d)
        if self.basis == "random":
            Q, R = np.linalg.qr(rng.standard_normal((d, d)))
            basis = Q.T * np.where(np.diag(R) < 0, -1.0, 1.0)[:, None]  # rows; without the signs not uniform
        groups = -(-count // (self.sides * k + 1))
        base = self.scale * rng.standard_normal((groups, d))
        chosen = np.arange(d)[None] if k == d else rng.random((groups, d)).argsort(axis=1)[:, :k]
        steps = self.step * basis[chosen]
        if self.sides == 2:
            steps = np.stack([steps, -steps], axis=2).reshape(len(steps), 2 * k, d)
        points = np.concatenate([base[:, None], base[:, None] + steps], axis=1)
        return points.reshape(-1, d)[:count]

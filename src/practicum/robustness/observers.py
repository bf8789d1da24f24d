"""Who resembles whom inside and outside the data subspace while a network trains: an observer for ``networks.fit``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks.mlp import MLP
from practicum.networks.randomness import generator
from practicum.robustness._searches import ERRORS
from practicum.robustness.attacks.base import Attack
from practicum.robustness.errors import robust_errors
from practicum.specialization.matching import best_correlation
from practicum.specialization.streams import follow
from practicum.values import nearest, whole

Observation = dict[str, tuple[tuple[str, ...], np.ndarray]]


class InsideOutside:
    """How much the lowest hidden layer resembles the teacher's on inputs inside the data subspace, and outside it.

    Of every seed: ``inside``, the mean best signed correlation of the teacher nodes on inputs scale * U z with
    z ~ N(0, I_r); ``outside``, the same on scale * V z, V spanning the complement, so that both have one standard
    deviation along each of their directions; ``off_subspace_weight_change``, |W V - W0 V| / |W0 V| (Frobenius) of the
    lowest weights W and those of the start W0, NaN where W0 has no part outside. A seed that has diverged has NaN.

    SGD never moves W V, momentum or not, and weight decay only shrinks it. Adam, noise on the inputs, augmentation and
    adversarial training do move it.

    Main arguments:
        subspace: U, orthonormal columns (d, r), r < d.
        students: an MLP, the one that will be trained, before its training: its weights are W0. It is looked at again
            to tell which seed is which, since students are observed one by one.

    Other arguments:
        scale: of the inputs that correlations are taken over.
        samples: inputs inside, and as many outside; the same for all seeds and at all times.
        epsilon: if given, a robust error at this radius is observed, too, on the held-out inputs.
        error: which one, by its name in :func:`~practicum.robustness.errors.robust_errors`.
        attack: how to search for it; one with a `side` has the subspace.
        attacked: how many of the held-out inputs.
        seed: of the inputs and of the attack.

    Raises:
        ParameterError: columns that are not orthonormal or leave nothing outside, no MLP, an unknown error; on a call,
            if the students are not those that the observer was made for.
    """

    def __init__(
        self,
        subspace: Any,
        students: MLP,
        *,
        scale: float = 1.0,
        samples: int = 2000,
        epsilon: float | None = None,
        error: str = "oracle_squared_error",
        attack: Attack | None = None,
        attacked: int = 500,
        seed: int = 0,
    ) -> None:
        if not isinstance(students, MLP):
            raise ParameterError(
                "InsideOutside needs students that are an MLP, because it looks at the weights of their lowest layer. "
                f"Got {type(students).__name__} instead."
            )
        if error not in ERRORS:
            raise ParameterError(
                f"There is no robust error {error!r:.60}; there is {', '.join(ERRORS)}."
                f"{nearest(str(error), list(ERRORS))}"
            )
        self.subspace, self.students = _basis(subspace, students.sizes[0]), students
        self.epsilon, self.error, self.attack = epsilon, error, attack
        self.attacked, self.seed = whole("attacked", attacked, 1), whole("seed", seed, 0)
        dimension, rank = self.subspace.shape
        complement = np.linalg.qr(self.subspace, mode="complete")[0][:, rank:]
        count = whole("samples", samples, 2)
        drawn = [
            scale * generator(seed, "held-out", part).standard_normal((1, count, size))
            for part, size in enumerate((rank, dimension - rank))
        ]
        like = students.weights[0].detach()
        self.inside, self.outside = (
            torch.from_numpy(points @ basis.T).to(like) for points, basis in zip(drawn, (self.subspace, complement))
        )
        self.complement = torch.from_numpy(complement).to(like.device)
        self.start = like.double() @ self.complement

    def __call__(self, teacher: nn.Module, students: nn.Module, inputs: Tensor) -> Observation:
        """What can be seen of the students as they are; arrays over the seeds."""
        if not isinstance(students, MLP) or not isinstance(teacher, MLP):
            raise ParameterError(
                "InsideOutside looks at perceptrons, teacher and students. Got "
                f"{type(teacher).__name__} and {type(students).__name__} instead."
            )
        found: Observation = {
            "inside": (("seed",), self._resemblance(teacher, students, self.inside)),
            "outside": (("seed",), self._resemblance(teacher, students, self.outside)),
            "off_subspace_weight_change": (("seed",), self._change(students)),
        }
        if self.epsilon is not None:
            side = None if self.attack is None else self.attack.side
            part = inputs[..., : self.attacked, :]
            errors = robust_errors(
                students, part, self.epsilon, teacher=teacher, attack=self.attack, kinds=[self.error], side=side,
                subspace=None if side is None else self.subspace, seed=self.seed,
            )  # fmt: skip
            found[self.error] = (("seed",), errors[self.error].values[0])
        return found

    def _resemblance(self, teacher: MLP, students: MLP, inputs: Tensor) -> np.ndarray:
        (layer,) = follow(teacher, students, [inputs], ["1"], activity=False)
        rho = layer.correlation.rho
        return best_correlation(rho.reshape(-1, *rho.shape[-2:])).mean(-1)

    def _change(self, students: MLP) -> np.ndarray:
        start = self.start[self._places(students)]
        change = students.weights[0].detach().double() @ self.complement - start
        with np.errstate(invalid="ignore", divide="ignore"):
            moved, size = (torch.linalg.matrix_norm(part).cpu().numpy() for part in (change, start))
            return np.where(size > 0, moved / size, np.nan)

    def _places(self, students: MLP) -> list[int]:
        """Which of the students these are: all, or the one whose weights are the same now."""
        if students.seeds == self.students.seeds:
            return list(range(students.seeds))
        own = students.weights[0].detach()
        same = (self.students.weights[0].detach() == own) | own.isnan()
        found = same.flatten(1).all(1).nonzero()
        if students.seeds != 1 or not len(found):
            raise ParameterError(
                "InsideOutside must observe the students that it was made for, because it compares their weights with "
                "those of the start. Got others; make one for each training, with the students that fit trains."
            )
        return [int(found[0])]


def _basis(subspace: Any, dimension: int) -> np.ndarray:
    found = np.asarray(subspace, dtype=float)
    if found.ndim != 2 or found.shape[0] != dimension or not 1 <= found.shape[1] < dimension:
        raise ParameterError(
            f"The 'subspace' of InsideOutside must have shape ({dimension}, r) with 1 <= r < {dimension}, a column a "
            f"direction, because something must be outside. Got {found.shape} instead; LowRankInputs(...).subspace() "
            "is one."
        )
    if not np.abs(found.T @ found - np.eye(found.shape[1])).max() < 1e-5:
        raise ParameterError(
            "The columns of the 'subspace' of InsideOutside must be orthonormal. Got others; "
            "numpy.linalg.qr(subspace)[0] makes them so."
        )
    return found

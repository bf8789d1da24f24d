"""The order parameters: everything a network of infinite width needs to know about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.memory import require
from practicum.theory import _needs
from practicum.values import nearest, real, whole

_PSD_TOLERANCE = 1e-9
_LARGEST = 1e305


def _array(name: str, value: ArrayLike, ndim: int) -> np.ndarray:
    try:
        if np.iscomplexobj(value):  # NumPy would leave out the imaginary part
            raise TypeError
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"The '{name}' parameter of OrderParameters must be a {ndim}-dimensional array of numbers. "
            f"Got {value!r:.80} instead."
        ) from None
    if array.ndim != ndim or array.size == 0:
        raise ParameterError(
            f"The '{name}' parameter of OrderParameters must have {ndim} dimension(s) and at least one entry. "
            f"Got shape {array.shape} instead."
        )
    if not np.isfinite(array).all():
        where = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
        raise ParameterError(
            f"The '{name}' parameter of OrderParameters must be finite. Got {array[where]} at index {where} instead."
        )
    array.setflags(write=False)
    return array


def _number(method: str, name: str, value: Any) -> float:
    """A finite number as a float, or one sentence."""
    if not abs(real(value)) < np.inf:
        raise ParameterError(
            f"The '{name}' parameter of OrderParameters.{method} must be a finite number. Got {value!r:.80} instead."
        )
    return float(value)


def _require_symmetric_psd(name: str, array: np.ndarray, why: str) -> None:
    scale = max(float(np.abs(array).max()), 1e-300)
    if array.shape[0] != array.shape[1] or np.abs(array - array.T).max() > _PSD_TOLERANCE * scale:
        raise ParameterError(
            f"{name} must be a symmetric matrix, because {why}. Got shape {array.shape}"
            + (f" with an asymmetry of {np.abs(array - array.T).max():.3g}" if array.shape[0] == array.shape[1] else "")
            + " instead; OrderParameters.from_weights(J, B) builds consistent ones."
        )
    # Of vectors of unit length, or the largest norm would set the tolerance for all others.
    lengths = np.sqrt(np.maximum(np.diag(array), 1e-12 * scale))
    if np.linalg.eigvalsh((array + array.T) / (2 * np.outer(lengths, lengths)))[0] < -_PSD_TOLERANCE:
        smallest = float(np.linalg.eigvalsh((array + array.T) / 2)[0])
        raise ParameterError(
            f"{name} must be positive semidefinite, because {why}. Its smallest eigenvalue is {smallest:.3g}; "
            "shrink the off-diagonal overlaps, or build it with OrderParameters.from_weights(J, B)."
        )


@dataclass(frozen=True, eq=False, init=False)
class OrderParameters:
    """Overlaps of student and teacher weights, and the fan-outs of both.

    Main arguments:
        Q: student-student overlaps ``J J^T``, shape (K, K).
        R: student-teacher overlaps ``J B^T``, shape (K, M).
        T: teacher-teacher overlaps ``B B^T``, shape (M, M); the identity if not given.

    Other arguments:
        v: student fan-out, shape (K,); ones if not given (a soft committee machine).
        v_star: teacher fan-out, shape (M,); ones if not given.

    Raises:
        ParameterError: a shape does not fit, an entry is not finite, Q or T is not symmetric positive
            semidefinite, or ``[[Q, R], [R^T, T]]`` is not (no weights have such overlaps).
    """

    Q: np.ndarray
    R: np.ndarray
    T: np.ndarray
    v: np.ndarray
    v_star: np.ndarray

    def __init__(
        self,
        Q: ArrayLike,
        R: ArrayLike,
        T: ArrayLike | None = None,
        v: ArrayLike | None = None,
        v_star: ArrayLike | None = None,
    ) -> None:
        R = _array("R", R, 2)
        K, M = R.shape
        Q = _array("Q", Q, 2)
        T = _array("T", np.eye(M) if T is None else T, 2)
        v = _array("v", np.ones(K) if v is None else v, 1)
        v_star = _array("v_star", np.ones(M) if v_star is None else v_star, 1)
        for name, array in (("Q", Q), ("R", R), ("T", T), ("v", v), ("v_star", v_star)):
            if np.abs(array).max() > _LARGEST:
                raise ParameterError(
                    f"The '{name}' parameter of OrderParameters must not exceed {_LARGEST:g}, because sums of "
                    f"overlaps would overflow. Got {np.abs(array).max():.3g} instead; overlaps are of order 1."
                )
        for name, array, shape in (("Q", Q, (K, K)), ("T", T, (M, M)), ("v", v, (K,)), ("v_star", v_star, (M,))):
            if array.shape != shape:
                raise ParameterError(
                    f"The '{name}' parameter of OrderParameters must have shape {shape}, because R has shape "
                    f"{(K, M)} (students, teachers). Got {array.shape} instead."
                )
        _require_symmetric_psd("The 'Q' parameter of OrderParameters", Q, "it is the Gram matrix J J^T of weights")
        _require_symmetric_psd("The 'T' parameter of OrderParameters", T, "it is the Gram matrix B B^T of weights")
        _require_symmetric_psd(
            "The joint matrix [[Q, R], [R^T, T]] of OrderParameters",
            np.block([[Q, R], [R.T, T]]),
            "it is the Gram matrix of all weights together",
        )
        for name, array in (("Q", Q), ("R", R), ("T", T), ("v", v), ("v_star", v_star)):
            object.__setattr__(self, name, array)

    @property
    def students(self) -> int:
        """K, the number of student nodes."""
        return self.R.shape[0]

    @property
    def teachers(self) -> int:
        """M, the number of teacher nodes."""
        return self.R.shape[1]

    @property
    def covariance(self) -> np.ndarray:
        """``[[Q, R], [R^T, T]]``, the covariance of the fields (h, rho), shape (K + M, K + M)."""
        return np.block([[self.Q, self.R], [self.R.T, self.T]])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OrderParameters):
            return NotImplemented
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in ("Q", "R", "T", "v", "v_star"))

    def to_dict(self) -> dict[str, Any]:
        """Plain nested lists, for JSON; :meth:`from_dict` is the inverse, bit for bit."""
        return {n: getattr(self, n).tolist() for n in ("Q", "R", "T", "v", "v_star")}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> OrderParameters:
        """The inverse of :meth:`to_dict`; T, v and v_star may be missing.

        Raises:
            ParameterError: it is no dictionary, Q or R is missing, or a name is unknown.
        """
        names = ["Q", "R", "T", "v", "v_star"]
        if not isinstance(values, dict):
            raise ParameterError(
                "OrderParameters.from_dict needs a dictionary with Q and R, as to_dict makes it. "
                f"Got {values!r:.80} instead."
            )
        for name in values:
            if name not in names:
                raise ParameterError(
                    f"OrderParameters has no parameter '{name}'; it knows {', '.join(names)}.{nearest(name, names)}"
                )
        for name in names[:2]:
            if name not in values:
                raise ParameterError(f"OrderParameters needs the parameter '{name}', which was not given.")
        return cls(**values)

    @classmethod
    def from_weights(
        cls, J: ArrayLike, B: ArrayLike, v: ArrayLike | None = None, v_star: ArrayLike | None = None
    ) -> OrderParameters:
        """Overlaps of given weights: student J of shape (K, N), teacher B of shape (M, N)."""
        J, B = _array("J", J, 2), _array("B", B, 2)
        if J.shape[1] != B.shape[1]:
            raise ParameterError(
                f"J and B must have the same number of columns N, because both see the same input. "
                f"Got {J.shape} and {B.shape} instead."
            )
        with np.errstate(over="ignore", invalid="ignore"):  # an overlap that overflows is refused with a sentence
            return cls(Q=J @ J.T, R=J @ B.T, T=B @ B.T, v=v, v_star=v_star)

    @classmethod
    def random(
        cls, students: int, teachers: int, *, seed: int, norm: float = 0.5, overlap: float = 1e-12
    ) -> OrderParameters:
        """A start of West & Saad (1995), figure 1: ``Q_ii ~ U[0, norm]``, ``Q_ik`` and ``R_in ~ U[0, overlap]``, T = I.

        Main arguments:
            students, teachers: K and M.
            seed: of NumPy's ``SeedSequence``; the same seed gives the same start on every machine.

        Other arguments:
            norm: the largest squared norm of a student.
            overlap: the largest overlap between nodes. A network of N inputs starts at ``overlap ~ 1 / sqrt(N)``;
                the tiny default is the N -> infinity idealization in which the plateau is longest.

        Raises:
            ParameterError: a value is outside its range, no weights have the overlaps drawn (`overlap` too large), or
                there is not enough memory.
        """
        students, teachers, seed = (
            whole("students", students, 1),
            whole("teachers", teachers, 1),
            whole("seed", seed, 0),
        )
        for name, value in (("norm", norm), ("overlap", overlap)):
            if not 0 <= real(value) < np.inf:
                raise ParameterError(
                    f"The '{name}' parameter of OrderParameters.random must be a finite number >= 0, because it is the "
                    f"end of an interval that begins at 0. Got {value!r:.80} instead."
                )
        require("A random start", _needs.random_start, students=students, teachers=teachers)
        norm, overlap = float(norm) + 0.0, float(overlap) + 0.0  # NumPy refuses an interval that ends at -0.0
        rng = np.random.default_rng(seed)
        Q = np.diag(rng.uniform(0, norm, students))
        upper = np.triu_indices(students, 1)
        Q[upper] = rng.uniform(0, overlap, len(upper[0]))
        Q = np.triu(Q) + np.triu(Q, 1).T
        return cls(Q=Q, R=rng.uniform(0, overlap, (students, teachers)))

    @classmethod
    def near_symmetric(
        cls, students: int, teachers: int, *, Q: float = 0.5, C: float = 0.0, R: float = 0.0, split: float = 1e-3
    ) -> OrderParameters:
        """A start at the edge of the symmetric phase: ``Q_ii = Q``, ``Q_ik = C``, ``R_in = R``, T = I.

        Student i is moved towards teacher ``i mod M`` by `split` (``R`` only), which seeds the escape from the plateau.
        """
        students, teachers = whole("students", students, 1), whole("teachers", teachers, 1)
        Q, C, R, split = (
            _number("near_symmetric", name, value) for name, value in (("Q", Q), ("C", C), ("R", R), ("split", split))
        )
        require("A near-symmetric start", _needs.random_start, students=students, teachers=teachers)
        norms = np.full((students, students), C)
        np.fill_diagonal(norms, Q)
        overlaps = np.full((students, teachers), R)
        overlaps[np.arange(students), np.arange(students) % teachers] += split
        return cls(Q=norms, R=overlaps)

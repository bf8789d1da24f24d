"""The kernel of a determinantal point process, and its eigendecomposition, which everything shares."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.pruning.dpp._checks import added, epsilon, mean_size, nonnegative, size, symmetric
from practicum.pruning.dpp.elementary import log_elementary
from practicum.theory.subspace._checks import array_of

_EPSILON = float(np.finfo(np.float64).eps)
_LARGEST = 700.0
"""The logarithm of the largest eigenvalue that is used."""


class Kernel:
    """The kernel L of an L-ensemble: the determinant of L_SS is the weight of the subset S.

    L_ii is the quality of item i and ``L_ij / sqrt(L_ii L_jj)`` the similarity of two items; similar items are rarely
    taken together. The eigendecomposition is computed when something first asks for it, and then kept: any number of
    samples of any size share it.

    Eigenvalues that rounding can make of 0 are taken for 0: those up to ``n eps max(lambda)``, and for L in float32 up
    to ``n eps32 max|L|``, the most that rounding its entries can do. The others make the rank. A k above it is
    impossible, unless a jitter is added to the diagonal, which makes every eigenvalue positive.

    Main arguments:
        L: symmetric and positive semidefinite, shape (items, items).

    Other arguments:
        jitter: added to the diagonal, >= 0.

    Raises:
        ParameterError: L is not square, symmetric or finite. That it is positive semidefinite is known, and said,
            when its eigenvalues are.

    Source: Kulesza & Taskar (2012), section 2.2.
    """

    def __init__(self, L: ArrayLike, jitter: float = 0.0) -> None:
        self._given = symmetric("Kernel", L)
        self._epsilon = epsilon(L)
        self.jitter = added("Kernel", jitter)

    @staticmethod
    def from_features(features: ArrayLike, jitter: float = 0.0) -> Kernel:
        """``L = B B^T + jitter I`` of one row of features an item, without forming L.

        B is decomposed itself, in its smaller dimension (the dual form where it has fewer features than items). So
        eigenvalues are found down to ``eps^2`` of the largest instead of eps, and the rank counts the singular values
        of B that rounding cannot make of 0.

        Main arguments:
            features: B, shape (items, features).

        Other arguments:
            jitter: added to the diagonal, >= 0.

        Raises:
            ParameterError: a number is not finite, or the shape is another.
        """
        return _FeatureKernel(features, jitter)

    @staticmethod
    def from_diagonal(odds: ArrayLike) -> Kernel:
        """A kernel with nothing off its diagonal: items are taken by their odds, whatever else is taken.

        Its k-DPP is conditional-Poisson sampling: exactly k items, with probability proportional to the product of
        their odds. Its DPP takes each item by itself, with probability ``odds / (1 + odds)``.

        Main arguments:
            odds: numbers >= 0, shape (items,). Only their ratios matter when k is fixed.

        Raises:
            ParameterError: a number is negative or not finite.
        """
        return _DiagonalKernel(odds)

    @property
    def items(self) -> int:
        """The number of items."""
        return len(self._given)

    @cached_property
    def matrix(self) -> np.ndarray:
        """L with its jitter, shape (items, items)."""
        return self._given + self.jitter * np.eye(self.items)

    @property
    def eigenvalues(self) -> np.ndarray:
        """The positive eigenvalues, jitter included, the largest first; shape (rank,)."""
        return self._spectrum[0]

    @property
    def eigenvectors(self) -> np.ndarray:
        """Of the positive eigenvalues: orthonormal columns, shape (items, rank)."""
        return self._spectrum[1][:, : self.rank]

    @property
    def rank(self) -> int:
        """The numerical rank: the largest k."""
        return len(self.eigenvalues)

    def log_partition(self, k: int) -> float:
        """``log e_k(eigenvalues)``: of the sum of all determinants of size k.

        Raises:
            ParameterError: k is not from 1 to the rank.
        """
        return float(log_elementary(self.eigenvalues, size("log_partition", k, self.rank, self.items))[-1])

    def rescaled(self, expected_size: float) -> Kernel:
        """``c L``, with c such that a DPP has `expected_size` items on average; a k-DPP does not change.

        Main arguments:
            expected_size: > 0 and < rank.

        Raises:
            ParameterError: expected_size is out of range, or c L cannot be held.
        """
        from practicum.pruning.dpp._weights import tilt

        wanted = mean_size(expected_size, self.rank)
        log_c = tilt(self.eigenvalues, wanted)
        if log_c + np.log(self.eigenvalues[0]) > _LARGEST:
            raise ParameterError(
                f"The 'expected_size' of a DPP cannot be {wanted:g}, because eigenvalues from "
                f"{self.eigenvalues[-1]:.2g} to {self.eigenvalues[0]:.2g}, rescaled, span more than a float holds; "
                "take a smaller one."
            )
        return self._times(float(np.exp(log_c)))

    def __repr__(self) -> str:
        return f"<Kernel of {self.items} items{f', jitter {self.jitter:g}' if self.jitter else ''}>"

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Positive eigenvalues, and a basis that begins with their eigenvectors; here it spans everything."""
        values, vectors = np.linalg.eigh(self._given)
        tolerance = self.items * max(_EPSILON * np.abs(values).max(), self._epsilon * np.abs(self._given).max())
        if values[0] < -tolerance:
            raise ParameterError(
                "The 'L' parameter of Kernel must be positive semidefinite, because determinants are weights and must "
                f"not be negative. Got the eigenvalue {values[0]:.3g}, beyond the rounding of L, {tolerance:.2g}; a "
                f"Gram matrix B B^T is positive semidefinite, and so is L + {-values[0]:.2g} I."
            )
        values = np.where(values > tolerance, values, 0.0) + self.jitter
        order = np.argsort(-values, kind="stable")
        return values[order][: np.count_nonzero(values)], np.ascontiguousarray(vectors[:, order])

    def _times(self, c: float) -> Kernel:
        other = object.__new__(type(self))
        other._given, other._epsilon, other.jitter = c * self._given, self._epsilon, c * self.jitter
        other._spectrum = c * self._spectrum[0], self._spectrum[1]
        return other

    def _spread(self, weights: np.ndarray) -> np.ndarray:
        """The sum over eigenvectors of their weight times their squared entries: one number an item."""
        return self.eigenvectors**2 @ weights

    def _log_determinants(self, subsets: np.ndarray) -> np.ndarray:
        """Of L_SS for each row of item numbers, (..., k) to (...)."""
        # L_SS = A A^T. The triangle R of A^T keeps the digits that forming L_SS would lose: det = prod R_ii^2.
        A = self.eigenvectors[subsets] * np.sqrt(self.eigenvalues)
        R = np.asarray(np.linalg.qr(np.swapaxes(A, -1, -2), mode="r"))
        with np.errstate(divide="ignore"):
            return 2.0 * np.log(np.abs(np.diagonal(R, axis1=-2, axis2=-1))).sum(-1)


class _FeatureKernel(Kernel):
    """L = B B^T; `_given` is B."""

    def __init__(self, features: ArrayLike, jitter: float) -> None:
        self._given = array_of("Kernel.from_features", "features", features, 2).copy()
        self._epsilon = epsilon(features)
        self.jitter = added("Kernel.from_features", jitter)

    @cached_property
    def matrix(self) -> np.ndarray:
        return self._given @ self._given.T + self.jitter * np.eye(self.items)

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        B, (items, features) = self._given, self._given.shape
        if features > items:
            B = np.asarray(np.linalg.qr(B.T, mode="r")).T
        # With a jitter the directions without features count too, so that the basis must be complete.
        basis, lengths, _ = np.linalg.svd(B, full_matrices=self.jitter > 0)
        entries = np.sqrt(items * features) * self._epsilon * np.abs(self._given).max()
        lengths = lengths * (lengths > max(entries, max(items, features) * _EPSILON * lengths[0]))
        values = np.zeros(basis.shape[1])
        values[: len(lengths)] = lengths**2
        values += self.jitter
        return values[: np.count_nonzero(values)], np.ascontiguousarray(basis)

    def _times(self, c: float) -> Kernel:
        other = super()._times(c)
        other._given = np.sqrt(c) * self._given
        return other


class _DiagonalKernel(Kernel):
    """L = diag(odds); `_given` is the odds. Eigenvectors are items, so that none need to be stored."""

    def __init__(self, odds: ArrayLike) -> None:
        self._given = nonnegative("Kernel.from_diagonal", "odds", odds).copy()
        self._epsilon = epsilon(odds)
        self.jitter = 0.0

    @property
    def eigenvalues(self) -> np.ndarray:
        return self._given[self.places]

    @property
    def eigenvectors(self) -> np.ndarray:
        return np.eye(self.items)[:, self.places]

    @cached_property
    def places(self) -> np.ndarray:
        """The item of each eigenvector."""
        order = np.argsort(-self._given, kind="stable")
        return order[: np.count_nonzero(self._given)]

    @cached_property
    def matrix(self) -> np.ndarray:
        return np.diag(self._given)

    def _times(self, c: float) -> Kernel:
        return _DiagonalKernel(c * self._given)

    def _spread(self, weights: np.ndarray) -> np.ndarray:
        spread = np.zeros(self.items)
        spread[self.places] = weights
        return spread

    def _log_determinants(self, subsets: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(self._given)[subsets].sum(-1)

"""The convergence phase: how the last differences between student and teacher vanish, and where they stop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases._ansatz import ConvergenceAnsatz
from practicum.theory.phases._checks import check_convergence, check_rule
from practicum.theory.phases._continuation import follow, newton
from practicum.theory.phases._irreps import Mode, convergence_modes, outside_and_inside


@dataclass(frozen=True)
class Convergence:
    """The specialized fixed point and its spectrum. See :func:`convergence`.

    Attributes:
        machine, rule: what was asked for.
        Q, C, R, S: ``Q_ii``, ``Q_ik``, ``R_ii`` and ``R_in`` there; 1, 0, 1, 0 without noise and weight decay. NaN
            where no such fixed point exists.
        generalization_error: eps_g there, the noise floor; 0 without noise and decay, infinite where none exists.
        residual: the largest ``|dx / d alpha|`` of the flow there; rounding.
        spectrum: all K(3K+1)/2 modes of the full flow, slowest first; where no fixed point exists, those of Q = R = T.
        critical_learning_rate: eta above which Q = R = T is unstable, without noise and decay.
        best_learning_rate, best_rate: eta of the largest `rate` without noise and decay, and that rate.
    """

    machine: Committee
    rule: LearningRule
    Q: float
    C: float
    R: float
    S: float
    generalization_error: float
    residual: float
    spectrum: tuple[Mode, ...]
    critical_learning_rate: float
    best_learning_rate: float
    best_rate: float

    @property
    def slowest(self) -> Mode:
        """The mode that the generalization error follows in the end."""
        return max(self.spectrum, key=lambda mode: mode.error_rate)

    @property
    def rate(self) -> float:
        """The error vanishes (approaches its floor) like ``exp(-rate * alpha)``; negative if unstable."""
        return -self.slowest.error_rate

    @property
    def time_constant(self) -> float:
        """tau = 1 / rate in units of alpha; infinite if unstable."""
        return 1 / self.rate if self.stable else float("inf")

    @property
    def stable(self) -> bool:
        """Whether every mode of the fixed point decays."""
        return bool(np.isfinite(self.generalization_error)) and self.rate > 0

    def order_parameters(self) -> OrderParameters:
        """The overlaps at the fixed point."""
        own = np.eye(self.machine.students, dtype=bool)
        return OrderParameters(Q=np.where(own, self.Q, self.C), R=np.where(own, self.R, self.S))


def convergence(machine: Committee, rule: LearningRule) -> Convergence:
    """The specialized fixed point (K = M, T = I), its noise floor, and the full spectrum of the flow around it.

    Without noise and weight decay it is Q = R = T and the flow there is ``J = eta M1 + (eta^2 / B) M2``. With them the
    fixed point of ``Q_ii = Q, Q_ik = C, R_ii = R, R_in = S`` is continued from small learning rates; the nonlinear flow
    can then hold a stable fixed point beyond `critical_learning_rate`, with a large error. Modes to which the
    gradient of eps_g is orthogonal enter the error by their squares and count twice:
    ``rate = -max(lambda_1, 2 lambda_2)``.

    Main arguments:
        machine: K = M, with or without output noise; erf.
        rule: any learning rate, temperature, weight decay and batch size. Above the critical learning rate the
            result has ``stable=False`` and a negative rate; that is no error.

    Raises:
        ParameterError: another activation, K != M, or a trained second layer.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), section V; West & Saad, NIPS 8 (1995) p. 323, section 4; noise:
    Saad & Solla, NIPS 9 (1996). The continuation and the modes that break the ansatz are this module's.
    """
    check_convergence(machine, "convergence")
    check_rule(rule, "convergence")
    ansatz = ConvergenceAnsatz(machine.students)
    perfect = machine.noise == 0 and rule.weight_decay == 0
    x = ansatz.perfect() if perfect else _fixed_point(ansatz, machine, rule)
    exists = x is not None
    at = x if x is not None else ansatz.perfect()
    spectrum = convergence_modes(ansatz, at, machine, rule, perfect=perfect or not exists)
    four = at if len(at) == 4 else np.array([at[0], 0.0, at[1], 0.0])
    Q, C, R, S = (float(c) if exists else float("nan") for c in four)
    beta, B = rule.inverse_temperature, rule.batch_size
    best, best_rate = best_learning_rate(machine.students, beta)
    return Convergence(
        machine=machine,
        rule=rule,
        Q=Q,
        C=C,
        R=R,
        S=S,
        generalization_error=(0.0 if perfect else max(0.0, ansatz.error(at))) if exists else float("inf"),
        residual=float(np.abs(ansatz.drift(at, machine, rule)).max()) if exists else float("nan"),
        spectrum=spectrum,
        critical_learning_rate=B * critical_learning_rate(machine.students, beta),
        best_learning_rate=B * best,
        best_rate=B * best_rate,
    )


def _fixed_point(ansatz: ConvergenceAnsatz, machine: Committee, rule: LearningRule) -> np.ndarray | None:
    """Continued from Q = R = T at a small learning rate; weight decay in proportion. None if it is lost on the way."""
    scale = min(1.0, 1e-3 / (ansatz.students * rule.learning_rate * max(1.0, machine.noise**2)))
    free = rule.replace(learning_rate=scale * rule.learning_rate, weight_decay=0.0)
    seed = free.replace(weight_decay=scale * rule.weight_decay)
    x = newton(ansatz.drift, ansatz.perfect(), machine, free)
    if x is None:
        return None
    x, reached = follow(ansatz.drift, x, machine, [free, seed, rule], ansatz.possible, sharp_turns=True)
    return x if reached == rule else None


@lru_cache(maxsize=4096)
def _blocks(students: int, inverse_temperature: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``G1, G2, R1``: at Q = R = T the ansatz evolves by ``eta G1 + eta^2 G2`` outside, ``eta R1`` inside the span."""
    ansatz, machine = ConvergenceAnsatz(students), Committee(students=students, teachers=students)
    rules = [LearningRule(learning_rate=eta, inverse_temperature=inverse_temperature) for eta in (1.0, 2.0)]
    (once, inside), (twice, _) = (outside_and_inside(ansatz.jacobian(ansatz.perfect(), machine, r)) for r in rules)
    return (4 * once - twice) / 2, (twice - 2 * once) / 2, inside


def critical_learning_rate(students: int, inverse_temperature: float = 1.0) -> float:
    """eta_max of K = M, T = I, B = 1: above it the perfect student Q = R = T is unstable. Scales with the batch size.

    The fluctuations outside the teachers' span are Gram matrices, which the flow keeps positive; hence the mode that
    becomes unstable first keeps the ansatz (Perron-Frobenius), and eta_max is where ``det(G1 + eta G2) = 0``. An
    ordinary start may fail to converge at smaller rates already. It is flat in beta below 1e-6 and above 1e10, where
    rounding would take its digits; there it is the value at that end, within 1e-5 of its limit.

    Source: West & Saad, NIPS 8 (1995) p. 323, section 4.
    """
    G1, G2, _ = _blocks(students, min(max(float(inverse_temperature), 1e-6), 1e10))
    inverses = np.linalg.eigvals(-np.linalg.solve(G1, G2))
    return float(1 / inverses.real.max())


def rate(students: int, inverse_temperature: float, learning_rate: float) -> float:
    """``-max(lambda_1, 2 lambda_2)`` at Q = R = T, over the modes that keep the ansatz; they are the slowest ones."""
    G1, G2, R1 = _blocks(students, float(inverse_temperature))
    outside = learning_rate * _leading(G1 + learning_rate * G2)
    return -float(max(np.real(outside), 2 * learning_rate * _leading(R1).real))


@lru_cache(maxsize=4096)
def best_learning_rate(students: int, inverse_temperature: float = 1.0) -> tuple[float, float]:
    """The learning rate of fastest convergence of K = M, T = I, B = 1, and its rate.

    ``2 lambda_2`` falls in proportion to eta; ``lambda_1`` falls, turns and reaches 0 at the critical rate. The best
    eta is where they cross, or where ``lambda_1`` is least if that comes later; both are roots.

    Source: West & Saad, NIPS 8 (1995) p. 323, section 4.
    """
    from scipy.optimize import brentq

    G1, G2, R1 = _blocks(students, float(inverse_temperature))
    critical = critical_learning_rate(students, inverse_temperature)
    inside = _leading(R1).real

    def gap(eta: float) -> float:
        return float(np.real(_leading(G1 + eta * G2)) - 2 * inside)

    def slope(eta: float) -> float:
        step = 1e-30
        at = eta + 1j * step
        return float(np.imag(at * _leading(G1 + at * G2)) / step)

    fine = {"xtol": 1e-300, "rtol": 1e-14}
    crossing = float(brentq(gap, 0.0, critical, **fine)) if gap(0.0) < 0 else 0.0  # type: ignore[arg-type]
    least = float(brentq(slope, 0.0, critical, **fine))  # type: ignore[arg-type]
    eta = max(crossing, least)
    return eta, rate(students, inverse_temperature, eta)


def _leading(block: np.ndarray) -> complex:
    """The larger eigenvalue of a 1x1 or 2x2 matrix with real eigenvalues, as an analytic function of its entries."""
    if len(block) == 1:
        return block[0, 0]
    (a, b), (c, d) = block
    return (a + d) / 2 + np.sqrt((a - d) ** 2 / 4 + b * c + 0j)

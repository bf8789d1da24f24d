"""The symmetric phase: students that have learnt what all teachers have in common, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from practicum.errors import ParameterError
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases._ansatz import PlateauAnsatz
from practicum.theory.phases._checks import check_plateau, check_rule
from practicum.theory.phases._continuation import follow, newton
from practicum.theory.phases._irreps import ESCAPE, Mode, plateau_modes

SMALLEST_LEARNING_RATE = 1e-6


@dataclass(frozen=True)
class Plateau:
    """The fixed point at which students are alike, and what grows out of it. See :func:`plateau`.

    Attributes:
        machine, rule, teacher_norm: what was asked for; ``T = teacher_norm * I``.
        Q, C, R: ``Q_ii``, ``Q_ik`` and ``R_in`` there.
        generalization_error: eps_g there, noise-free.
        residual: the largest ``|dx / d alpha|`` of the flow there; rounding.
        spectrum: all K(K+1)/2 + KM modes of the full flow, fastest growing first.
    """

    machine: Committee
    rule: LearningRule
    teacher_norm: float
    Q: float
    C: float
    R: float
    generalization_error: float
    residual: float
    spectrum: tuple[Mode, ...]

    @property
    def escape(self) -> Mode:
        """The mode ``R_in = a_i b_n`` (sums of a and b zero) by which each student finds a teacher of its own."""
        return next(mode for mode in self.spectrum if mode.symmetry == ESCAPE)

    @property
    def escape_rate(self) -> float:
        """Growth rate of the specialization per unit alpha; the plateau lasts a few times its inverse."""
        return float(np.real(self.escape.eigenvalue))

    @property
    def escape_multiplicity(self) -> int:
        """(K - 1)(M - 1)."""
        return self.escape.multiplicity

    @property
    def students_identical(self) -> bool:
        """Whether weight decay has merged the students (Q = C). Without it Q > C, by an amount of order eta."""
        return self.Q == self.C

    def order_parameters(self) -> OrderParameters:
        """The overlaps on the plateau, e.g. as a start of ``solve``."""
        K, M = self.machine.students, self.machine.teachers
        return OrderParameters(
            Q=np.where(np.eye(K, dtype=bool), self.Q, self.C),
            R=np.full((K, M), self.R),
            T=self.teacher_norm * np.eye(M),
        )


def plateau(machine: Committee, rule: LearningRule, *, teacher_norm: float = 1.0) -> Plateau:
    """The plateau at any learning rate, with the full spectrum of the flow around it.

    The fixed point of the flow with ``Q_ii = Q, Q_ik = C, R_in = R`` that attracts within this ansatz is continued
    from small learning rates, first without weight decay. Another fixed point, of identical students (Q = C), always
    exists; without weight decay it repels, because each student is driven by its own fluctuations.

    Main arguments:
        machine: any K >= 2 and M >= 2, with or without output noise; erf.
        rule: any learning rate >= 1e-6, temperature, weight decay and batch size.

    Other arguments:
        teacher_norm: t of the isotropic teacher ``T = t I``.

    Raises:
        ParameterError: another activation, one student or teacher, a trained second layer, or a learning rate beyond
            the end of the branch; the sentence names the largest one reached.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), section IV (eta -> 0); West & Saad, Phys. Rev. E 56, 3426
    (1997). The continuation to finite eta and the spectrum by irreducible representations are this module's.
    """
    check_plateau(machine, "plateau")
    check_rule(rule, "plateau")
    if not (np.isfinite(teacher_norm) and teacher_norm > 0):
        raise ParameterError(
            f"The 'teacher_norm' parameter of plateau must be a finite number > 0. Got {teacher_norm!r} instead."
        )
    ansatz = PlateauAnsatz(machine.students, machine.teachers, float(teacher_norm))
    x = fixed_point(ansatz, machine, rule)
    Q, C, R = (float(c) for c in x)
    return Plateau(
        machine=machine,
        rule=rule,
        teacher_norm=float(teacher_norm),
        Q=Q,
        C=C,
        R=R,
        generalization_error=ansatz.error(x),
        residual=float(np.abs(ansatz.drift(x, machine, rule)).max()),
        spectrum=plateau_modes(ansatz, x, machine, rule),
    )


def fixed_point(ansatz: PlateauAnsatz, machine: Committee, rule: LearningRule) -> np.ndarray:
    """(Q, C, R) of :func:`plateau`."""
    if rule.learning_rate < SMALLEST_LEARNING_RATE:
        raise ParameterError(
            f"The 'learning_rate' parameter must be >= {SMALLEST_LEARNING_RATE:g} for the plateau, because below it "
            f"rounding hides Q - C. Got {rule.learning_rate:g} instead; plateau_limit() is the limit of small rates."
        )
    undamped = rule.replace(weight_decay=0.0)
    y, seed = small_rate_point(ansatz, machine, undamped)
    y, reached = follow(ansatz.distinct, y, machine, [seed, undamped], ansatz.possible)
    if reached != undamped:
        raise _branch_ends("learning_rate", reached.learning_rate, rule.learning_rate)
    if rule.weight_decay > 0:
        y, reached = follow(ansatz.distinct, y, machine, [undamped, rule], ansatz.possible)
        if reached != rule:
            # Decay has merged the students on the way: beyond that point the state of identical students attracts.
            return _merged_point(ansatz, machine, rule)
    return np.array([y[0] + y[1], y[1], y[2]])


def small_rate_point(ansatz: PlateauAnsatz, machine: Committee, rule: LearningRule) -> tuple[np.ndarray, LearningRule]:
    """(Q - C, C, R) at a learning rate small enough to be found from the limit eta -> 0, and the rule with it."""
    scale = 1e-3 / (max(ansatz.students, rule.inverse_temperature) * max(1.0, machine.noise**2))
    seed = rule.replace(learning_rate=min(scale, rule.learning_rate))
    Q, R = _limit(ansatz, rule.inverse_temperature)
    y = newton(ansatz.distinct, np.array([0.1 * seed.learning_rate, Q, R]), machine, seed)
    if y is None or y[0] <= 0:
        raise ParameterError(
            f"The plateau of K={ansatz.students:g}, M={ansatz.teachers:g} was not found at learning_rate="
            f"{seed.learning_rate:.3g} with inverse_temperature={rule.inverse_temperature:g} and noise="
            f"{machine.noise:g}; use a smaller inverse_temperature or less noise."
        )
    return y, seed


def _merged_point(ansatz: PlateauAnsatz, machine: Committee, rule: LearningRule) -> np.ndarray:
    """The plateau of identical students under weight decay."""
    undamped = rule.replace(weight_decay=0.0)
    seed = undamped.replace(learning_rate=min(1e-3 / ansatz.students, rule.learning_rate))
    y = newton(ansatz.merged, np.array(_limit(ansatz, rule.inverse_temperature)), machine, seed)
    if y is None:
        raise _branch_ends("learning_rate", 0.0, rule.learning_rate)
    y, reached = follow(ansatz.merged, y, machine, [seed, undamped, rule], lambda y: y[0] > 0)
    if reached != rule:
        name = "learning_rate" if reached.weight_decay == 0 else "weight_decay"
        raise _branch_ends(name, getattr(reached, name), getattr(rule, name))
    return np.array([y[0], y[0], y[1]])


def _branch_ends(name: str, reached: float, asked: float) -> ParameterError:
    return ParameterError(
        f"The plateau ceases to exist before {name}={asked:g}: its branch was followed up to {name}={reached:.6g}, "
        f"where it ends or turns back. Choose a smaller {name}."
    )


def _limit(ansatz: PlateauAnsatz, beta: float) -> tuple[float, float]:
    """Q = C and R for eta -> 0: J_i in the mean direction of the teachers, Q = M R^2 / t, dR = 0 (a quadratic in Q)."""
    K, M, t = ansatz.students, ansatz.teachers, ansatz.teacher_norm
    a = K**2 / M * beta * (1 + t - t / M)
    b = K**2 / M * (1 + t) - t - t * beta
    Q = 2 * t / (b + np.sqrt(b**2 + 4 * a * t)) if b > 0 else (-b + np.sqrt(b**2 + 4 * a * t)) / (2 * a)
    return float(Q), float(np.sqrt(t * Q / M))


@dataclass(frozen=True)
class PlateauLimit:
    """The plateau of K = M, T = I for small learning rates. See :func:`plateau_limit`.

    Attributes:
        students, inverse_temperature: K and beta.
        Q, R: ``1 / (2K - 1)`` (for ``Q_ii`` and ``Q_ik``) and ``1 / sqrt(K (2K - 1))``; the same for every beta.
        generalization_error: ``(K / pi) (pi / 6 - K asin(1 / 2K))``.
        escape_rate: lambda / eta, the escape rate per unit learning rate.
    """

    students: int
    inverse_temperature: float
    Q: float
    R: float
    generalization_error: float
    escape_rate: float


def plateau_limit(students: int, inverse_temperature: float = 1.0) -> PlateauLimit:
    """The closed forms of the plateau for eta -> 0, K = M, T = I.

    ``lambda / eta = (2 / pi) K beta (2K - 1)^(-1/2) (2K + beta)^(-3/2)``, largest at ``beta = 4K``.

    Raises:
        ParameterError: fewer than 2 students, or a temperature that is not > 0.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995), eqs. for the symmetric phase; West & Saad, NIPS 8 (1995) p. 323,
    section 3.
    """
    K, beta = students, inverse_temperature
    if K < 2:
        raise ParameterError(f"The 'students' parameter of plateau_limit must be >= 2. Got {K!r} instead.")
    if not (np.isfinite(beta) and beta > 0):
        raise ParameterError(f"The 'inverse_temperature' parameter of plateau_limit must be > 0. Got {beta!r} instead.")
    return PlateauLimit(
        students=K,
        inverse_temperature=float(beta),
        Q=1 / (2 * K - 1),
        R=float(1 / np.sqrt(K * (2 * K - 1))),
        generalization_error=float(K / np.pi * (np.pi / 6 - K * np.arcsin(1 / (2 * K)))),
        escape_rate=float(2 / np.pi * K * beta * (2 * K - 1) ** -0.5 * (2 * K + beta) ** -1.5),
    )

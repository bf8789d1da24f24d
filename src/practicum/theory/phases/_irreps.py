"""The full spectrum of the flow at a site-symmetric fixed point, one small block for each way symmetry can break.

The Jacobian of all K(K+1)/2 + KM overlaps commutes with permutations of the sites, so Schur's lemma splits it into
one small matrix for each irreducible representation, repeated as often as the dimension of that representation. A
block is measured by moving the state by an infinitesimal (complex) step along one member of the representation and
reading the drift at a few entries. Partitions such as ``(K-1, 1)`` name the representations of the group S_K.

Source: linear representation theory applied to the flow of Saad & Solla, Phys. Rev. E 52, 4225 (1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from practicum.theory.machines import Committee, LearningRule
from practicum.theory.phases._ansatz import ConvergenceAnsatz, PlateauAnsatz
from practicum.theory.phases._symmetric import Group, Overlaps, student_drift, teacher_drift

_STEP = 1e-30
ESCAPE = "(K-1,1) x (M-1,1)"


@dataclass(frozen=True)
class Mode:
    """One eigenvalue of the flow linearised at a fixed point.

    Attributes:
        eigenvalue: growth rate per unit alpha (negative: decay); complex for a spiralling mode.
        multiplicity: how many independent perturbations share it.
        symmetry: the representation, e.g. ``"(K-1,1) x (M-1,1)"``.
        meaning: what the perturbation does.
        order: 1 if the generalization error feels the amplitude itself, 2 if only its square (the mode is orthogonal
            to the gradient of the error, so that its part of the error decays at twice the rate).
    """

    eigenvalue: complex | float
    multiplicity: int
    symmetry: str
    meaning: str
    order: int = 1

    @property
    def error_rate(self) -> float:
        """Growth rate of this mode's part of the generalization error: order times the real part."""
        return self.order * float(np.real(self.eigenvalue))


# Which overlap moves ("Q", "Q_same", "R", "R_same"), and by how much for each group ("same") or pair of groups.
Direction = tuple[str, np.ndarray]
# "Q" or "R", the group of the student, and the group of the other site (None: the same site).
Reading = tuple[str, int, int | None]


def _block(
    base: Overlaps, directions: Sequence[Direction], readings: Sequence[Reading], machine: Committee, rule: LearningRule
) -> np.ndarray:
    """The matrix that takes the amplitudes of `directions` to the drifts at `readings`."""
    size = len(directions)
    same = np.repeat(base.same[None].astype(complex), size, axis=0)
    other = np.repeat(base.other[None].astype(complex), size, axis=0)
    for n, (name, pattern) in enumerate(directions):
        move = 1j * _STEP * pattern
        if name == "Q_same":
            same[n, 0, 0] += move
        elif name == "Q":
            other[n, 0, 0] += move
        elif name == "R_same":
            same[n, 0, 1] += move
            same[n, 1, 0] += move
        else:
            other[n, 0, 1] += move
            other[n, 1, 0] += move.T
    state = Overlaps(base.groups, same, other)
    rows = [
        student_drift(state, machine, rule, a, b) if name == "Q" else teacher_drift(state, rule, a, b)
        for name, a, b in readings
    ]
    return np.imag(np.array(rows)) / _STEP


def _refined(base: Overlaps, singles: Sequence[int]) -> Overlaps:
    """`base` with the first `singles[a]` sites of each group a made groups of their own; the rest follow, if any."""
    groups: list[Group] = []
    parents: list[int] = []
    for a, group in enumerate(base.groups):
        groups += [Group(1.0, group.student, group.teacher)] * singles[a]
        parents += [a] * singles[a]
        if group.size != singles[a]:
            groups.append(Group(group.size - singles[a], group.student, group.teacher))
            parents.append(a)
    return Overlaps(tuple(groups), base.same[..., parents], base.other[..., parents, :][..., parents])


def _sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, None] + b[None, :]


def _modes(matrix: np.ndarray, multiplicity: int, symmetry: str, meaning: str, order: int) -> list[Mode]:
    eigenvalues = np.linalg.eigvals(matrix)
    return [Mode(_tidy(e), multiplicity, symmetry, meaning, order) for e in sorted(eigenvalues, key=lambda e: -e.real)]


def _tidy(eigenvalue: complex) -> complex | float:
    return complex(eigenvalue) if eigenvalue.imag else float(eigenvalue.real)


def plateau_modes(ansatz: PlateauAnsatz, x: np.ndarray, machine: Committee, rule: LearningRule) -> tuple[Mode, ...]:
    """All K(K+1)/2 + KM modes at a plateau, under S_K (students) x S_M (teachers), fastest growing first."""
    K, M = int(ansatz.students), int(ansatz.teachers)
    base = ansatz.overlaps(x)
    modes = _modes(ansatz.jacobian(x, machine, rule), 1, "trivial", "all students alike", 1)

    def vector(state: Overlaps, entries: dict[int, float]) -> np.ndarray:
        out = np.zeros(len(state.groups))
        out[list(entries)] = list(entries.values())
        return out

    # Groups: students 0, 1 (, the rest 2), then teachers.
    state = _refined(base, (2, 0))
    a, teacher = vector(state, {0: 1.0, 1: -1.0}), len(state.groups) - 1
    of_student = np.array([float(g.student) for g in state.groups])
    directions: list[Direction] = [("R", np.outer(a, 1 - of_student)), ("Q_same", a)]
    readings: list[Reading] = [("R", 0, teacher), ("Q", 0, None)]
    if K > 2:  # with two students a_i + a_k = 0
        directions.append(("Q", _sum(a, a) * np.outer(of_student, of_student)))
        readings.append(("Q", 0, 2))
    block = _block(state, directions, readings, machine, rule)
    modes += _modes(block, K - 1, "(K-1,1)", "students differ in size, not in which teacher they follow", 2)

    state = _refined(base, (0, 2))
    b = vector(state, {1: 1.0, 2: -1.0})
    block = _block(state, [("R", np.outer(np.eye(len(b))[0], b))], [("R", 0, 1)], machine, rule)
    modes += _modes(block, M - 1, "(M-1,1)", "all students prefer the same teacher", 2)

    escape = specialization(ansatz, x, machine, rule)
    modes.append(Mode(escape, (K - 1) * (M - 1), ESCAPE, "specialization: each student its own teacher", 2))

    if K > 3:
        state = _refined(base, (4, 0))
        block = _block(state, [("Q", _pairs(len(state.groups)))], [("Q", 0, 2)], machine, rule)
        modes += _modes(block, K * (K - 3) // 2, "(K-2,2)", "pairs of students draw together or apart", 2)
    return tuple(sorted(modes, key=lambda mode: -np.real(mode.eigenvalue)))


def specialization(ansatz: PlateauAnsatz, x: np.ndarray, machine: Committee, rule: LearningRule) -> float:
    """Growth rate of ``R_in = a_i b_n`` with ``sum a = sum b = 0``: students choose different teachers."""
    state = _refined(ansatz.overlaps(x), (2, 2))
    first = next(n for n, group in enumerate(state.groups) if group.teacher)
    pattern = np.zeros((len(state.groups),) * 2)
    pattern[np.ix_([0, 1], [first, first + 1])] = [[1.0, -1.0], [-1.0, 1.0]]
    return float(_block(state, [("R", pattern)], [("R", 0, first)], machine, rule)[0, 0])


def _pairs(groups: int) -> np.ndarray:
    """A symmetric pattern with zero row sums: sites 0 and 1 against 2 and 3, crosswise."""
    out = np.zeros((groups, groups))
    out[0, 2] = out[1, 3] = out[2, 0] = out[3, 1] = 1.0
    out[0, 3] = out[1, 2] = out[3, 0] = out[2, 1] = -1.0
    return out


def outside_and_inside(jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two blocks of the ansatz's Jacobian at the perfect student Q = R = T.

    Deviations of the weights outside the teachers' span enter by their Gram matrix ``G = Q - R - R^T + T``, which to
    first order evolves by itself and is all the generalization error feels; those inside enter by R, whose error is
    of second order. So ``J`` is block triangular in (G, R): returns the blocks of G and of R.
    """
    half = len(jacobian) // 2
    unit = np.eye(half)
    to = np.block([[unit, -2 * unit], [0 * unit, unit]])
    back = np.block([[unit, 2 * unit], [0 * unit, unit]])
    blocks = to @ jacobian @ back
    return blocks[:half, :half], blocks[half:, half:]


def convergence_modes(
    ansatz: ConvergenceAnsatz, x: np.ndarray, machine: Committee, rule: LearningRule, *, perfect: bool
) -> tuple[Mode, ...]:
    """All K(3K+1)/2 modes around a specialized state, under S_K (a student moves with its teacher), slowest first.

    At the `perfect` student, modes inside the teachers' span have order 2; elsewhere the error feels every mode
    that keeps the ansatz.
    """
    K = int(ansatz.students)
    base = ansatz.overlaps(x)
    jacobian = ansatz.jacobian(x, machine, rule)
    if perfect:
        outside, inside = outside_and_inside(jacobian)
        modes = _modes(outside, 1, "trivial", "all pairs alike: noise outside the teachers' span", 1)
        modes += _modes(inside, 1, "trivial", "all pairs alike: drift within the teachers' span", 2)
    else:
        modes = _modes(jacobian, 1, "trivial", "all pairs alike", 1)
    if K == 1:
        return tuple(modes)

    state = _refined(base, (2,))
    a = np.zeros(len(state.groups))
    a[:2] = 1.0, -1.0
    rows = a[:, None] + 0 * a
    directions: list[Direction] = [("Q_same", a), ("R_same", a), ("R", rows)]
    readings: list[Reading] = [("Q", 0, None), ("R", 0, None), ("R", 0, 2 if K > 2 else 1)]
    if K > 2:  # with two sites a_i + a_k = 0, and a_n is -a_i
        directions += [("R", rows.T), ("Q", _sum(a, a))]
        readings += [("R", 2, 0), ("Q", 0, 2)]
    modes += _modes(_block(state, directions, readings, machine, rule), K - 1, "(K-1,1)", "one pair against another", 2)
    if K > 2:
        state = _refined(base, (3,))
        cycle = np.zeros((len(state.groups),) * 2)
        cycle[[0, 1, 2], [1, 2, 0]], cycle[[1, 2, 0], [0, 1, 2]] = 1.0, -1.0
        block = _block(state, [("R", cycle)], [("R", 0, 1)], machine, rule)
        modes += _modes(block, (K - 1) * (K - 2) // 2, "(K-2,1,1)", "rotation within the teachers' span", 2)
    if K > 3:
        state = _refined(base, (4,))
        pattern = _pairs(len(state.groups))
        block = _block(state, [("Q", pattern), ("R", pattern)], [("Q", 0, 2), ("R", 0, 2)], machine, rule)
        modes += _modes(block, K * (K - 3) // 2, "(K-2,2)", "two pairs against two others", 2)
    return tuple(sorted(modes, key=lambda mode: -np.real(mode.eigenvalue)))

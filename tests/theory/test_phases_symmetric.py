"""The grouped flow against plain sums over all fields."""

import numpy as np
import pytest

from practicum.theory.machines import Committee, LearningRule
from practicum.theory.phases._ansatz import ConvergenceAnsatz, PlateauAnsatz
from practicum.theory.phases._symmetric import Group, _layout
from theory import phases_reference as reference

RULE = LearningRule(learning_rate=0.7, inverse_temperature=2.5, weight_decay=0.03, batch_size=3)
NOISE = 0.4
PLATEAU = np.array([0.6, 0.2, 0.15])
SPECIALIZED = np.array([1.1, 0.2, 0.9, 0.1])


def plateau_overlaps(x, K, M, t):
    Q, C, R = x
    return np.where(np.eye(K, dtype=bool), Q, C), np.full((K, M), R), t * np.eye(M)


def specialized_overlaps(x, K):
    Q, C, R, S = x
    own = np.eye(K, dtype=bool)
    return np.where(own, Q, C), np.where(own, R, S), np.eye(K)


@pytest.mark.parametrize("K, M, t", [(2, 2, 1.0), (3, 2, 1.3), (2, 4, 0.6), (4, 4, 1.0)])
def test_plateau_drift_and_error_equal_the_plain_sums(K, M, t):
    machine, ansatz = Committee(students=K, teachers=M, noise=NOISE), PlateauAnsatz(K, M, t)
    overlaps = plateau_overlaps(PLATEAU, K, M, t)
    dQ, dR = reference.flow(*overlaps, RULE, NOISE)
    np.testing.assert_allclose(
        ansatz.drift(PLATEAU, machine, RULE), [dQ[0, 0], dQ[0, 1], dR[0, 0]], rtol=1e-13, atol=1e-13
    )
    assert ansatz.error(PLATEAU) == pytest.approx(reference.error(*overlaps), rel=1e-13)


@pytest.mark.parametrize("K", [2, 3, 5])
def test_convergence_drift_and_error_equal_the_plain_sums(K):
    machine, ansatz = Committee(students=K, teachers=K, noise=NOISE), ConvergenceAnsatz(K)
    overlaps = specialized_overlaps(SPECIALIZED, K)
    dQ, dR = reference.flow(*overlaps, RULE, NOISE)
    np.testing.assert_allclose(
        ansatz.drift(SPECIALIZED, machine, RULE), [dQ[0, 0], dQ[0, 1], dR[0, 0], dR[0, 1]], rtol=1e-13, atol=1e-13
    )
    assert ansatz.error(SPECIALIZED) == pytest.approx(reference.error(*overlaps), rel=1e-13)


def test_a_single_pair_has_two_coordinates():
    machine, ansatz = Committee(students=1, teachers=1, noise=NOISE), ConvergenceAnsatz(1)
    dQ, dR = reference.flow(np.array([[1.1]]), np.array([[0.9]]), np.eye(1), RULE, NOISE)
    np.testing.assert_allclose(
        ansatz.drift(np.array([1.1, 0.9]), machine, RULE), [dQ[0, 0], dR[0, 0]], rtol=1e-13, atol=1e-13
    )


def test_power_every_ingredient_of_the_rule_shows_in_the_drift():
    machine, ansatz = Committee(students=3, teachers=3, noise=NOISE), ConvergenceAnsatz(3)
    right = ansatz.drift(SPECIALIZED, machine, RULE)
    wrong = [
        ansatz.drift(SPECIALIZED, machine.replace(noise=0.0), RULE),
        ConvergenceAnsatz(3 + 1e-6).drift(SPECIALIZED, machine, RULE),
        *(
            ansatz.drift(SPECIALIZED, machine, RULE.replace(**change))
            for change in ({"inverse_temperature": 2.51}, {"weight_decay": 0.0301}, {"batch_size": 4})
        ),
    ]
    for drift in wrong:
        assert np.abs(drift - right).max() > 1e-9


def test_between_whole_numbers_of_sites_the_drift_is_the_polynomial_through_them():
    # Sums over pairs make the drift a quadratic in K = M at fixed overlaps: three whole numbers determine it.
    machine = Committee(students=2, teachers=2, noise=NOISE)
    at = [ConvergenceAnsatz(K).drift(SPECIALIZED, machine, RULE) for K in (2, 3, 4)]
    K = 2.6
    lagrange = [(K - 3) * (K - 4) / 2, -(K - 2) * (K - 4), (K - 2) * (K - 3) / 2]
    expected = sum(c * drift for c, drift in zip(lagrange, at, strict=True))
    np.testing.assert_allclose(ConvergenceAnsatz(K).drift(SPECIALIZED, machine, RULE), expected, rtol=1e-12, atol=1e-13)


def test_multiplicities_count_all_pairs_and_their_number_does_not_grow():
    small, large = (
        _layout((Group(K, teacher=False), Group(M, student=False)), (0, 1)) for K, M in ((9, 7), (900, 700))
    )
    assert len(small.site) == len(large.site) <= 6
    assert np.abs(large.single).sum() == 1600
    assert np.abs(large.pair).sum() == 1600**2
    both = _layout((Group(50),), (0, 0))
    assert np.abs(both.single).sum() == 100
    assert np.abs(both.pair).sum() == 100**2
    assert both.pair.sum() == 0  # teachers minus students, squared


def test_complex_steps_agree_with_differences():
    machine, ansatz, h = Committee(students=3, teachers=3, noise=NOISE), PlateauAnsatz(3, 3), 1e-3
    unit = np.eye(3)

    def slope(n, h):
        up, down = (ansatz.drift(PLATEAU + sign * h * unit[n], machine, RULE) for sign in (1, -1))
        return (up - down) / (2 * h)

    richardson = np.array([(4 * slope(n, h / 2) - slope(n, h)) / 3 for n in range(3)]).T
    np.testing.assert_allclose(ansatz.jacobian(PLATEAU, machine, RULE), richardson, atol=1e-9)

"""The plateau: closed forms, the right branch, and the spectrum of the whole flow."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from practicum.errors import ParameterError
from practicum.theory.flow import solve
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases import Mode, Plateau, plateau, plateau_limit
from practicum.theory.phases._ansatz import PlateauAnsatz
from theory import phases_reference as reference


def at(K, eta, beta=1.0, *, M=None, noise=0.0, t=1.0, **rule):
    return plateau(
        Committee(students=K, teachers=M or K, noise=noise),
        LearningRule(learning_rate=eta, inverse_temperature=beta, **rule),
        teacher_norm=t,
    )


@pytest.mark.parametrize("K, error", [(2, 0.01161084), (3, 0.02029659), (5, 0.03622632), (10, 0.07445334)])
def test_the_limit_of_small_rates_in_closed_form(K, error):
    limit = plateau_limit(K)
    assert limit.generalization_error == pytest.approx(error, abs=5e-9)
    np.testing.assert_allclose([limit.Q, limit.R], [1 / (2 * K - 1), 1 / np.sqrt(K * (2 * K - 1))], rtol=1e-15)
    assert PlateauAnsatz(K, K).error(np.array([limit.Q, limit.Q, limit.R])) == pytest.approx(error, abs=5e-9)


@pytest.mark.parametrize("K, gain", [(2, 2.152), (3, 2.910), (5, 4.441), (10, 8.283)])
def test_the_gain_at_four_times_k_is_the_published_one_and_the_largest(K, gain):
    rates = np.array([plateau_limit(K, beta).escape_rate for beta in np.geomspace(0.1, 400, 4001)])
    assert plateau_limit(K, 4 * K).escape_rate >= rates.max()
    assert plateau_limit(K, 4 * K).escape_rate / plateau_limit(K).escape_rate == pytest.approx(gain, abs=5e-4)


@pytest.mark.parametrize("K, beta", [(2, 1.0), (3, 12.0), (10, 1.0)])
def test_small_rates_approach_the_limit_linearly(K, beta):
    limit = plateau_limit(K, beta)
    distances = []
    for eta in (4e-5, 2e-5):
        found = at(K, eta, beta)
        distances.append(
            np.abs(
                [found.Q - limit.Q, found.C - limit.Q, found.R - limit.R, found.escape_rate / eta - limit.escape_rate]
            )
        )
        assert (found.Q - found.C) / eta > 1e-2  # the branch on which students differ
    np.testing.assert_allclose(distances[0] / distances[1], 2, rtol=0.02)
    assert distances[1].max() < 1e-2 * limit.R


@pytest.mark.parametrize(
    "K, eta, beta, noise", [(2, 1.4, 4.2, 0.0), (3, 0.9, 1.0, 0.3), (5, 0.2, 8.0, 0.0), (50, 0.02, 3.0, 0.1)]
)
def test_the_escape_rate_equals_its_closed_form(K, eta, beta, noise):
    found = at(K, eta, beta, noise=noise)
    Q, C, R = found.Q, found.C, found.R
    D = 2 * (1 + beta * Q) - beta * R**2
    Lo = (1 + beta * Q) * (1 + Q) - beta * C**2
    expected = 2 * eta / np.pi * (beta * R * D**-1.5 - 1 / (R * np.sqrt(D)) + K / np.sqrt(Lo))
    assert found.escape_rate == pytest.approx(expected, rel=1e-11)
    assert found.escape_multiplicity == (K - 1) ** 2
    # Identical students at the same rule would escape at another rate: the form above tells the branches apart.
    Lo_identical = (1 + beta * Q) * (1 + Q) - beta * Q**2
    wrong = 2 * eta / np.pi * (beta * R * D**-1.5 - 1 / (R * np.sqrt(D)) + K / np.sqrt(Lo_identical))
    assert abs(wrong / expected - 1) > 1e-3


CASES = [
    {"K": 2, "eta": 1.4, "beta": 4.2},
    {"K": 3, "eta": 0.9},
    {"K": 4, "eta": 0.5, "beta": 3.0, "M": 3, "noise": 0.2, "batch_size": 2},
    {"K": 2, "eta": 0.8, "M": 4, "t": 1.4},
    {"K": 5, "eta": 0.3, "M": 2, "weight_decay": 1e-4},
    {"K": 4, "eta": 0.3, "weight_decay": 0.01},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_spectrum_is_that_of_the_whole_flow(case):
    found = at(**case)
    start, K, M = found.order_parameters(), found.machine.students, found.machine.teachers
    dQ, dR = reference.flow(start.Q, start.R, start.T, found.rule, found.machine.noise)
    assert max(np.abs(dQ).max(), np.abs(dR).max()) < 1e-14
    assert found.residual < 1e-14
    assert sum(mode.multiplicity for mode in found.spectrum) == K * (K + 1) // 2 + K * M
    dense = np.linalg.eigvals(reference.jacobian(start.Q, start.R, start.T, found.rule, found.machine.noise))
    assert reference.distance(reference.expanded(found.spectrum), dense) < 1e-12
    assert found.generalization_error == pytest.approx(reference.error(start.Q, start.R, start.T), rel=1e-12)


@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[3], CASES[5]], ids=str)
def test_the_branch_is_the_one_that_attracts_symmetric_starts(case):
    found = at(**case)
    machine, rule, K, M = found.machine, found.rule, found.machine.students, found.machine.teachers
    ansatz = PlateauAnsatz(K, M, found.teacher_norm)
    relaxed = solve_ivp(
        lambda _, x: ansatz.drift(x, machine, rule),
        (0, 1e5),
        [0.4, 1e-3, 1e-3],
        method="Radau",
        jac=lambda _, x: ansatz.jacobian(x, machine, rule),
        rtol=1e-9,
        atol=1e-13,
    ).y[:, -1]
    np.testing.assert_allclose([found.Q, found.C, found.R], relaxed, atol=1e-7)
    trivial = [mode.eigenvalue for mode in found.spectrum if mode.symmetry == "trivial"]
    assert max(np.real(trivial)) < 0
    assert found.students_identical == (case.get("weight_decay", 0) == 0.01)


def test_the_compiled_flow_leaves_the_plateau_at_the_escape_rate():
    found = at(3, 0.5, 4.0)
    there = found.order_parameters()
    specialize = 3 * np.eye(3) - 1  # sums of rows and columns vanish
    # Smaller amplitudes drown in the integrator's error (1e-12 of R a step), larger ones are no longer linear.
    start = OrderParameters(Q=there.Q, R=there.R + 1e-8 * specialize)
    path = solve(found.machine, found.rule, start, until=150.0, save_at=[50.0, 150.0], rtol=1e-12, atol=1e-16)
    amplitude = path.R.values[:, 0, 0] - path.R.values[:, 0, 1]
    assert np.log(amplitude[1] / amplitude[0]) / 100 == pytest.approx(found.escape_rate, rel=1e-5)


def test_a_batch_is_a_change_of_units():
    one, many = at(3, 0.2, 2.0, weight_decay=1e-5), at(3, 0.8, 2.0, weight_decay=4e-5, batch_size=4)
    np.testing.assert_allclose([one.Q, one.C, one.R], [many.Q, many.C, many.R], rtol=1e-11)
    assert many.escape_rate == pytest.approx(4 * one.escape_rate, rel=1e-11)


def test_weight_decay_merges_students_and_no_decay_never_does():
    assert not at(3, 0.3).students_identical
    assert not at(3, 0.3, weight_decay=1e-4).students_identical
    merged = at(3, 0.3, weight_decay=0.02)
    assert merged.students_identical
    assert merged.residual < 1e-15


def test_beyond_the_end_of_the_branch_the_error_names_it():
    with pytest.raises(ParameterError, match=r"learning_rate=0\.9: its branch was followed up to learning_rate=0\.72"):
        at(3, 0.9, 12.0)
    assert at(3, 0.72, 12.0).residual < 1e-14


def test_a_thousand_students_cost_what_two_do():
    found = at(1000, 1e-4)
    assert sum(mode.multiplicity for mode in found.spectrum) == 1000 * 1001 // 2 + 1000**2
    assert found.residual < 1e-16


def test_results_are_values_with_a_faithful_repr():
    found = at(2, 0.5)
    names = {"Plateau": Plateau, "Mode": Mode, "Committee": Committee, "LearningRule": LearningRule}
    assert eval(repr(found), names) == found
    assert found == at(2, 0.5)
    assert found != at(2, 0.6)
    with pytest.raises(AttributeError):
        found.Q = 1.0


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: at(1, 0.1), "at least 2 students and 2 teachers"),
        (lambda: at(2, 0.1, M=1), "Got 2 and 1"),
        (lambda: at(2, 1e-7), "plateau_limit"),
        (lambda: at(2, 0.1, t=0.0), "'teacher_norm'"),
        (lambda: at(2, 0.1, t=float("nan")), "'teacher_norm'"),
        (lambda: at(2, 0.1, fan_out_learning_rate=0.1), "fan_out_learning_rate=0"),
        (lambda: plateau(Committee(students=2, teachers=2, activation="relu"), LearningRule(learning_rate=1)), "'erf'"),
        (lambda: plateau("committee", LearningRule(learning_rate=1)), "must be a Committee"),  # type: ignore[arg-type]
        (lambda: plateau(Committee(students=2, teachers=2), 0.1), "must be a LearningRule"),  # type: ignore[arg-type]
        (lambda: plateau_limit(1), "'students'"),
        (lambda: plateau_limit(2, -1.0), "'inverse_temperature'"),
    ],
)
def test_bad_values_are_answered_in_a_sentence(call, words):
    with pytest.raises(ParameterError, match=words):
        call()

"""The convergence phase: published optima, the noise floor, and the spectrum of the whole flow."""

import numpy as np
import pytest

from practicum.errors import ParameterError
from practicum.theory.flow import solve
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases import Convergence, Mode, best_rule, convergence, plateau
from practicum.theory.phases.convergence import best_learning_rate, critical_learning_rate, rate
from theory import phases_reference as reference


def machine(K, noise=0.0):
    return Committee(students=K, teachers=K, noise=noise)


def at(K, eta, beta=1.0, *, noise=0.0, **rule):
    return convergence(machine(K, noise), LearningRule(learning_rate=eta, inverse_temperature=beta, **rule))


TABLE = [  # K, beta (best for that K), its rounding, eta_opt, rate, eta_max
    (2, 1.0, 0, 1.880796, 0.144247, 2.306828),
    (3, 1.0, 0, 1.280377, 0.096368, 1.620675),
    (10, 1.0, 0, 0.394441, 0.028823, 0.525824),
    (2, 1.78643, 5e-6, 2.027014, 0.165522, 2.441999),
    (3, 1.83125, 5e-6, 1.425521, 0.111830, 1.749639),
    (10, 1.9593, 5e-5, 0.462391, 0.034208, 0.590955),
]


@pytest.mark.parametrize("K, beta, rounding, eta, best, critical", TABLE)
def test_the_table_of_optima(K, beta, rounding, eta, best, critical):
    found = best_rule(machine(K), "convergence", adaptive=rounding > 0)
    assert found.rule.inverse_temperature == pytest.approx(beta, abs=rounding)
    assert found.rule.learning_rate == pytest.approx(eta, abs=6e-7)
    assert found.rate == pytest.approx(best, abs=6e-7)
    assert not found.at_bound
    there = convergence(machine(K), found.rule)
    assert there.critical_learning_rate == pytest.approx(critical, abs=6e-7)
    assert there.rate == pytest.approx(found.rate, rel=1e-12)
    assert there.best_rate == pytest.approx(found.rate, rel=1e-12)
    assert there.best_learning_rate == pytest.approx(found.rule.learning_rate, rel=1e-9)


def test_large_committees_extrapolate_to_the_published_constants():
    def scaled(K):
        plain, adaptive = (best_rule(machine(K), "convergence", adaptive=a) for a in (False, True))
        return np.array(
            [
                1 / plain.rate / K,
                1 / adaptive.rate / K,
                adaptive.rule.learning_rate * K,
                adaptive.rule.inverse_temperature,
                critical_learning_rate(K) * K,
            ]
        )

    at_500, at_1000, at_2000 = scaled(500), scaled(1000), scaled(2000)
    limit = 2 * at_2000 - at_1000  # corrections are of order 1 / K: measured here
    np.testing.assert_allclose((at_1000 - at_500)[[0, 1, 4]] / (at_2000 - at_1000)[[0, 1, 4]], 2, rtol=0.02)
    np.testing.assert_allclose(limit[:3], [3.48, 2.90, 4.78], atol=5e-3)
    assert limit[3] == pytest.approx(2.03, abs=5e-3)
    assert limit[4] == pytest.approx(np.sqrt(3) * np.pi, abs=1e-6)


def test_the_best_learning_rate_is_a_maximum():
    for K, beta in ((2, 1.0), (3, 1.8), (10, 0.3), (10, 6.0)):
        eta, best = best_learning_rate(K, beta)
        others = [rate(K, beta, share * critical_learning_rate(K, beta)) for share in np.linspace(1e-3, 1.2, 1200)]
        assert best >= max(others) > 0.999 * best
        assert rate(K, beta, eta) == best


SPECTRA = [
    (2, 0.5, 1.0, 0.0, 0.0),
    (3, 1.2, 1.8, 0.0, 0.0),
    (5, 0.4, 1.0, 0.0, 0.0),
    (1, 0.9, 2.0, 0.1, 0.0),
    (3, 0.2, 1.0, 0.1, 0.0),
    (4, 0.3, 2.0, 0.3, 1e-3),
]


@pytest.mark.parametrize("K, eta, beta, noise, decay", SPECTRA)
def test_the_spectrum_is_that_of_the_whole_flow(K, eta, beta, noise, decay):
    found = at(K, eta, beta, noise=noise, weight_decay=decay)
    there = found.order_parameters()
    dQ, dR = reference.flow(there.Q, there.R, there.T, found.rule, noise)
    assert max(np.abs(dQ).max(), np.abs(dR).max()) < 1e-14
    assert sum(mode.multiplicity for mode in found.spectrum) == K * (3 * K + 1) // 2
    dense = np.linalg.eigvals(reference.jacobian(there.Q, there.R, there.T, found.rule, noise))
    # At Q = R = T some blocks are defective: their eigenvalues are known to the square root of rounding only.
    assert reference.distance(reference.expanded(found.spectrum), dense) < 1e-7
    assert found.generalization_error == pytest.approx(reference.error(there.Q, there.R, there.T), rel=1e-10, abs=1e-15)


def test_modes_that_count_twice_are_those_orthogonal_to_the_gradient_of_the_error():
    found = at(4, 0.7, 1.5)
    there = found.order_parameters()
    eigenvalues, vectors = np.linalg.eig(reference.jacobian(there.Q, there.R, there.T, found.rule))
    gradient = reference.error_gradient(there.Q, there.R, there.T)
    felt = np.abs(gradient @ vectors) > 1e-6 * np.linalg.norm(gradient)
    first_order = [mode.eigenvalue for mode in found.spectrum if mode.order == 1]
    assert len(first_order) == felt.sum() == 2
    assert reference.distance(first_order, eigenvalues[felt]) < 1e-10


@pytest.mark.parametrize("K, eta, beta", [(2, 0.5, 1.0), (3, 1.5, 1.0), (4, 0.4, 3.0)])
def test_the_compiled_flow_forgets_deviations_at_the_rates_of_the_trivial_modes(K, eta, beta):
    found = at(K, eta, beta)
    slowest = {
        order: max(m.eigenvalue for m in found.spectrum if m.symmetry == "trivial" and m.order == order)
        for order in (1, 2)
    }
    outside = OrderParameters(Q=(1 + 1e-6) * np.eye(K), R=np.eye(K))
    inside = OrderParameters(Q=(1 - 1e-5) ** 2 * np.eye(K), R=(1 - 1e-5) * np.eye(K))
    measured = {}
    for order, start in ((1, outside), (2, inside)):
        times = np.array([4.0, 6.0]) / -slowest[order]
        path = solve(found.machine, found.rule, start, until=times[-1], save_at=times, rtol=1e-12, atol=1e-18)
        # Outside the span the error is the amplitude; inside it is the overlap with the teacher that deviates.
        amplitude = path.generalization_error.values if order == 1 else path.R.values[:, 0, 0] - 1
        measured[order] = np.log(amplitude[1] / amplitude[0]) / (times[1] - times[0])
    assert measured[1] == pytest.approx(slowest[1], rel=1e-3)
    assert measured[2] == pytest.approx(slowest[2], rel=1e-3)
    assert found.rate == pytest.approx(-max(measured[1], 2 * measured[2]), rel=1e-3)


def test_the_slowest_mode_keeps_the_ansatz():
    for K in (2, 3, 4, 7):
        for share in (0.1, 0.5, 0.8, 0.95, 1.05):
            for beta in (0.5, 1.0, 3.0):
                eta = share * critical_learning_rate(K, beta)
                assert at(K, eta, beta).rate == pytest.approx(rate(K, beta, eta), rel=1e-8, abs=1e-12)


def test_at_the_critical_rate_stability_ends():
    for K, beta, B in ((1, 1.0, 1), (3, 1.0, 1), (6, 4.0, 3)):
        critical = at(K, 0.1, beta, batch_size=B).critical_learning_rate
        below, above = (at(K, share * critical, beta, batch_size=B) for share in (1 - 1e-6, 1 + 1e-6))
        assert below.stable
        assert not above.stable
        assert below.rate > 0 > above.rate
        assert above.time_constant == np.inf
        assert below.time_constant == 1 / below.rate
        assert above.rate == pytest.approx(-below.rate, rel=1e-3)


def test_the_noise_floor():
    found = at(3, 0.2, noise=0.1)
    assert found.generalization_error == pytest.approx(6.279791e-4, abs=5e-11)
    assert found.residual < 1e-15
    leading = np.sqrt(3) / (6 * np.pi) * 0.2 * 0.1**2 * 3
    assert leading / found.generalization_error == pytest.approx(0.88, abs=5e-3)
    start = OrderParameters(Q=found.order_parameters().Q * 1.1, R=np.eye(3))
    path = solve(found.machine, found.rule, start, until=4000.0, save_at=[4000.0])
    assert path.generalization_error.values[-1] == pytest.approx(found.generalization_error, rel=1e-8)


def test_the_noise_floor_at_small_rates_is_the_leading_order():
    def relative(eta, K=4, sigma=0.05):
        return at(K, eta, noise=sigma).generalization_error / (np.sqrt(3) / (6 * np.pi) * eta * sigma**2 * K) - 1

    assert relative(1e-3) == pytest.approx(0, abs=1e-2)
    assert relative(2e-3) / relative(1e-3) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("noise", [0.1, 1e-2, 1e-5])
def test_beyond_the_critical_rate_a_little_noise_ends_at_a_large_error(noise):
    # The branch turns by almost a right angle there; the one that goes straight on has Q < 1 and is impossible.
    found = at(3, 1.7, noise=noise)
    assert found.rule.learning_rate > found.critical_learning_rate
    assert found.stable
    assert found.generalization_error > 0.02
    start = OrderParameters(Q=1.3 * np.eye(3), R=np.eye(3))
    path = solve(found.machine, found.rule, start, until=1000.0, save_at=[1000.0])
    assert path.Q.values[0, 0, 0] == pytest.approx(found.Q, rel=1e-6)


def test_without_a_fixed_point_the_floor_is_infinite():
    lost = at(10, 0.6, noise=1.0)
    assert lost.generalization_error == np.inf
    assert np.isnan(lost.Q)
    assert not lost.stable
    assert lost.time_constant == np.inf


def test_a_batch_is_a_change_of_units():
    one, many = (
        at(3, 0.2, 2.0, noise=0.1, weight_decay=1e-4),
        at(3, 0.8, 2.0, noise=0.1, weight_decay=4e-4, batch_size=4),
    )
    assert many.generalization_error == pytest.approx(one.generalization_error, rel=1e-10)
    assert many.rate == pytest.approx(4 * one.rate, rel=1e-9)
    assert many.critical_learning_rate == pytest.approx(4 * one.critical_learning_rate)


def test_results_are_values_with_a_faithful_repr():
    found = at(2, 0.5, noise=0.1)
    names = {"Convergence": Convergence, "Mode": Mode, "Committee": Committee, "LearningRule": LearningRule}
    assert eval(repr(found), names) == found
    with pytest.raises(AttributeError):
        found.Q = 1.0


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: convergence(Committee(students=3, teachers=2), LearningRule(learning_rate=1)), "3 students and 2"),
        (
            lambda: convergence(Committee(students=2, teachers=2, activation="linear"), LearningRule(learning_rate=1)),
            "activation='erf'",
        ),
        (lambda: at(2, 0.1, fan_out_learning_rate=0.1), "fan_out_learning_rate=0"),
    ],
)
def test_bad_values_are_answered_in_a_sentence(call, words):
    with pytest.raises(ParameterError, match=words):
        call()


def test_the_critical_rate_is_flat_at_extreme_temperatures():
    for K in (1, 2, 3, 8):
        for ends in ((1e-300, 1e-20, 1e-5), (1e300, 1e20, 1e10)):
            last = critical_learning_rate(K, ends[-1])
            for beta in ends[:-1]:
                assert critical_learning_rate(K, beta) == pytest.approx(last, rel=1e-5)


@pytest.mark.parametrize("beta", [1e-300, 1e300])
def test_the_flow_takes_extreme_temperatures_and_the_phases_refuse_them(beta):
    rule = LearningRule(learning_rate=1.0, inverse_temperature=beta)
    committee = Committee(students=2, teachers=2)
    assert str(solve(committee, rule, OrderParameters.near_symmetric(2, 2), 5.0).status.values) == "ok"
    with pytest.raises(ParameterError, match=r"'inverse_temperature' .* between 1e-12 and 1e12"):
        convergence(committee, rule)
    with pytest.raises(ParameterError, match=r"'inverse_temperature' .* between 1e-12 and 1e12"):
        plateau(committee, rule)

"""The best rules: published optima of the phases, and a global minimum of the total time."""

import numpy as np
import pytest

from practicum.errors import ParameterError
from practicum.theory.flow import time_to_target
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.theory.phases import BestRule, best_rule, plateau
from practicum.theory.phases._search import Axis, minimise


def machine(K, **other):
    return Committee(students=K, teachers=K, **other)


START = OrderParameters(Q=[[0.3, 0.001], [0.001, 0.4]], R=[[0.003, 0.001], [0.001, 0.002]])


@pytest.mark.parametrize("K", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.slow)])
def test_at_small_rates_the_best_temperature_of_the_plateau_is_4k(K):
    betas = [best_rule(machine(K), learning_rate=eta).rule.inverse_temperature / (4 * K) - 1 for eta in (4e-4, 2e-4)]
    assert betas[0] / betas[1] == pytest.approx(2, rel=0.1)  # it approaches 4K linearly in eta
    assert 2 * betas[1] - betas[0] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    "adaptive, beta, eta, rate",
    [(False, 1.0, 1.65968, 0.077667), (True, 4.2307, 1.40138, 0.112348)],
)
def test_the_plateau_with_the_learning_rate_optimised_too(adaptive, beta, eta, rate):
    found = best_rule(machine(2), "plateau", adaptive)
    assert found.rule.learning_rate == pytest.approx(eta, abs=5e-6)
    assert found.rule.inverse_temperature == pytest.approx(beta, abs=5e-5 if adaptive else 0)
    assert found.rate == pytest.approx(rate, abs=5e-7)
    assert found.rate == pytest.approx(plateau(machine(2), found.rule).escape_rate, rel=1e-10)
    assert found.precision["learning_rate"] < 1e-5
    assert not found.at_bound


@pytest.mark.slow
@pytest.mark.parametrize("K", [3, 5, 10])
def test_no_random_rule_escapes_faster(K):
    found = best_rule(machine(K), "plateau")
    rng = np.random.default_rng(K)
    better = 0
    for _ in range(60):
        rule = LearningRule(
            learning_rate=np.exp(rng.uniform(np.log(0.1 / K), np.log(5 / K))),
            inverse_temperature=np.exp(rng.uniform(np.log(0.5), np.log(6.0 * K))),
        )
        try:
            better += plateau(machine(K), rule).escape_rate > found.rate
        except ParameterError:
            continue
    assert better == 0


def test_the_best_rule_of_convergence_with_the_rate_fixed_beats_its_neighbours():
    found = best_rule(machine(3), "convergence", learning_rate=1.3)
    assert found.rule.learning_rate == 1.3
    nearby = [
        best_rule(machine(3), "convergence", learning_rate=1.3, inverse_temperatures=(b, b * 1.0001)).rate
        for b in found.rule.inverse_temperature * np.array([0.97, 1.03])
    ]
    assert found.rate > max(nearby)


def test_the_landscape_is_labelled_and_peaks_where_the_best_rule_lies():
    found = best_rule(machine(3), "convergence", landscape=True)
    rates = found.landscape.rate
    assert rates.dims == ("learning_rate", "inverse_temperature")
    assert float(rates.max()) <= found.rate
    assert float(rates.max()) > 0.9 * found.rate
    assert best_rule(machine(3), "convergence").rate == pytest.approx(found.rate, rel=1e-9)


def test_the_total_time_is_confirmed_by_the_flow_and_beats_plain_gradient_descent():
    found = best_rule(machine(2), "total", start=START, target=1e-3, landscape=True)
    again = time_to_target(machine(2), found.rule, START, 1e-3, rtol=1e-12, atol=1e-18)
    assert found.alpha == pytest.approx(again, abs=5 * found.precision["alpha"])
    assert found.precision["alpha"] < 1e-5 * found.alpha
    assert found.rate == 1 / found.alpha
    assert not found.at_bound
    assert found.alpha <= float(found.landscape.alpha.min()) + found.precision["alpha"]
    plain = best_rule(machine(2), "total", adaptive=False, start=START, target=1e-3)
    assert plain.rule.inverse_temperature == 1
    assert found.alpha < 0.9 * plain.alpha
    fixed = best_rule(machine(2), "total", learning_rate=0.5, start=START, target=1e-3)
    assert fixed.rule.learning_rate == 0.5
    assert fixed.alpha > found.alpha


def test_the_total_time_does_not_depend_on_the_number_of_threads():
    options = {"start": START, "target": 1e-2, "points": (6, 5), "landscape": True}
    one, three = (best_rule(machine(2), "total", workers=n, **options) for n in (1, 3))
    assert one == three
    np.testing.assert_array_equal(one.landscape.alpha, three.landscape.alpha)


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 3])
def test_no_random_rule_trains_faster(K):
    start = OrderParameters.random(K, K, seed=3, overlap=1e-3)
    found = best_rule(machine(K), "total", start=start, target=1e-4)
    rng = np.random.default_rng(K)
    times = []
    for _ in range(150):
        eta, beta = np.exp(rng.uniform(np.log(0.2 / K), np.log(5 / K))), np.exp(rng.uniform(np.log(0.5), np.log(6 * K)))
        rule = LearningRule(learning_rate=eta, inverse_temperature=beta)
        times.append(time_to_target(machine(K), rule, start, 1e-4, max_alpha=2 * found.alpha))
    assert min(times) > found.alpha
    assert min(times) < 1.2 * found.alpha  # the random rules came near


def two_basins(point, cap):
    """Minima at (2, 3) with value 1.2 (wide) and at (0.3, 20) with value 1 (narrow); nothing beyond 30."""
    x, y = np.log(point)
    wide = 1.2 + 0.05 * ((x - np.log(2)) ** 2 + (y - np.log(3)) ** 2)
    narrow = 1.0 + 0.5 * ((x - np.log(0.3)) ** 2 + (y - np.log(20)) ** 2)
    value = min(wide, narrow)
    return value if value <= cap and point[1] <= 30 else np.inf


AXES = [Axis("a", 0.05, 20.0, 12), Axis("b", 0.1, 100.0, 12)]


@pytest.mark.parametrize("slack", [np.inf, 1.5])
def test_the_search_finds_the_narrow_basin(slack):
    found = minimise(two_basins, AXES, slack=slack)
    assert found.point == pytest.approx((0.3, 20.0), rel=1e-6)
    assert found.value == pytest.approx(1.0, abs=1e-12)
    assert found.at_bound == ()
    assert max(found.spread) < 1e-5


def test_power_a_single_start_would_have_been_lost_in_the_wide_basin():
    coarse = [Axis("a", 1.0, 4.0, 3), Axis("b", 1.5, 6.0, 3)]
    assert minimise(two_basins, coarse).value == pytest.approx(1.2)


def test_the_search_says_when_it_ends_on_an_edge_or_finds_nothing():
    found = minimise(lambda point, cap: point[0] / point[1], AXES)
    assert set(found.at_bound) == {"a", "b"}
    assert minimise(lambda point, cap: np.inf, AXES) is None


def test_results_are_values_with_a_faithful_repr():
    found = best_rule(machine(3), "convergence")
    assert eval(repr(found), {"BestRule": BestRule, "Committee": Committee, "LearningRule": LearningRule}) == found


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: best_rule(machine(2), "plateu"), "Did you mean 'plateau'"),  # type: ignore[arg-type]
        (lambda: best_rule(machine(2), adaptive=False, learning_rate=0.1), "nothing to optimise"),
        (lambda: best_rule(machine(2), learning_rate=0.0), "'learning_rate'"),
        (lambda: best_rule(machine(2), "plateau", target=1e-3), "belong to phase='total'"),
        (lambda: best_rule(machine(2), "total"), "needs 'start'"),
        (lambda: best_rule(machine(3), "total", start=START, target=1e-3), "2 students and 2 teachers"),
        (lambda: best_rule(machine(2), "total", start=START, target=-1.0), "'target'"),
        (lambda: best_rule(machine(2), "total", start=START, target=1e-3, max_alpha=5.0), "raise 'max_alpha'"),
        (lambda: best_rule(machine(2), learning_rates=(2.0, 1.0)), "0 < low < high"),
        (lambda: best_rule(machine(2), inverse_temperatures=(1.0,)), "0 < low < high"),  # type: ignore[arg-type]
        (lambda: best_rule(machine(2), points=(1, 3)), "'points'"),
        (lambda: best_rule(machine(2), "total", start=START, target=1e-3, workers=-1), "'workers'"),
        (lambda: best_rule(machine(1)), "at least 2 students"),
        (lambda: best_rule(machine(2, noise=0.1), "convergence"), "noise=0"),
        (lambda: best_rule(Committee(students=2, teachers=3), "convergence"), "as many students as teachers"),
        (lambda: best_rule(machine(2, activation="relu"), "total", start=START, target=1e-3), "activation='erf'"),
        (lambda: best_rule(machine(2), learning_rate=50.0), "found no rule"),
    ],
)
def test_bad_values_are_answered_in_a_sentence(call, words):
    with pytest.raises(ParameterError, match=words):
        call()

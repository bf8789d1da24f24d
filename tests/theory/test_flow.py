"""The flow: published numbers, readable sums, other integrators, closed forms, order of convergence, how runs end."""

import json
import math
import threading

import numpy as np
import pytest
import xarray as xr

from practicum import Committee, LearningRule, OrderParameters, ParameterError, solve, solve_grid
from practicum.theory import _trajectory as trajectory
from practicum.theory._derivative import KINDS, derivative, make_problem, make_work, pack, state_size
from practicum.theory._error import CODES
from practicum.theory._until import Until
from practicum.theory.flow import beyond_critical, time_to_target
from theory import readable

IC2 = OrderParameters(Q=[[0.3, 0.001], [0.001, 0.4]], R=[[0.003, 0.001], [0.001, 0.002]])
IC3 = OrderParameters(
    Q=[[0.2, 0.001, 0.002], [0.001, 0.3, 0.003], [0.002, 0.003, 0.4]],
    R=1e-3 * np.array([[3, 1, 2], [1, 4, 2], [2, 1, 5]]),
)
TWO, THREE = Committee(students=2, teachers=2), Committee(students=3, teachers=3)


def random_start(K, M, seed, scale=0.7):
    rng = np.random.default_rng(seed)
    J, B = rng.standard_normal((K, K + M)), rng.standard_normal((M, K + M))
    return OrderParameters.from_weights(
        scale * J / math.sqrt(K + M), B / math.sqrt(K + M), rng.uniform(0.3, 1.5, K), rng.uniform(-1.5, 1.5, M)
    )


def slopes(machine, rule, start):
    """The compiled right-hand side, unpacked."""
    code = CODES[machine.activation]
    y = pack(start)
    dy = np.full_like(y, np.nan)
    problem = make_problem(machine.students, machine.teachers, code, rule, machine.noise)
    derivative(y, dy, KINDS[code], problem, make_work(start))
    return trajectory.unpack_states(dy, machine.students, machine.teachers)


def path(machine, rule, start, alphas, fixed=0.0, rtol=1e-10, atol=1e-15, method="dop853", until=None):
    alphas = np.asarray(alphas, dtype=float)
    end = until or Until(float(alphas[-1]))
    return trajectory.integrate(machine, rule, start, end, alphas, rtol, atol, method, 1e6, fixed)


def errors(machine, rule, start, alphas, **options):
    return solve(machine, rule, start, alphas[-1], save_at=alphas, **options).generalization_error.values


# ---- published numbers -----------------------------------------------------------------------------------------------


def test_errors_of_the_reference():
    assert errors(TWO, LearningRule(learning_rate=1.0), IC2, [0, 1])[0] == pytest.approx(0.49743968232, abs=5e-12)
    rule = LearningRule(learning_rate=0.1)
    found = errors(THREE, rule, IC3, [0, 10, 100, 400, 1000])
    assert found[0] == pytest.approx(0.71429021426, abs=5e-12)
    assert found[1:] == pytest.approx([0.07282707, 0.02331854, 0.02233500, 0.02165887], abs=6e-9)
    found = errors(TWO, LearningRule(learning_rate=1.0), IC2, [10, 50, 100, 200])
    assert found[:3] == pytest.approx([0.02207581, 0.02081816, 0.01803159], abs=6e-9)
    assert found[3] == pytest.approx(1.43137e-5, abs=6e-11)
    batch = errors(THREE, LearningRule(learning_rate=0.4, batch_size=4), IC3, [100])
    assert batch[0] == pytest.approx(0.0223349981, abs=6e-11)


def test_the_noise_floor_is_reached():
    machine = Committee(students=3, teachers=3, noise=0.1)
    start = OrderParameters.near_symmetric(3, 3, Q=1.0, R=0.05, split=0.8)
    end = errors(machine, LearningRule(learning_rate=0.2), start, [4000.0])[0]
    assert end == pytest.approx(6.279791e-4, abs=6e-11)


@pytest.mark.parametrize("K, known", [(2, 2.306828), (3, 1.620675)])
def test_a_learning_rate_above_critical_ends_as_diverged(K, known):
    machine = Committee(students=K, teachers=K)
    # A small distance from the teacher, outside the teachers' span: the mode that becomes unstable.
    near = OrderParameters(Q=(1 + 1e-6) * np.eye(K), R=np.eye(K))
    for eta, status in ((known - 2e-5, "ok"), (known + 2e-5, "diverged")):
        run = solve(machine, LearningRule(learning_rate=eta), near, 400.0, save_at=[200.0, 400.0])
        assert run.status.item() == status
        left = run.Q.values[:, 0, 0] - run.R.values[:, 0, 0] ** 2
        assert (left[1] > left[0]) == (status == "diverged")  # the flow agrees with the label


def test_critical_learning_rates_are_known_where_the_theory_knows_them():
    above = LearningRule(learning_rate=4.056)
    one = OrderParameters(Q=[[0.5]], R=[[0.1]])
    # The perceptron: pi sqrt(5 / 3) = 4.05578 (Biehl & Schwarze, J. Phys. A 28, 643 (1995)).
    assert beyond_critical(Committee(students=1, teachers=1), above, one)
    assert not beyond_critical(Committee(students=1, teachers=1), LearningRule(learning_rate=4.055), one)
    assert not beyond_critical(Committee(students=1, teachers=1), above.replace(batch_size=2), one)
    assert not beyond_critical(Committee(students=1, teachers=1, activation="linear"), above, one)
    assert not beyond_critical(Committee(students=1, teachers=1), above.replace(weight_decay=0.1), one)
    assert not beyond_critical(Committee(students=1, teachers=1), above, OrderParameters([[0.5]], [[0.1]], T=[[2.0]]))


# ---- the right-hand side ---------------------------------------------------------------------------------------------


SHAPES = {
    "erf": [(K, M) for K in range(1, 4) for M in range(1, 4)] + [(1, 6), (6, 1)],
    "relu": [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3)],
    "linear": [(K, M) for K in range(1, 5) for M in range(1, 5)],
}


@pytest.mark.parametrize("activation", SHAPES)
def test_the_right_hand_side_is_the_readable_sum(activation):
    compare_with_the_readable_sum(activation, SHAPES[activation])


@pytest.mark.slow
@pytest.mark.parametrize("activation, largest", [("erf", 6), ("relu", 3), ("linear", 6)])
def test_the_right_hand_side_is_the_readable_sum_up_to_six_nodes(activation, largest):
    compare_with_the_readable_sum(activation, [(K, M) for K in range(1, largest + 1) for M in range(1, largest + 1)])


def compare_with_the_readable_sum(activation, shapes):
    for n, (K, M) in enumerate(shapes):
        start = random_start(K, M, seed=n)
        beta = 0.5 + n % 7 if activation == "erf" else 1.0
        machine = Committee(students=K, teachers=M, activation=activation, noise=0.3 * (n % 2))
        rule = LearningRule(
            learning_rate=0.7, inverse_temperature=beta, weight_decay=0.2, batch_size=1 + n % 4,
            fan_out_learning_rate=0.4 * (n % 3),
        )  # fmt: skip
        read = readable.drifts(start.Q, start.R, start.T, start.v, start.v_star, machine, rule)
        for fast, slow in zip(slopes(machine, rule, start), read, strict=True):
            # 200 Gauss-Legendre points leave 1e-12 of Plackett's integral where fields are nearly dependent.
            assert fast == pytest.approx(slow, abs=1e-13 if activation != "relu" else 1e-11)


@pytest.mark.parametrize("beta", [1e-3, 12.0, 1e3])
def test_the_right_hand_side_at_extreme_temperatures(beta):
    start, machine = random_start(2, 2, seed=100), Committee(students=2, teachers=2, noise=0.2)
    rule = LearningRule(learning_rate=0.7, inverse_temperature=beta)
    read = readable.drifts(start.Q, start.R, start.T, start.v, start.v_star, machine, rule)
    for fast, slow in zip(slopes(machine, rule, start), read, strict=True):
        assert fast == pytest.approx(slow, abs=1e-13)


def test_a_wrong_right_hand_side_would_be_seen():
    """Power: each ingredient changes the slopes by far more than the tolerance."""
    start, machine = random_start(2, 3, seed=4), Committee(students=2, teachers=3, noise=0.3)
    rule = LearningRule(learning_rate=0.7, inverse_temperature=2.0, weight_decay=0.2, fan_out_learning_rate=0.4)
    right = slopes(machine, rule, start)
    for other, changed in (
        (machine, rule.replace(inverse_temperature=2.001)),
        (machine, rule.replace(weight_decay=0.201)),
        (machine, rule.replace(batch_size=2)),
        (machine, rule.replace(fan_out_learning_rate=0.401)),
        (machine.replace(noise=0.301), rule),
        (machine.replace(activation="relu"), rule),
    ):
        wrong = slopes(other, changed, start)
        assert max(np.abs(a - b).max() for a, b in zip(right, wrong, strict=True)) > 1e-5


def test_perfect_students_stay_perfect():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3, 3))
    T = X @ X.T
    for activation in CODES:
        start = OrderParameters(Q=T, R=T, T=T, v=[1.0, 2.0, -1.0], v_star=[1.0, 2.0, -1.0])
        machine = Committee(students=3, teachers=3, activation=activation)
        for part in slopes(machine, LearningRule(learning_rate=0.5, fan_out_learning_rate=0.5), start):
            assert np.abs(part).max() < 1e-13
    singular = np.ones((2, 2))  # one teacher twice
    part = slopes(TWO, LearningRule(learning_rate=0.5), OrderParameters(Q=singular, R=singular, T=singular))
    assert max(np.abs(p).max() for p in part) < 1e-13


@pytest.mark.parametrize("K, M", [(1, 1), (3, 2), (5, 7)])
def test_the_packed_state_is_all_of_it(K, M):
    start = random_start(K, M, seed=1)
    Q, R, v = trajectory.unpack_states(pack(start), K, M)
    assert pack(start).size == state_size(K, M)
    assert np.array_equal(np.triu(Q), np.triu(start.Q))
    assert np.array_equal(Q, Q.T)
    assert np.array_equal(R, start.R)
    assert np.array_equal(v, start.v)


# ---- other integrators, closed forms, order --------------------------------------------------------------------------


RUNS = {
    "plain": (TWO, LearningRule(learning_rate=1.0), IC2, [1, 10, 50]),
    "everything": (
        Committee(students=2, teachers=1, noise=0.2),
        LearningRule(
            learning_rate=0.8, inverse_temperature=3.0, weight_decay=0.003, batch_size=2, fan_out_learning_rate=0.05
        ),
        random_start(2, 1, seed=5),
        [1, 10, 40],
    ),
    "one node": (
        Committee(students=1, teachers=1),
        LearningRule(learning_rate=3.0),
        OrderParameters([[0.5]], [[0.1]]),
        [1, 5, 20],
    ),
    "fewer students": (
        Committee(students=1, teachers=3),
        LearningRule(learning_rate=0.9),
        OrderParameters([[0.5]], [[0.1, 0.2, 0.0]]),
        [1, 10, 30],
    ),
    "linear": (
        Committee(students=2, teachers=1, activation="linear", noise=0.1),
        LearningRule(learning_rate=0.3, weight_decay=0.01, fan_out_learning_rate=0.02),
        random_start(2, 1, seed=6),
        [1, 10, 30],
    ),
    "relu": (
        Committee(students=1, teachers=1, activation="relu"),
        LearningRule(learning_rate=0.5, batch_size=3, weight_decay=0.01, fan_out_learning_rate=0.1),
        OrderParameters([[0.5]], [[0.1]]),
        [1, 5, 20],
    ),
}


@pytest.mark.parametrize("run", RUNS)
def test_another_integrator_of_the_readable_flow_agrees(run):
    machine, rule, start, alphas = RUNS[run]
    read = readable.integrate(machine, rule, start, alphas)
    assert errors(machine, rule, start, alphas) == pytest.approx(read, abs=1e-9)


@pytest.mark.slow
def test_another_integrator_agrees_through_a_whole_plateau():
    alphas = [100.0, 150.0, 200.0]
    rule = LearningRule(learning_rate=1.0)
    read = readable.integrate(TWO, rule, IC2, alphas)
    assert errors(TWO, rule, IC2, alphas) == pytest.approx(read, abs=1e-8)
    read = readable.integrate(TWO, rule, IC2, alphas[:1], "Radau", 1e-9, 1e-12)
    assert errors(TWO, rule, IC2, alphas[:1]) == pytest.approx(read, abs=1e-7)


@pytest.mark.parametrize("method", ["LSODA", "Radau", "BDF"])
def test_the_methods_of_solve_agree(method):
    rtol = {"LSODA": 1e-10, "Radau": 1e-8, "BDF": 1e-8}[method]
    machine, rule, start, alphas = RUNS["everything"]
    given = errors(machine, rule, start, alphas, method=method, rtol=rtol)
    assert given == pytest.approx(errors(machine, rule, start, alphas), abs=1e-7)


def test_the_order_of_convergence_is_eight():
    machine = Committee(students=2, teachers=2, noise=0.1)
    rule = LearningRule(learning_rate=1.0, inverse_temperature=2.0, weight_decay=0.01, fan_out_learning_rate=0.1)
    exact = path(machine, rule, IC2, [12.8], rtol=1e-14, atol=1e-18).states
    found = [np.abs(path(machine, rule, IC2, [12.8], fixed=h).states - exact).max() for h in (0.8, 0.4, 0.2)]
    orders = np.log2(np.array(found[:-1]) / found[1:])
    assert ((orders > 7.3) & (orders < 8.7)).all(), orders
    # Dense output: seventh order between the steps, whose ends alone would be 1e-11 good at this h.
    found = []
    for h in (0.8, 0.4, 0.2):
        inner = np.linspace(0, h, 33)[1:]
        found.append(
            np.abs(path(machine, rule, IC2, inner, fixed=h).states - path(machine, rule, IC2, inner).states).max()
        )
    orders = np.log2(np.array(found[:-1]) / found[1:])
    assert ((orders > 6.5) & (orders < 8.5)).all(), orders


@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_tolerances_are_kept(rtol):
    exact = path(TWO, LearningRule(learning_rate=1.0), IC2, [30.0], rtol=1e-14, atol=1e-18)
    found = path(TWO, LearningRule(learning_rate=1.0), IC2, [30.0], rtol=rtol)
    assert np.abs(found.states - exact.states).max() < 30 * rtol
    assert found.steps < exact.steps


@pytest.mark.parametrize("activation", CODES)
def test_batches_only_rescale_time_and_rates(activation):
    machine = Committee(students=2, teachers=3, activation=activation, noise=0.2)
    start, B = random_start(2, 3, seed=8), 4
    whole = LearningRule(learning_rate=0.8, batch_size=B, weight_decay=0.02, fan_out_learning_rate=0.1)
    single = LearningRule(learning_rate=0.8 / B, weight_decay=0.02 / B, fan_out_learning_rate=0.1 / B)
    alphas = np.array([1.0, 5.0, 20.0])
    given = solve(machine, whole, start, 20.0, save_at=alphas)
    other = solve(machine, single, start, B * 20.0, save_at=B * alphas)
    for name in ("Q", "R", "v", "generalization_error"):
        assert given[name].values == pytest.approx(other[name].values, abs=1e-10)


def test_a_linear_committee_follows_its_closed_form():
    """p = sum_n v*_n B_n - sum_i v_i J_i decays like exp(-eta |v|^2 alpha); its square feels the noise of updates."""
    machine = Committee(students=3, teachers=2, activation="linear", noise=0.3)
    eta, B = 0.35, 2
    start = random_start(3, 2, seed=9)
    alphas = np.array([0.0, 0.5, 3.0, 20.0, 200.0])
    given = solve(machine, LearningRule(learning_rate=eta, batch_size=B), start, 200.0, save_at=alphas)
    square = start.v @ start.v
    signed = np.concatenate([-start.v, start.v_star])
    length = signed @ start.covariance @ signed
    rate = 2 * eta * square - (eta * square) ** 2 / B
    floor = (eta * square) ** 2 / B * machine.noise**2 / rate
    assert given.generalization_error.values == pytest.approx(
        (floor + (length - floor) * np.exp(-rate * alphas)) / 2, rel=1e-9
    )
    along = start.v_star @ start.T - start.v @ start.R  # p . B_n
    closed = start.R + np.outer(start.v, along) / square * (1 - np.exp(-eta * square * alphas))[:, None, None]
    assert given.R.values == pytest.approx(closed, abs=1e-9)


def test_one_perceptron_converges_at_the_known_rates():
    """K = M = 1, d = J - B small, e = -g'(rho) d.x: rates by hand (Biehl & Schwarze, J. Phys. A 28, 643 (1995))."""
    eta, rule = 1.0, LearningRule(learning_rate=1.0)
    machine = Committee(students=1, teachers=1)
    # Along the teacher: d R / d alpha = eta <g'^2 rho^2> (1 - R).
    run = solve(machine, rule, OrderParameters([[0.5]], [[0.1]]), 140.0, save_at=[100.0, 140.0], rtol=1e-13)
    left = 1 - run.R.values[:, 0, 0]
    assert -math.log(left[1] / left[0]) / 40 == pytest.approx(eta * 2 / math.pi * 3**-1.5, rel=3e-5)
    # Outside it: d |d|^2 / d alpha = -(2 eta <g'^2> - eta^2 <g'^4>) |d|^2.
    run = solve(machine, rule, OrderParameters([[1 + 1e-6]], [[1.0]]), 2.0, save_at=[0.0, 2.0])
    left = run.Q.values[:, 0, 0] - run.R.values[:, 0, 0] ** 2
    rate = 2 * eta * 2 / math.pi * 3**-0.5 - eta**2 * 4 / math.pi**2 * 5**-0.5
    assert -math.log(left[1] / left[0]) / 2 == pytest.approx(rate, rel=1e-5)


# ---- many students ---------------------------------------------------------------------------------------------------


def test_runaway_students_switch_to_the_stiff_integrator_and_agree(monkeypatch):
    machine, rule = Committee(students=4, teachers=1), LearningRule(learning_rate=1.5)
    start, alphas = OrderParameters.random(4, 1, seed=3, overlap=1e-3), [10, 100, 1000, 3000, 3000.5, 5000]
    explicit = path(machine, rule, start, alphas)
    assert explicit.states[-1][[0, 4, 7, 9]].max() > 50  # a pair of students has run away
    monkeypatch.setattr(trajectory, "_STIFF_AFTER", 0)
    monkeypatch.setattr(trajectory.compiled, "_STIFF_STEPS", 15)
    forced = path(machine, rule, start, alphas, method="LSODA")
    auto = path(machine, rule, start, alphas, method="auto")
    given = [trajectory.state_errors(p.states, start, 0) for p in (explicit, forced, auto)]
    assert given[1] == pytest.approx(given[0], abs=1e-8)
    assert given[2] == pytest.approx(given[0], abs=1e-8)


def test_a_run_out_of_steps_says_so_and_has_not_diverged(monkeypatch):
    monkeypatch.setattr(trajectory, "_MAX_STEPS", 100)
    run = solve(
        TWO, LearningRule(learning_rate=1.0, weight_decay=1000.0), IC2, 50.0, method="dop853", save_at=[0.1, 50]
    )
    assert str(run.status.values) == "unfinished"
    assert 0.1 < run.alpha_end < 50
    assert np.isfinite(run.generalization_error.values).tolist() == [True, False]


def test_another_thread_halts_a_run_that_would_take_minutes():
    halt, rule = np.zeros(1, dtype=bool), LearningRule(learning_rate=1.0, weight_decay=1000.0)
    machine, start = Committee(students=6, teachers=6), random_start(6, 6, 1)
    solve(machine, rule, start, 1e-3)  # compiled, so that the clock runs for the integration alone
    threading.Timer(0.3, halt.fill, [True]).start()
    run = solve(machine, rule, start, 1e6, method="dop853", save_at=[0.0, 1e6], halt=halt)
    assert halt[0]  # it was still going on
    assert str(run.status.values) == "unfinished"
    assert 0 < run.alpha_end < 1e6
    assert np.isfinite(run.generalization_error.values).tolist() == [True, False]


@pytest.mark.parametrize("method", ["LSODA", "Radau"])
def test_implicit_integrators_look_before_every_slope(method):
    class Later:
        looks = 0

        def __getitem__(self, _):
            self.looks += 1
            return self.looks > 40

    halt = Later()
    run = solve(TWO, LearningRule(learning_rate=1.0), IC2, 50.0, method=method, halt=halt)  # type: ignore[arg-type]
    assert str(run.status.values) == "unfinished"
    assert halt.looks == 41


def test_a_run_that_is_not_halted_has_the_same_bits():
    rule, halt = LearningRule(learning_rate=1.0), np.zeros(1, dtype=bool)
    assert solve(TWO, rule, IC2, 50.0, halt=halt).identical(solve(TWO, rule, IC2, 50.0))
    halt[0] = True
    run = solve(TWO, rule, IC2, 50.0, halt=halt)
    assert str(run.status.values) == "unfinished"
    assert run.alpha_end == 0


def test_the_explicit_integrator_hands_over_what_it_has(monkeypatch):
    """A flow made stiff by weight decay: kappa = 1000 against an end at alpha = 50."""
    machine, rule = TWO, LearningRule(learning_rate=1.0, weight_decay=1000.0)
    alphas = np.linspace(0, 50, 21)
    explicit = path(machine, rule, IC2, alphas)
    monkeypatch.setattr(trajectory, "_STIFF_AFTER", 100)
    called = []
    continued = trajectory._continue_stiff

    def spy(*given):
        called.append(given[4])
        return continued(*given)

    monkeypatch.setattr(trajectory, "_continue_stiff", spy)
    auto = path(machine, rule, IC2, alphas, method="auto")
    assert len(called) == 1
    assert 0 < called[0] < 50
    assert auto.status == "ok"
    assert auto.alpha_end == 50.0
    assert auto.steps < explicit.steps / 10
    assert np.abs(auto.states - explicit.states).max() < 1e-9


# ---- how a run ends, and what it keeps -------------------------------------------------------------------------------


def test_conditions_stop_where_the_error_passes():
    rule = LearningRule(learning_rate=1.0)
    for method in ("auto", "LSODA"):
        run = solve(TWO, rule, IC2, "generalization_error < 1e-3", method=method)
        assert run.status.item() == "stopped"
        end = run.alpha_end.item()
        assert run.sizes["alpha"] == 201
        assert run.alpha.values[-1] == end
        assert run.generalization_error.values[-1] == pytest.approx(1e-3, abs=1e-12)
        assert (run.generalization_error.values[:-1] > 1e-3).all()
        assert errors(TWO, rule, IC2, [end])[0] == pytest.approx(1e-3, abs=1e-10)
    assert time_to_target(TWO, rule, IC2, 1e-3) == pytest.approx(end, abs=1e-4)
    rising = solve(
        TWO, LearningRule(learning_rate=3.0), OrderParameters(np.eye(2), 0.999 * np.eye(2)),
        "generalization_error > 0.01", save_at=[0.0, 1.0, 1e5],
    )  # fmt: skip
    assert rising.status.item() == "stopped"
    assert 1 < rising.alpha_end.item() < 10
    assert np.isnan(rising.Q.values[2]).all()
    assert np.isfinite(rising.Q.values[:2]).all()


@pytest.mark.parametrize("method", ["auto", "LSODA"])
def test_conditions_that_are_met_at_once_or_never(method):
    rule = LearningRule(learning_rate=1.0)
    at_once = solve(TWO, rule, IC2, "generalization_error < 0.9", method=method)
    assert (at_once.status.item(), at_once.alpha_end.item()) == ("stopped", 0.0)
    assert at_once.generalization_error.values[0] == pytest.approx(0.49743968232, abs=1e-10)
    assert np.isnan(at_once.generalization_error.values[1:]).all()
    never = solve(TWO, rule, IC2, "generalization_error > 0.9", max_alpha=20, method=method)
    assert (never.status.item(), never.alpha_end.item()) == ("ok", 20.0)
    assert np.isfinite(never.Q.values).all()
    assert time_to_target(TWO, rule, IC2, 1e-9, max_alpha=50.0) == math.inf


@pytest.mark.parametrize("method", ["auto", "LSODA"])
def test_a_norm_that_is_too_large_ends_the_run(method):
    machine = Committee(students=2, teachers=2, activation="linear")
    run = solve(machine, LearningRule(learning_rate=1.2), IC2, 100.0, largest_norm=1e3, method=method)
    assert run.status.item() == "diverged"
    end = run.alpha_end.item()
    assert 1 < end < 100
    kept = run.alpha.values <= end
    assert np.isfinite(run.Q.values[kept]).all()
    assert np.isnan(run.Q.values[~kept]).all()
    assert np.isnan(run.generalization_error.values[~kept]).all()
    assert np.nanmax(run.Q.values) < 3e3
    # An overflowing slope is a divergence, no exception.
    assert solve(TWO, LearningRule(learning_rate=1e200), IC2, 1.0).status.item() == "diverged"


def test_points_are_the_same_whether_few_or_many_are_asked_for():
    machine, rule, start, _ = RUNS["everything"]
    many = solve(machine, rule, start, 60.0, save_at=np.linspace(0, 60, 601))
    few = solve(machine, rule, start, 60.0, save_at=[0, 12.5, 30.0, 60.0])
    assert few.equals(many.sel(alpha=few.alpha.values))
    default = solve(machine, rule, start, 60.0)
    assert default.sizes["alpha"] == 201
    some = default.alpha.values[::25]
    assert solve(machine, rule, start, 60.0, save_at=some).equals(default.isel(alpha=slice(None, None, 25)))


@pytest.mark.parametrize("end", [1e-300, 1e-9, np.float32(2), np.int64(3), 5])
def test_any_number_is_an_end(end):
    run = solve(TWO, LearningRule(learning_rate=1.0), IC2, end)
    assert run.status.item() == "ok"
    assert run.alpha_end.item() == float(end)
    assert json.loads(run.attrs["config"])["until"] == float(end)
    assert np.isfinite(run.Q.values).all()


@pytest.mark.parametrize("beta", [1e-3, 1e3])
def test_extreme_temperatures_agree_with_another_integrator(beta):
    rule = LearningRule(learning_rate=0.5, inverse_temperature=beta)
    read = readable.integrate(TWO, rule, IC2, [1.0, 5.0])
    assert errors(TWO, rule, IC2, [1.0, 5.0]) == pytest.approx(read, abs=1e-9)


def test_grids_are_solve_cell_by_cell_for_any_workers():
    machine, rule = Committee(students=2, teachers=2), LearningRule(learning_rate=0.1, inverse_temperature=2.0)
    over = {"noise": [0.0, 0.2], "learning_rate": [0.3, 3.5, 1.0], "batch_size": [1, 2]}
    alphas = [0.0, 3.0, 20.0]
    grid = solve_grid(machine, rule, IC2, 20.0, over=over, save_at=alphas, workers=1)
    assert grid.sizes == {"noise": 2, "learning_rate": 3, "batch_size": 2, "alpha": 3, "student": 2, "student_": 2,
                          "teacher": 2, "teacher_": 2}  # fmt: skip
    for workers in (2, 4):
        assert solve_grid(machine, rule, IC2, 20.0, over=over, save_at=alphas, workers=workers).equals(grid)
    for noise in over["noise"]:
        for eta in over["learning_rate"]:
            for B in over["batch_size"]:
                alone = solve(
                    machine.replace(noise=noise), rule.replace(learning_rate=eta, batch_size=B), IC2, 20.0,
                    save_at=alphas,
                )  # fmt: skip
                cell = grid.sel(noise=noise, learning_rate=eta, batch_size=B).drop_vars(list(over))
                assert alone.equals(cell)
                assert alone.status.item() == cell.status.item()
    assert (grid.status.sel(learning_rate=3.5, batch_size=1) == "diverged").all()
    assert (grid.status.sel(learning_rate=3.5, batch_size=2) == "ok").all()
    config = json.loads(grid.attrs["config"])
    assert config["over"] == over
    assert "saad1996noise" in grid.attrs["cite"]


def test_stiff_cells_run_in_threads():
    rule = LearningRule(learning_rate=0.1)
    options = {"over": {"learning_rate": [0.1, 0.2, 0.4, 0.8]}, "save_at": [50.0], "method": "LSODA"}
    assert solve_grid(TWO, rule, IC2, 50.0, workers=4, **options).equals(
        solve_grid(TWO, rule, IC2, 50.0, workers=1, **options)
    )


def test_a_grid_that_stops_needs_points_and_keeps_nan_after_each_end():
    condition = "generalization_error < 0.01"
    with pytest.raises(ParameterError, match="needs 'save_at' with a condition"):
        solve_grid(TWO, LearningRule(learning_rate=1.0), IC2, condition, over={"noise": [0.0]})
    grid = solve_grid(
        TWO, LearningRule(learning_rate=1.0), IC2, condition, over={"learning_rate": [0.5, 1.5]},
        save_at=np.arange(0, 1000, 10),
    )  # fmt: skip
    assert (grid.status == "stopped").all()
    reached = grid.alpha <= grid.alpha_end
    assert (np.isfinite(grid.generalization_error) == reached).all()


def test_datasets_survive_a_file(tmp_path):
    run = solve(TWO, LearningRule(learning_rate=1.0, inverse_temperature=3.0), IC2, 5.0)
    run.to_netcdf(tmp_path / "run.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as read:
        assert read.equals(run)
        assert read.attrs == run.attrs
    config = json.loads(run.attrs["config"])
    assert OrderParameters.from_dict(config["start"]) == IC2
    assert LearningRule(**config["rule"]).inverse_temperature == 3.0
    assert run.attrs["kind"] == "solve"
    assert run.attrs["cite"] == "saad1995online,west1995adaptive,west1997online"


# ---- bad values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, sentences",
    [
        ({"until": -1}, ["'until' parameter must be a finite number > 0", "Got -1", "updates / N"]),
        ({"until": math.nan}, ["'until'", "finite number > 0", "nan"]),
        ({"until": True}, ["'until'", "True"]),
        ({"until": "error < 1"}, ["generalization_error < NUMBER", "'error < 1'"]),
        ({"until": "generalization_error < -1"}, [">= 0", "-1"]),
        ({"rtol": 0}, ["'rtol'", "> 0", "Got 0"]),
        ({"rtol": 1e-300}, ["'rtol'", ">= 1e-15", "rounding", "Got 1e-300"]),
        ({"rtol": 1.0}, ["'rtol'", "< 1", "Got 1 "]),
        ({"atol": math.inf}, ["'atol'", "finite"]),
        ({"largest_norm": "big"}, ["'largest_norm'", "'big'"]),
        ({"until": "generalization_error < 1", "max_alpha": 0}, ["'max_alpha'", "> 0"]),
        ({"method": "lsoda"}, ["'method'", "auto, dop853, LSODA", "'lsoda'"]),
        ({"method": "Radua"}, ["Did you mean 'Radau'?"]),
        ({"save_at": []}, ["'save_at'", "non-empty"]),
        ({"save_at": [1, 1]}, ["'save_at'", "increase strictly", "numpy.unique"]),
        ({"save_at": [-1, 1]}, ["'save_at'", ">= 0"]),
        ({"save_at": [0, 11]}, ["alpha = 11", "end of the run at 10", "raise 'until'"]),
        ({"save_at": ["x"]}, ["'save_at'", "list of numbers"]),
        ({"start": IC3}, ["3 students and 3 teachers", "2 and 2", "OrderParameters.random(2, 2, seed=0)"]),
        ({"start": {"Q": 1}}, ["'start'", "OrderParameters"]),
        ({"machine": "erf"}, ["'machine'", "Committee"]),
        ({"rule": 0.1}, ["'rule'", "LearningRule"]),
        (
            {
                "machine": Committee(students=2, teachers=2, activation="relu"),
                "rule": LearningRule(learning_rate=1, inverse_temperature=2),
            },
            ["'inverse_temperature' parameter must be 1", "activation='relu'", "because"],
        ),
    ],
)
def test_bad_values_end_in_one_sentence(changes, sentences):
    given = {"machine": TWO, "rule": LearningRule(learning_rate=1.0), "start": IC2, "until": 10.0, **changes}
    with pytest.raises(ParameterError) as caught:
        solve(**given)
    for sentence in sentences:
        assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "changes, sentences",
    [
        ({"over": {"noize": [0.1]}}, ["'over'", "noise", "Did you mean 'noise'?"]),
        ({"over": {"noise": []}}, ["'over'", "at least one number for 'noise'"]),
        ({"over": {"noise": [[0.1]]}}, ["'over'", "'noise'", "[[0.1]]"]),
        ({"over": {"noise": [[0.1], [0.2, 0.3]]}}, ["'over'", "'noise'", "[0.2, 0.3]"]),
        ({"over": ["noise"]}, ["'over'", "dictionary"]),
        ({"over": {"learning_rate": [0.1, -1.0]}}, ["'learning_rate' parameter of LearningRule must be > 0", "-1.0"]),
        ({"over": {"noise": [0.1]}, "workers": 0}, ["'workers'", ">= 1", "Got 0"]),
        (
            {
                "over": {"inverse_temperature": [1.0, 2.0]},
                "machine": Committee(students=2, teachers=2, activation="relu"),
            },
            ["'inverse_temperature' parameter must be 1"],
        ),
    ],
)
def test_bad_grids_end_in_one_sentence(changes, sentences):
    given = {"machine": TWO, "rule": LearningRule(learning_rate=1.0), "start": IC2, "until": 10.0, **changes}
    with pytest.raises(ParameterError) as caught:
        solve_grid(**given)
    for sentence in sentences:
        assert sentence in str(caught.value)

"""The flow in two blocks: the ordinary flow, readable sums, another integrator, exact simulation, what stays frozen."""

import json
import math

import numpy as np
import pytest

from practicum import (
    BlockIsotropic,
    Committee,
    LearningRule,
    OrderParameters,
    ParameterError,
    cite,
    simulate,
    solve,
)
from practicum.theory._derivative import KINDS
from practicum.theory._error import CODES, generalization_error
from practicum.theory.subspace import Blocks, blocks_from_weights, outside_gradient, solve_blocks
from practicum.theory.subspace import _block_path as path
from practicum.theory.subspace._block_derivative import block_derivative, make_blocks, pack_blocks
from theory import subspace_reference as reference

ACTIVATIONS = ["erf", "relu", "linear"]
FULL = {"weight_decay": 0.05, "batch_size": 2, "fan_out_learning_rate": 0.2}


def a_start(K=2, M=2, seed=0, length=0.7):
    n = reference.Networks(K, M, d=10, r=5, seed=seed, length=length)
    return blocks_from_weights(n.W, n.V, n.U, n.a, n.b)


def a_rule(activation="erf", **changes):
    return LearningRule(**{"learning_rate": 0.5, "inverse_temperature": 2.5 if activation == "erf" else 1.0, **changes})


# ---- the right-hand side ---------------------------------------------------------------------------------------------


def slopes(machine, rule, blocks, share, scale):
    code = CODES[machine.activation]
    y = pack_blocks(blocks)
    dy = np.full_like(y, np.nan)
    block_derivative(y, dy, KINDS[code], *make_blocks(blocks, code, rule, machine.noise, share, scale))
    return dy


def packed(moves):
    Q, R, Q_out, R_out, v = moves
    upper = np.triu_indices(len(Q))
    return np.concatenate([Q[upper], R.ravel(), Q_out[upper], R_out.ravel(), v])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("K, M", [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_the_right_hand_side_is_the_readable_sum(activation, K, M):
    machine, rule = Committee(students=K, teachers=M, activation=activation, noise=0.4), a_rule(activation, **FULL)
    for seed, (share, scale) in enumerate([(0.3, 0.6), (0.8, 0.0), (0.5, 1.7)]):
        blocks = a_start(K, M, seed)
        parts = [(b.Q, b.R, b.T) for b in blocks]
        v, v_star = blocks.inside.v, blocks.inside.v_star
        read = packed(reference.block_drifts(*parts, v, v_star, machine, rule, share, scale))
        # 200 Gauss-Legendre points leave 1e-12 of Plackett's integral where fields are nearly dependent.
        close = pytest.approx(read, abs=1e-13 if activation != "relu" else 1e-11)
        assert slopes(machine, rule, blocks, share, scale) == close
        # Power: another share, and the two blocks exchanged, are rejected.
        assert slopes(machine, rule, blocks, share / 2, scale) != close
        assert slopes(machine, rule, Blocks(*blocks[::-1]), share, scale) != close


def test_nearly_parallel_students_of_large_norms_keep_their_digits():
    """Only the part outside tells two students apart, who run away: the drift is a difference of large numbers."""
    mp = pytest.importorskip("mpmath")
    mp.mp.dps = 50
    big, small = 1e4, 1e-4
    inside = OrderParameters.from_weights([[big, 0.3], [big, -0.3]], [[1.0, 0.5]])
    outside = OrderParameters.from_weights([[small], [0.5]], [[1.0]])
    machine, rule = Committee(students=2, teachers=1), LearningRule(learning_rate=1.0)
    found = slopes(machine, rule, Blocks(inside, outside), 0.5, 0.5)
    C_in, C_out = (mp.matrix(b.covariance.tolist()) for b in (inside, outside))
    X = C_out * mp.mpf(0.25)
    C, s = C_in + X, [-1, -1, 1]
    for i in range(2):  # R outside: the drift alone
        total = mp.mpf(0)
        for w in range(3):
            tilt = X[2, w] - X[2, i] * C[i, w] / (1 + C[i, i])
            total += s[w] * tilt / mp.sqrt(1 + C[w, w] - C[i, w] ** 2 / (1 + C[i, i]))
        expected = float(2 / mp.pi * total / mp.sqrt(1 + C[i, i]))
        assert found[8 + i] == pytest.approx(expected, rel=1e-10)


# ---- the ordinary flow -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_isotropic_inputs_are_the_ordinary_flow(activation):
    machine, rule = Committee(students=2, teachers=2, activation=activation, noise=0.1), a_rule(activation, **FULL)
    blocks, times = a_start(seed=3), [0.0, 1.0, 5.0, 30.0]
    ordinary = solve(machine, rule, blocks.seen(1.0), 30.0, save_at=times)
    run = solve_blocks(machine, rule, blocks, 30.0, share=0.35, scale=1.0, save_at=times)
    for name in ("Q", "R", "T", "v", "v_star", "generalization_error"):
        assert run[name].values == pytest.approx(ordinary[name].values, abs=2e-8)  # rtol is 1e-10 a step
    assert run.isotropic_error.values == pytest.approx(run.generalization_error.values, abs=1e-14)
    assert (run.Q_inside + run.Q_outside).values == pytest.approx(run.Q.values, abs=1e-15)
    # One start is spread evenly over all inputs, whose blocks then stay alike.
    even = solve_blocks(machine, rule, blocks.seen(1.0), 30.0, share=0.35, scale=1.0, save_at=times)
    assert even.Q.values == pytest.approx(ordinary.Q.values, abs=2e-8)
    assert even.Q_inside.values[0] == pytest.approx(0.35 * even.Q.values[0], rel=1e-14)
    # Power: with scale 0.9 the same comparison fails.
    other = solve_blocks(machine, rule, blocks, 30.0, share=0.35, scale=0.9, save_at=times)
    assert abs(other.Q - ordinary.Q).max() > 1e-3


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_a_share_of_one_is_the_ordinary_flow_inside(scale):
    machine, rule = Committee(students=2, teachers=2), a_rule(**FULL)
    inside = a_start(seed=4).inside
    nothing = OrderParameters(0 * inside.Q, 0 * inside.R, 0 * inside.T, inside.v, inside.v_star)
    ordinary = solve(machine, rule, inside, 20.0, save_at=[10.0, 20.0])
    for start in ((inside, nothing), inside):
        run = solve_blocks(machine, rule, start, 20.0, share=1, scale=scale, save_at=[10.0, 20.0])
        assert run.Q.values == pytest.approx(ordinary.Q.values, abs=2e-8)
        assert (run.Q_outside == 0).all()


def test_low_rank_data_are_the_ordinary_flow_with_less_diffusion():
    """Inside, a share phi is as good as a batch of B / phi: only the diffusion of Q knows how many inputs there are."""
    machine = Committee(students=2, teachers=2, noise=0.2)
    blocks = a_start(seed=5)
    run = solve_blocks(machine, a_rule(), blocks, 20.0, share=0.25, save_at=[20.0])
    batch = solve(machine, a_rule(batch_size=4), blocks.inside, 20.0, save_at=[20.0])
    assert run.Q_inside.values == pytest.approx(batch.Q.values, abs=2e-8)
    assert run.generalization_error.values == pytest.approx(batch.generalization_error.values, abs=2e-8)


def test_a_batch_is_a_change_of_units():
    machine, blocks = Committee(students=2, teachers=2, noise=0.2), a_start(seed=6)
    options = {"share": 0.4, "scale": 0.5}
    rule = a_rule(learning_rate=0.8, batch_size=4, weight_decay=0.08, fan_out_learning_rate=0.4)
    one = a_rule(learning_rate=0.2, batch_size=1, weight_decay=0.02, fan_out_learning_rate=0.1)
    batch = solve_blocks(machine, rule, blocks, 5.0, save_at=[1.0, 5.0], **options)
    single = solve_blocks(machine, one, blocks, 20.0, save_at=[4.0, 20.0], **options)
    for name in ("Q_inside", "R_inside", "Q_outside", "R_outside", "v"):
        assert batch[name].values == pytest.approx(single[name].values, abs=2e-8)


# ---- another integrator, and simulation ------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["erf", "linear"])
def test_a_second_integrator_of_the_readable_sums_agrees(activation):
    machine, rule = Committee(students=2, teachers=1, activation=activation, noise=0.3), a_rule(activation, **FULL)
    blocks, times = a_start(2, 1, seed=7), [0.5, 3.0]
    read = reference.integrate_blocks(machine, rule, blocks, 0.3, 0.6, times)
    for method in ("auto", "LSODA"):
        run = solve_blocks(machine, rule, blocks, 3.0, share=0.3, scale=0.6, save_at=times, method=method)
        for n, states in enumerate(read):
            for name, value in zip(("Q_inside", "R_inside", "Q_outside", "R_outside", "v"), states, strict=True):
                assert run[name].values[n] == pytest.approx(value, abs=1e-6)


CHAINS = {
    "erf": ("erf", 0.5, {"inverse_temperature": 3.0}),
    "erf, everything": ("erf", 0.7, FULL),
    "relu": ("relu", 0.5, {"weight_decay": 0.05}),
    "linear": ("linear", 0.6, {"batch_size": 2}),
    "low rank": ("relu", 0.0, FULL),
}


def z_scores(case, N=20_000, seeds=40, alpha=3.0, share=0.4):
    """A function from a flow to its largest z-score beside the exact chain of N inputs, over all order parameters."""
    activation, scale, options = CHAINS[case]
    rule = LearningRule(**{"learning_rate": 1.0, **options})
    machine, blocks = Committee(students=2, teachers=2, activation=activation, noise=0.3), a_start(seed=8)
    inputs = BlockIsotropic(dimension=int(share * N), scale=scale)
    times = [alpha / 3, alpha]
    paths = simulate(machine, rule, tuple(blocks), N, alpha, seeds=seeds, save_at=times, inputs=inputs, workers=2)

    def largest(solved_scale=scale, share=share):
        run = solve_blocks(machine, rule, blocks, alpha, share=share, scale=solved_scale, save_at=times)
        worst = 0.0
        for name in ("Q", "R", "Q_outside", "R_outside", "v", "generalization_error"):
            mean, spread = paths[name].mean("seed"), paths[name].std("seed", ddof=1) / math.sqrt(seeds)
            # Means of N inputs differ from the limit by some 1 / N; what does not fluctuate is compared with that.
            z = abs(mean - run[name]) / (spread + 2 / N)
            worst = max(worst, float(z.max()))
        return worst

    return largest, scale


@pytest.mark.parametrize("case", CHAINS)
def test_the_exact_chain_follows_the_flow(case, monkeypatch):
    largest, scale = z_scores(case)
    assert largest() < 4.5  # of some thirty numbers, dependent ones
    # Power. The diffusion without the share of the inputs, without s^2, and the drift without s^2 are rejected.
    honest = path.make_blocks

    def spoilt(change):
        def make(*arguments):
            problem, (eta, kappa, square, weights), work = honest(*arguments)
            return problem, (eta, kappa, *change(square, weights)), work

        monkeypatch.setattr(path, "make_blocks", make)
        return largest()

    assert spoilt(lambda square, weights: (square, weights / [0.4, 0.6])) > 8
    if scale:
        assert spoilt(lambda square, weights: (square, weights / [1, scale**2])) > 8
        assert spoilt(lambda square, weights: (scale, weights)) > 8
    monkeypatch.setattr(path, "make_blocks", honest)
    assert largest(solved_scale=scale + 0.2) > 8
    assert largest(share=0.6) > 8


# ---- what is frozen --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "DOP853", "LSODA"])
@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_nothing_moves_outside_low_rank_data(activation, method):
    machine = Committee(students=3, teachers=1, activation=activation, noise=0.1)
    blocks = a_start(3, 1, seed=9)
    rule = LearningRule(learning_rate=0.7, fan_out_learning_rate=0.1)
    run = solve_blocks(machine, rule, blocks, 100.0, share=0.5, method=method, rtol=1e-6)
    assert (run.Q_outside == blocks.outside.Q).all()  # bit for bit
    assert (run.R_outside == blocks.outside.R).all()
    assert abs(run.Q_inside - blocks.inside.Q).max() > 0.1
    leaky = solve_blocks(machine, rule, blocks, 100.0, share=0.5, scale=1e-3, method=method, rtol=1e-6)
    assert abs(leaky.Q_outside - blocks.outside.Q).max() > 0


def test_weight_decay_alone_moves_the_outside_of_low_rank_data():
    run = solve_blocks(
        Committee(students=2, teachers=2), a_rule(weight_decay=0.03), a_start(seed=10), 60.0, share=0.5, rtol=1e-12
    )
    factor = np.exp(-0.03 * run.alpha)
    first = run.isel(alpha=0)
    assert abs(run.Q_outside - factor**2 * first.Q_outside).max() < 1e-9
    assert abs(run.R_outside - factor * first.R_outside).max() < 1e-9


# ---- the labelled result ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_errors_and_gradients_are_those_of_each_state(activation):
    machine, blocks, scale = Committee(students=2, teachers=2, activation=activation), a_start(seed=11), 0.3
    rule = a_rule(activation, fan_out_learning_rate=0.1)
    run = solve_blocks(machine, rule, blocks, 4.0, share=0.5, scale=scale, save_at=[0.0, 4.0])
    for n in range(2):
        at = run.isel(alpha=n)
        fans = at.v.values, at.v_star.values
        pair = Blocks(
            *(OrderParameters(*(at[f"{x}_{end}"].values for x in "QRT"), *fans) for end in ("inside", "outside"))
        )
        for value, seen in ((at.generalization_error, pair.seen(scale)), (at.isotropic_error, pair.seen(1.0))):
            expected = generalization_error(seen.Q, seen.R, seen.T, *fans, CODES[activation])
            assert float(value) == pytest.approx(expected, rel=1e-11)
        for labels in ("oracle", "fixed"):
            expected = outside_gradient(pair, activation, labels=labels, scale=scale)
            assert float(at.outside_gradient.sel(labels=labels)) == pytest.approx(expected, rel=1e-11)


def test_theory_minus_simulation_is_one_line():
    machine, rule, blocks = Committee(students=2, teachers=2), a_rule(), a_start(seed=12)
    inputs = BlockIsotropic(dimension=200, scale=0.5)
    paths = simulate(machine, rule, tuple(blocks), 400, 1.0, seeds=4, save_at=[0.5, 1.0], inputs=inputs)
    theory = solve_blocks(machine, rule, blocks, 1.0, share=0.5, scale=0.5, save_at=[0.5, 1.0])
    difference = theory - paths.mean("seed")
    assert {"Q", "R", "T", "v", "Q_outside", "R_outside", "T_outside", "generalization_error"} <= set(difference)
    assert abs(difference.Q_outside).max() < 0.3
    assert abs(difference.T_outside).max() < 1e-14


def test_the_result_says_where_it_comes_from():
    run = solve_blocks(Committee(students=2, teachers=2), a_rule(), a_start(), 1.0, share=0.5, scale=0.1, save_at=[1.0])
    config = json.loads(run.attrs["config"])
    assert (config["kind"], config["share"], config["scale"], config["until"]) == ("solve_blocks", 0.5, 0.1, 1)
    assert "Low Dimensional Linear Subspaces" in cite(run)
    assert "Understanding Robustness in Teacher-Student" in cite(run)
    assert all(run[name].attrs["long_name"] for name in run.data_vars)


def test_how_a_run_ends():
    machine, blocks = Committee(students=2, teachers=2), a_start(seed=13)
    run = solve_blocks(machine, a_rule(), blocks, "generalization_error < 0.05", share=0.5)
    assert run.status.item() == "stopped"
    assert run.sizes["alpha"] == 201
    assert float(run.generalization_error[-1]) == pytest.approx(0.05, rel=1e-6)
    assert run.alpha_end.item() == run.alpha[-1]
    never = solve_blocks(machine, a_rule(), blocks, "generalization_error < 1e-9", share=0.5, max_alpha=2.0)
    assert (never.status.item(), never.alpha_end.item()) == ("ok", 2.0)
    at_once = solve_blocks(machine, a_rule(), blocks, "generalization_error > 0", share=0.5, save_at=[0.0, 1.0])
    assert (at_once.status.item(), at_once.alpha_end.item()) == ("stopped", 0.0)
    assert np.isnan(at_once.Q.values[1]).all()
    linear = Committee(students=2, teachers=2, activation="linear")
    wild = solve_blocks(linear, LearningRule(learning_rate=9.0), blocks, 500.0, share=0.5, save_at=[0.0, 500.0])
    assert wild.status.item() == "diverged"
    assert 0 < wild.alpha_end.item() < 500
    assert not np.isnan(wild.generalization_error[0])
    assert np.isnan(wild.generalization_error[1])
    assert np.isnan(wild.outside_gradient[:, 1]).all()
    above = solve_blocks(machine, a_rule(), blocks, 1.0, share=0.5, largest_norm=0.1)
    assert (above.status.item(), above.alpha_end.item()) == ("diverged", 0.0)


def test_integrators_take_turns(monkeypatch):
    """The second goes on where the first has spent its steps; a run that comes to no end is unfinished, not ok."""
    machine, blocks, times = Committee(students=2, teachers=2), a_start(seed=14), np.linspace(0, 20, 21)
    request = {"until": 20.0, "share": 0.5, "scale": 0.5, "save_at": times}
    whole = solve_blocks(machine, a_rule(), blocks, **request)
    monkeypatch.setitem(path._STAGES, "auto", (("DOP853", 5), ("LSODA", 40), ("DOP853", 1000)))
    turns = solve_blocks(machine, a_rule(), blocks, **request)
    assert turns.status.item() == whole.status.item() == "ok"
    for name in ("Q_inside", "R_inside", "Q_outside", "R_outside", "generalization_error"):
        assert turns[name].values == pytest.approx(whole[name].values, abs=2e-8)
    monkeypatch.setitem(path._STAGES, "auto", (("DOP853", 5), ("LSODA", 5)))
    ends = solve_blocks(machine, a_rule(), blocks, **request)
    reached = np.isfinite(ends.generalization_error.values)
    assert ends.status.item() == "unfinished"
    assert (reached == (times <= ends.alpha_end.item())).all()
    assert 0 < reached.sum() < 21
    assert abs(ends.Q - whole.Q).max() < 2e-8  # NaN where it did not come is left out


def test_extra_students_that_run_away_come_to_an_end():
    """Six students of two teachers are stiff from alpha = 1000 on: explicit steps alone would be 38 000."""
    machine, rule = Committee(students=6, teachers=2), LearningRule(learning_rate=1.0)
    n = reference.Networks(6, 2, d=20, r=8, seed=0, length=0.6)
    blocks = blocks_from_weights(n.W, n.V / 2, n.U)
    run = solve_blocks(machine, rule, blocks, 1e5, share=0.5, scale=1.0, save_at=[1e3, 1e5])
    ordinary = solve(machine, rule, blocks.seen(1.0), 1e5, save_at=[1e3, 1e5])
    assert run.status.item() == ordinary.status.item() == "ok"
    # After so many stiff steps along a flat valley the overlaps agree to six digits.
    assert run.Q.values == pytest.approx(ordinary.Q.values, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"share": 0}, "'share' parameter of solve_blocks must be > 0.*simulate"),
        ({"share": 1.2}, "'share' parameter of solve_blocks must be a number from 0 to 1"),
        ({"share": -0.1}, "'share' parameter of solve_blocks must be a number from 0 to 1"),
        ({"share": "half"}, "'share' parameter of solve_blocks must be a number from 0 to 1"),
        ({"share": 1.0}, "must be < 1 where weights have a part outside"),
        ({"scale": -1.0}, "'scale' parameter of solve_blocks must be a finite number >= 0"),
        ({"scale": math.inf}, "'scale' parameter of solve_blocks must be a finite number >= 0"),
        ({"method": "dop853"}, "'method' parameter of solve_blocks must be one of 'auto', 'DOP853', 'LSODA'"),
        ({"rtol": 0}, "'rtol' parameter must be a finite number > 0"),
        ({"rtol": 2}, "'rtol' parameter must be >= 1e-15.*and < 1"),
        ({"until": -1}, "'until' parameter must be a finite number > 0"),
        ({"until": "Q < 1"}, "'until' condition must read"),
        ({"save_at": [2.0, 1.0]}, "'save_at' parameter must increase strictly"),
        ({"start": 3}, "solve_blocks needs a pair of OrderParameters"),
        ({"start": a_start(3, 2)}, "The start has 3 students and 2 teachers"),
        ({"rule": 0.1}, "'rule' parameter must be a LearningRule"),
        (
            {"machine": Committee(students=2, teachers=2, activation="relu")},
            "'inverse_temperature' parameter must be 1",
        ),
    ],
)
def test_a_bad_request_is_a_sentence(changes, sentence):
    request = {"machine": Committee(students=2, teachers=2), "rule": a_rule(), "start": a_start(), "until": 3.0}
    with pytest.raises(ParameterError, match=sentence):
        solve_blocks(**{**request, "share": 0.5, **changes})

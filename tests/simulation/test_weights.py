"""The weights against plain NumPy, against exact one-step drifts and published means; starts, laws, bits, bad input."""

import math
import threading
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from practicum import BlockIsotropic, Committee, LearningRule, OrderParameters, ParameterError
from practicum.simulation import _weights_run
from practicum.simulation.inputs import Examples, Gaussian
from practicum.simulation.normals import fill_normals32, fill_normals64, stream
from practicum.simulation.starts import Weights, weights_from_overlaps
from practicum.simulation.weights import driven_weights, simulate_weights
from simulation.readable import driven_weights as readable_weights

IC2 = OrderParameters(Q=[[0.3, 0.001], [0.001, 0.4]], R=[[0.003, 0.001], [0.001, 0.002]])
MACHINE = Committee(students=2, teachers=2)
RULE = LearningRule(learning_rate=1.0)
VARIANTS = {
    "plain": (Committee(students=3, teachers=2), LearningRule(learning_rate=0.8)),
    "everything": (
        Committee(students=3, teachers=2, noise=0.3),
        LearningRule(
            learning_rate=0.8, inverse_temperature=3.0, weight_decay=0.5, batch_size=4, fan_out_learning_rate=0.4
        ),
    ),
    "decay": (Committee(students=3, teachers=2), LearningRule(learning_rate=0.8, weight_decay=0.5)),
    "relu": (Committee(students=3, teachers=2, activation="relu", noise=0.1), LearningRule(learning_rate=0.1)),
    "linear": (Committee(students=3, teachers=2, activation="linear"), LearningRule(learning_rate=0.1, batch_size=3)),
}


def begin(K, M, N, seed=1):
    rng = np.random.default_rng(seed)
    v, v_star = rng.uniform(0.5, 1.5, K), rng.uniform(0.5, 1.5, M)
    return rng.standard_normal((K, N)) / math.sqrt(N), rng.standard_normal((M, N)) / math.sqrt(N), v, v_star


def same(a, b):
    return all(
        np.array_equal(getattr(a, n), getattr(b, n), equal_nan=True)
        for n in ("Q", "R", "v", "generalization_error", "alpha_end")
    ) and list(a.status) == list(b.status)


def some(paths, rows):
    return type(paths)(
        **{n: getattr(paths, n)[rows] for n in ("Q", "R", "v", "generalization_error", "alpha_end")},
        status=[paths.status[r] for r in rows],
    )


# ---- the update ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("N", [7, 50, 1500])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_kernel_is_the_formula(variant, N):
    machine, rule = VARIANTS[variant]
    weights = begin(3, 2, N)
    rng = np.random.default_rng(2)
    inputs, zetas = rng.standard_normal((402, N)), rng.standard_normal(402)
    J, v = driven_weights(*weights, inputs, zetas, machine, rule)
    J_read, v_read = readable_weights(*weights, inputs, zetas, machine, rule)
    assert np.abs(J - J_read).max() < 1e-12
    assert np.abs(v - v_read).max() < 1e-12
    assert np.abs(J - weights[0]).max() > 1e-3
    J32, v32 = driven_weights(*weights, inputs, zetas, machine, rule, dtype="float32")
    assert J32.dtype == np.float32
    assert np.abs(J32 - J_read).max() < 3e-5
    assert np.abs(v32 - v_read).max() < 3e-5


@pytest.mark.parametrize("scale", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("variant", ["plain", "everything", "decay"])
def test_the_fused_path_learns_from_the_numbers_of_its_stream(variant, dtype, scale):
    machine, rule = VARIANTS[variant]
    N, bright, updates = 1100, 40, 60
    weights = Weights(*begin(3, 2, N))
    law = Gaussian() if scale == 1.0 else BlockIsotropic(dimension=bright, scale=scale)
    run = _weights_run.Run(machine, rule, weights, N, law, dtype, 11, 1e6)
    count = updates * rule.batch_size
    fill = {"float64": fill_normals64, "float32": fill_normals32}[dtype]
    drawn = N if scale > 0 else bright
    inputs = np.zeros((count, N), dtype)
    numbers = np.empty(count * drawn, dtype)
    fill(stream(11, _weights_run.STREAM_TAG), numbers)
    inputs[:, :drawn] = numbers.reshape(count, drawn)
    inputs[:, bright:] *= np.dtype(dtype).type(scale)
    zetas = np.empty(count)
    fill_normals64(stream(11, _weights_run.NOISE_TAG), zetas)
    while run.updates < updates:
        assert run.advance(updates)
    J, v = driven_weights(weights.J, weights.B, weights.v, weights.v_star, inputs, zetas, machine, rule, dtype)
    tolerance = 1e-13 if dtype == "float64" else 1e-6
    assert np.abs(run.J - J).max() < tolerance
    assert np.abs(run.v - v).max() < tolerance


def tilted(C, *tilts):
    """Weight and covariance of the fields under a factor exp(-u^2 / 2) for each field u in `tilts`."""
    weight = 1.0
    for u in tilts:
        weight /= math.sqrt(1 + C[u, u])
        C = C - np.outer(C[u], C[u]) / (1 + C[u, u])
    return weight, C


def drift_terms(C, s, K):
    """D1_ia = <delta_i f_a> and D2_ik = <delta_i delta_k> of a soft committee at beta = 1, by one tilt a factor g'."""
    F = len(s)
    D1, D2 = np.zeros((K, F)), np.zeros((K, K))
    for i in range(K):
        weight, tilt = tilted(C, i)
        for f in range(F):
            D1[i, f] = 2 / math.pi * weight * sum(s[w] * tilt[f, w] / math.sqrt(1 + tilt[w, w]) for w in range(F))
        for k in range(K):
            weight, tilt = tilted(C, i, k)
            r = np.sqrt(1 + np.diag(tilt))
            D2[i, k] = 4 / math.pi**2 * weight * (s @ np.arcsin(tilt / np.outer(r, r)) @ s)
    return D1, D2


def exact_drift(start, N, corrected=True):
    """N E[dQ] and N E[dR] of one step at eta = 1; the exact 1/N part is the derivative of D2 along the scale of C."""
    K, C, s = start.students, start.covariance, np.concatenate([-start.v, start.v_star])
    D1, D2 = drift_terms(C, s, K)
    slope = (drift_terms((1 + 1e-5) * C, s, K)[1] - drift_terms((1 - 1e-5) * C, s, K)[1]) / 2e-5
    return D1[:, :K] + D1[:, :K].T + D2 + (2 / N * slope if corrected else 0), D1[:, K:]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_step_drifts_are_exact_at_finite_dimension(dtype):
    N, steps = 6, 60_000
    start = OrderParameters(Q=[[0.9, 0.3], [0.3, 0.7]], R=[[0.6, 0.1], [0.2, 0.4]])
    J, B = weights_from_overlaps(start, N, np.random.default_rng(5))
    run = _weights_run.Run(MACHINE, RULE, Weights(J, B), N, Gaussian(), dtype, 7, 1e6)
    J, B = run.J.copy(), run.B.copy()
    drifts = np.empty((steps, 2, 4))
    for n in range(steps):
        run.J[:] = J
        run.advance(n + 1)
        drifts[n, :, :2] = run.J @ run.J.T - J @ J.T
        drifts[n, :, 2:] = (run.J - J) @ B.T
    drifts *= N
    mean, error = drifts.mean(0), drifts.std(0) / math.sqrt(steps)
    assert np.abs((mean - np.hstack(exact_drift(start, N))) / error).max() < 4.5
    # Power: the N -> infinity drift alone is far off.
    assert np.abs((mean - np.hstack(exact_drift(start, N, corrected=False))) / error).max() > 8


def check_means(seeds, alphas, dtype):
    """Section means at N = 100, IC2, eta = 1, over 6000 runs of an independent program, with standard errors."""
    known = {10: (0.022334, 22e-6), 50: (0.019146, 34e-6), 100: (0.004767, 72e-6)}
    paths = simulate_weights(MACHINE, RULE, IC2, 100, np.array(alphas) * 100, seeds=range(seeds), dtype=dtype)
    for point, alpha in enumerate(alphas):
        error = paths.generalization_error[:, point]
        mean, own = known[alpha]
        assert abs(error.mean() - mean) < 4 * math.hypot(own, error.std() / math.sqrt(seeds))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_mean_errors_at_one_hundred_inputs(dtype):
    check_means(250, [10, 50], dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_mean_errors_at_one_hundred_inputs_with_many_seeds(dtype):
    check_means(1200, [10, 50, 100], dtype)


# ---- bits and bounds ----------------------------------------------------------------------------------------------


def normal_law(rng, shape):
    return rng.standard_normal(shape)


LAWS = {
    "gaussian": None,
    "blocks": BlockIsotropic(dimension=10, scale=0.5),
    "low rank": BlockIsotropic(dimension=10),
    "function": normal_law,
    "array": np.random.default_rng(0).standard_normal((50, 30)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("law", LAWS)
def test_bits_depend_on_the_seed_alone(law, dtype):
    machine = Committee(students=2, teachers=2, noise=0.2)
    rule = LearningRule(learning_rate=0.7, batch_size=3, weight_decay=0.1, fan_out_learning_rate=0.1)

    def paths(seeds, steps, workers):
        return simulate_weights(
            machine, rule, IC2, 30, np.array(steps), seeds=seeds, inputs=LAWS[law], dtype=dtype, workers=workers
        )

    batch = paths([4, 0, 2**33], [0, 40, 100, 333], 2)
    assert len(np.unique(batch.Q[:, -1, 0, 0, 0])) == 3
    assert same(paths([4, 0, 2**33], [0, 40, 100, 333], 1), batch)
    assert same(paths([0], [0, 40, 100, 333], 1), some(batch, [1]))
    assert np.array_equal(paths([0, 4], [7, 8, 99, 333], 2).Q[::-1, -1], batch.Q[:2, -1])


def test_runs_end_where_asked_and_say_so():
    done = []
    paths = simulate_weights(
        MACHINE, RULE, IC2, 20, np.array([0, 10]), 50, seeds=[0, 1], workers=1, progress=done.append
    )
    assert paths.alpha_end.tolist() == [2.5, 2.5]
    assert list(paths.status) == ["ok", "ok"]
    assert done == sorted(done)
    assert done[-1] == 1.0


@pytest.mark.parametrize("law", ["gaussian", "function"])
def test_divergence_is_a_value(law):
    machine = Committee(students=2, teachers=2, activation="linear")
    paths = simulate_weights(
        machine, LearningRule(learning_rate=9.0), IC2, 20, np.arange(0, 2000, 200), seeds=[0, 1],
        inputs={"gaussian": None, "function": normal_law}[law],
    )  # fmt: skip
    assert list(paths.status) == ["diverged", "diverged"]
    assert (paths.alpha_end < 50).all()
    reached = np.arange(0, 2000, 200) / 20 < paths.alpha_end[:, None]
    assert np.array_equal(np.isfinite(paths.generalization_error), reached)
    assert np.array_equal(np.isfinite(paths.Q[:, :, 0, 0, 0]), reached)
    tight = simulate_weights(MACHINE, RULE, IC2, 20, np.array([0, 2000]), seeds=[0], largest_norm=0.5)
    assert list(tight.status) == ["diverged"]
    assert 0 < tight.alpha_end[0] < 50
    assert (tight.alpha_end[0] * 20) % 5 == 0


def test_memory_does_not_grow_with_alpha():
    machine = Committee(students=2, teachers=2, noise=0.1)

    def peak(steps):
        tracemalloc.start()
        simulate_weights(machine, RULE, IC2, 10, np.array([steps]), seeds=[0], workers=1)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(100)
    assert peak(800_000) < peak(200_000) + 20_000


# ---- starts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("N", [5, 40, 2000])
def test_random_weights_have_the_overlaps_asked_for(N):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((5, 5))
    gram = X @ X.T
    twins = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])  # two equal students; students on the teacher
    for start in (
        OrderParameters(Q=gram[:3, :3], R=gram[:3, 3:], T=gram[3:, 3:]),
        OrderParameters(Q=twins @ twins.T, R=twins),
        OrderParameters(Q=np.zeros((3, 3)), R=np.zeros((3, 2)), T=np.ones((2, 2))),
        OrderParameters.random(3, 2, seed=1),
    ):
        J, B = weights_from_overlaps(start, N, rng)
        for got, asked in ((J @ J.T, start.Q), (J @ B.T, start.R), (B @ B.T, start.T)):
            assert np.abs(got - asked).max() < 2e-14 * max(1, np.abs(gram).max())


def test_random_weights_point_everywhere_evenly():
    N = 5
    samples = np.array([weights_from_overlaps(IC2, N, np.random.default_rng(seed))[0][1] for seed in range(4000)])
    for coordinate in range(N):
        share = samples[:, coordinate] ** 2 / 0.4
        assert stats.kstest(share, stats.beta(0.5, (N - 1) / 2).cdf).pvalue > 1e-4
        assert abs((samples[:, coordinate] > 0).mean() - 0.5) < 4 * 0.5 / math.sqrt(4000)


def test_starts_are_measured_as_they_were_asked_for():
    pair = [IC2, OrderParameters(Q=[[0.1, 0], [0, 0.2]], R=np.zeros((2, 2)), T=2 * np.eye(2))]
    law = BlockIsotropic(dimension=8, scale=0.0)
    paths = simulate_weights(MACHINE, RULE, pair, 20, np.array([0, 400]), seeds=[0], inputs=law)
    for block, part in enumerate(pair):
        assert np.abs(paths.Q[0, 0, block] - part.Q).max() < 1e-14
        assert np.abs(paths.R[0, 0, block] - part.R).max() < 1e-14
    assert paths.generalization_error[0, 0] == pytest.approx(0.49743968232, abs=1e-10)  # IC2 alone: nothing else seen
    assert np.array_equal(paths.Q[0, 1, 1], paths.Q[0, 0, 1])  # frozen outside the data subspace
    assert np.abs(paths.Q[0, 1, 0] - paths.Q[0, 0, 0]).max() > 0.1
    explicit = Weights(*begin(2, 2, 30))
    paths = simulate_weights(MACHINE, RULE, explicit, 30, np.array([0, 10]), seeds=[0, 1])
    assert np.abs(paths.Q[:, 0, 0] - explicit.overlaps.Q).max() < 1e-14
    assert np.array_equal(paths.v[0, 0], explicit.overlaps.v)


# ---- input laws ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["function", "array", "long array"])
def test_the_error_of_other_laws_is_that_on_the_test_set(law):
    N = 30
    long = np.random.default_rng(1).laplace(size=(6000, N))
    inputs = {"function": lambda rng, shape: rng.laplace(size=shape), "array": long[:100], "long array": long}[law]
    weights = Weights(*begin(2, 2, N))
    paths = simulate_weights(MACHINE, RULE, weights, N, np.array([0]), seeds=[0], inputs=inputs)
    sample = long if law == "long array" else inputs
    if law == "function":
        sample = np.random.default_rng([0, _weights_run.HELD_OUT_TAG]).laplace(size=(_weights_run.HELD_OUT, N))

    def g(u):
        return 2 * stats.norm.cdf(u) - 1

    e = g(sample @ weights.B.T) @ weights.overlaps.v_star - g(sample @ weights.J.T) @ weights.overlaps.v
    tolerance = 1e-12 if law != "long array" else 4 * (e**2).std() / 2 / math.sqrt(_weights_run.HELD_OUT)
    assert paths.generalization_error[0, 0] == pytest.approx((e**2).mean() / 2, abs=tolerance)


def test_a_normal_function_is_the_gaussian_law():
    steps = np.array([300, 1500])
    own = simulate_weights(MACHINE, RULE, IC2, 30, steps, seeds=range(300))
    function = simulate_weights(MACHINE, RULE, IC2, 30, steps, seeds=range(300), inputs=normal_law)
    blocks = simulate_weights(
        MACHINE, RULE, IC2, 30, steps, seeds=range(300), inputs=BlockIsotropic(dimension=30, scale=0.0)
    )
    assert same(type(own)(own.Q, own.R, own.v, own.generalization_error, own.status, own.alpha_end),
                type(own)(blocks.Q.sum(2, keepdims=True), blocks.R.sum(2, keepdims=True), blocks.v,
                          blocks.generalization_error, blocks.status, blocks.alpha_end))  # fmt: skip
    shrunk = simulate_weights(
        MACHINE, RULE, IC2, 30, steps, seeds=range(300), inputs=lambda rng, shape: 0.9 * rng.standard_normal(shape)
    )
    for point in range(2):
        for i in range(2):
            theirs = function.Q[:, point, 0, i, i]
            assert stats.ks_2samp(own.Q[:, point, 0, i, i], theirs).pvalue > 1e-4
    assert stats.ks_2samp(own.Q[:, 1, 0, 0, 0], shrunk.Q[:, 1, 0, 0, 0]).pvalue < 1e-6  # power


def test_rows_of_an_array_are_sampled_evenly_and_blocks_keep_their_shape():
    asked = []

    def law(rng, shape):
        asked.append((threading.get_ident(), shape))
        return rng.standard_normal(shape)

    simulate_weights(MACHINE, RULE, IC2, 30, np.array([1, 5, 9000]), seeds=[0, 1], inputs=law, workers=2)
    assert {shape for _, shape in asked[1:]} == {(4096, 30)}
    examples = Examples(np.arange(40.0).reshape(20, 2), 2, np.random.default_rng(0), "float64")
    rows = np.concatenate([examples.take(int(n))[1] for n in np.random.default_rng(1).integers(1, 900, 100)])
    assert stats.chisquare(np.bincount(rows, minlength=20)).pvalue > 1e-4


# ---- bad input: one sentence --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dimension": 3}, r"'dimension' parameter must be >= 4, because 2 students and 2 teachers .* Got 3"),
        ({"dtype": "float16"}, r"'dtype' parameter must be 'float64' or 'float32'. Got 'float16'"),
        ({"inputs": BlockIsotropic(dimension=31)}, r"'dimension' parameter of BlockIsotropic must be <= N = 30"),
        ({"inputs": np.zeros((4, 7))}, r"shape \(rows, N\) with N = 30.* Got shape \(4, 7\)"),
        ({"inputs": np.full((4, 30), np.nan)}, r"Inputs must be finite.* Got nan in example 0, input 0"),
        ({"inputs": 3}, r"'inputs' parameter must be None, .* Got 3"),
        ({"inputs": lambda rng, shape: np.zeros((2, 2))}, r"shape \(4096, 30\). Got shape \(2, 2\)"),
        ({"inputs": lambda rng, shape: np.full(shape, np.inf)}, r"Inputs must be finite.* Got inf"),
        ({"inputs": lambda rng, shape: "x"}, r"Inputs must be an array of numbers .* Got 'x'"),
        ({"start": [IC2, IC2]}, r"has 2 overlaps, but the inputs have 1 block"),
        ({"start": OrderParameters(Q=[[1.0]], R=[[0.0]])}, r"1 students and 1 teachers, but the machine has 2 and 2"),
        ({"start": Weights(*begin(2, 2, 9))}, r"weights of 9 inputs, but 'dimension' is 30"),
        ({"start": "IC2"}, r"'start' parameter must be OrderParameters, Weights"),
    ],
)
def test_bad_input_gets_one_sentence(change, sentence):
    given = {"start": IC2, "dimension": 30, **change}
    with pytest.raises(ParameterError, match=sentence):
        simulate_weights(MACHINE, RULE, given.pop("start"), given.pop("dimension"), np.array([10]), seeds=[0], **given)


@pytest.mark.parametrize("wrong", [{"dimension": 0}, {"dimension": 4, "scale": -1.0}, {"dimension": 4, "scales": 1.0}])
def test_block_isotropic_checks_itself(wrong):
    with pytest.raises(ParameterError, match="BlockIsotropic"):
        BlockIsotropic(**wrong)

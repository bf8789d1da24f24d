"""Bootstrap intervals: against all samples there are, a second library, and their coverage in simulated studies."""

import itertools

import numpy as np
import pytest
from scipy import stats

from practicum.errors import ParameterError
from practicum.robustness.bootstrap import bootstrap_correlation, bootstrap_interval

METHODS = ["bca", "percentile"]


def within_binomial_error(hits, nominal=0.95, sigmas=4):
    """Whether the share of intervals that hold the truth is the nominal one, to chance."""
    return abs(np.mean(hits) - nominal) < sigmas * np.sqrt(nominal * (1 - nominal) / len(hits))


def holds(interval, truth):
    return (interval.low <= truth) & (truth <= interval.high)


# ---- what is computed


@pytest.mark.parametrize(("name", "statistic"), [("mean", np.mean), ("median", np.median)])
def test_the_percentiles_of_all_samples_that_there_are(name, statistic):
    """Of 5 seeds there are 5^5 samples."""
    values = np.array([0.3, 1.0, 1.7, 2.9, 7.0])
    every = np.array([statistic(sample) for sample in itertools.product(values, repeat=5)])
    found = bootstrap_interval(values, name, method="percentile", draws=40_000, confidence=0.8)
    assert found.value == statistic(values)
    # The quantiles of 40 000 draws lie between those of all samples at shares four standard errors away.
    error = 4 * np.sqrt(0.1 * 0.9 / 40_000)
    for end, share in ((found.low, 0.1), (found.high, 0.9)):
        assert np.quantile(every, share - error) <= end <= np.quantile(every, share + error)
    wrong = np.quantile(np.random.default_rng(0).choice(values, 40_000), [0.1, 0.9])  # power: of single seeds
    assert not np.quantile(every, 0.1 - error) <= wrong[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("name", "statistic"), [("mean", np.mean), ("median", np.median)])
def test_against_scipy(name, statistic, method):
    values = np.random.default_rng(3).lognormal(size=25)
    found = bootstrap_interval(values, name, method=method, draws=40_000)
    other = stats.bootstrap(
        (values,), statistic, method={"bca": "BCa"}.get(method, method), n_resamples=40_000, rng=1
    ).confidence_interval
    # Ends of 40 000 draws scatter by about 0.7 % of the interval.
    np.testing.assert_allclose([found.low, found.high], other, atol=0.03 * (other.high - other.low))
    if (name, method) == ("mean", "bca"):  # power: skewness moves the interval by more than that
        plain = bootstrap_interval(values, name, method="percentile", draws=40_000)
        assert found.high - plain.high > 0.06 * (other.high - other.low)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_correlations_against_scipy(kind):
    rng = np.random.default_rng(4)
    x = rng.lognormal(size=30)
    y = x + rng.normal(size=30)
    what = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[kind]
    found = bootstrap_correlation(x, y, kind, draws=20_000)
    assert found.value == pytest.approx(what(x, y).statistic, rel=1e-12)
    other = stats.bootstrap(
        (x, y), lambda a, b: what(a, b).statistic, paired=True, vectorized=False, method="BCa", n_resamples=3000, rng=1
    ).confidence_interval
    # scipy's 3000 draws, which take seconds, scatter by 3 % of the interval.
    np.testing.assert_allclose([found.low, found.high], other, atol=0.12 * (other.high - other.low))


def test_a_seed_is_drawn_with_all_its_regimes():
    """If all seeds are alike, whatever is drawn has the same correlation; points drawn one by one would not."""
    x, y = np.array([[0.0], [1.0], [2.0], [4.0]]), np.array([[1.0], [0.0], [3.0], [2.0]])
    same = [np.repeat(values, 6, axis=1) for values in (x, y)]
    for kind in ("pearson", "spearman"):
        found = bootstrap_correlation(*same, kind)
        np.testing.assert_allclose([found.low, found.high], found.value, rtol=1e-12)
        points = bootstrap_correlation(*(values.ravel() for values in same), kind)
        assert points.high - points.low > 0.2  # power


def test_equal_seeds_give_equal_intervals():
    values = np.random.default_rng(5).normal(size=(10, 3))
    first, again, other = (bootstrap_interval(values, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first.low != other.low).all()
    # A column has the same interval alone as beside others, and along another axis.
    alone = bootstrap_interval(values[:, 1])
    np.testing.assert_array_equal([alone.low, alone.high], [first.low[1], first.high[1]])
    np.testing.assert_array_equal(bootstrap_interval(values.T, axis=-1), first)


def test_seeds_that_diverged_are_left_out_and_counted():
    values = np.random.default_rng(6).normal(size=(12, 2))
    values[[3, 7], 0] = np.nan, np.inf
    found = bootstrap_interval(values)
    np.testing.assert_array_equal(found.seeds, [10, 12])
    np.testing.assert_array_equal(found.left_out, [2, 0])
    kept = bootstrap_interval(np.delete(values[:, 0], [3, 7]))
    np.testing.assert_array_equal([found.value[0], found.low[0], found.high[0]], [kept.value, kept.low, kept.high])


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_points_that_diverged_are_left_out_and_counted(kind):
    rng = np.random.default_rng(7)
    x = rng.normal(size=(3, 12))
    y = x + rng.normal(size=(3, 12))
    x[0, 4] = np.nan
    y[1, 5] = np.inf
    x[:, 9] = np.nan
    found = bootstrap_correlation(x, y, kind)
    assert (found.seeds, found.left_out) == (11, 5)
    known = np.isfinite(x) & np.isfinite(y)
    what = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[kind]
    assert found.value == pytest.approx(what(x[known], y[known]).statistic, rel=1e-12)
    assert found.low < found.value < found.high
    without = bootstrap_correlation(*(np.delete(values, 9, axis=1) for values in (x, y)), kind)
    assert (found.low, found.high) == (without.low, without.high)


def test_too_few_seeds_have_no_interval():
    for values, value in (([2.0], 2.0), ([np.nan, 2.0], 2.0)):
        found = bootstrap_interval(values)
        assert (found.value, found.seeds) == (value, 1)
        assert np.isnan([found.low, found.high]).all()
    found = bootstrap_interval([np.nan, np.nan])
    assert np.isnan([found.value, found.low, found.high]).all()
    assert (found.seeds, found.left_out) == (0, 2)
    found = bootstrap_correlation([np.nan], [1.0])
    assert np.isnan(found.value)
    assert found.seeds == 0
    flat = bootstrap_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])  # one that never varies correlates with nothing
    assert np.isnan([flat.value, flat.low, flat.high]).all()


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_have_an_interval_without_width(method):
    found = bootstrap_interval(np.full(8, 0.7), method=method)
    np.testing.assert_allclose([found.value, found.low, found.high], 0.7, rtol=1e-15)


def test_a_statistic_of_the_users_own():
    values = np.random.default_rng(8).normal(size=40)
    found = bootstrap_interval(values, np.std, draws=20_000)
    other = stats.bootstrap((values,), np.std, method="BCa", n_resamples=20_000, rng=1).confidence_interval
    np.testing.assert_allclose([found.low, found.high], other, atol=0.04 * (other.high - other.low))


# ---- coverage: of 1000 studies, how many intervals hold the truth?

STUDIES, SEEDS = 1000, 80
"""With 80 seeds an interval of the bootstrap is narrower than nominal by less than chance shows in 1000 studies."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("statistic", ["mean", pytest.param("median", marks=pytest.mark.slow)])
def test_coverage(statistic, method):
    values = np.random.default_rng(9).logistic(0.4, 1.0, (STUDIES, SEEDS))  # mean and median are 0.4
    found = bootstrap_interval(values, statistic, axis=1, method=method, draws=400)
    assert within_binomial_error(holds(found, 0.4))
    assert not within_binomial_error(holds(found, 0.6))
    narrow = bootstrap_interval(values, statistic, axis=1, method=method, draws=400, confidence=0.9)
    assert within_binomial_error(holds(narrow, 0.4), 0.9)
    assert not within_binomial_error(holds(narrow, 0.4))


def test_coverage_where_inputs_share_a_seed():
    """Errors on 50 test inputs of each of 80 seeds that differ among each other: the seed is the unit.

    Power: drawn input by input, as if they were independent, the interval holds the truth in 37 % of the studies.
    """
    rng = np.random.default_rng(10)
    errors = rng.normal(0.3, 0.2, (STUDIES, SEEDS, 1)) + rng.normal(0.0, 0.3, (STUDIES, SEEDS, 50))
    found = bootstrap_interval(errors.mean(-1), axis=1, draws=400)
    assert within_binomial_error(holds(found, 0.3))
    wrong = bootstrap_interval(errors[:150].reshape(150, -1), axis=1, draws=400, method="percentile")
    assert 0.25 < holds(wrong, 0.3).mean() < 0.5
    assert not within_binomial_error(holds(wrong, 0.3))


@pytest.mark.parametrize("kind", ["pearson", pytest.param("spearman", marks=pytest.mark.slow)])
def test_coverage_of_correlations_over_regimes_and_seeds(kind):
    """x_rs = a_r + u_s + noise, y_rs = b_r - u_s + noise: points of a seed have u_s in common, regimes stay.

    Pearson's truth is a ratio of moments, Spearman's that of very many seeds. Power: points drawn one by one.
    """
    rng = np.random.default_rng(11)
    regimes = np.array([[0.0, 0.5, 1.0, 2.0], [0.2, 0.0, 0.9, 1.1]])[..., None]
    signs = np.array([1.0, -1.0])[:, None, None]

    def study(seeds):
        return regimes + signs * rng.normal(size=seeds) + 0.4 * rng.normal(size=(2, 4, seeds))

    if kind == "pearson":
        spread = regimes - regimes.mean(1, keepdims=True)
        covariance = (spread[0] * spread[1]).mean() - 1.0
        truth = covariance / np.sqrt(np.prod([(s**2).mean() + 1.0 + 0.16 for s in spread]))
        assert abs(truth - stats.pearsonr(*study(100_000).reshape(2, -1)).statistic) < 0.01
    else:
        truth = stats.spearmanr(*study(400_000).reshape(2, -1)).statistic
    right, wrong = [], []
    for number in range(400):
        x, y = study(SEEDS)
        right.append(holds(bootstrap_correlation(x, y, kind, draws=300, seed=number), truth))
        if number < 150:
            points = bootstrap_correlation(x.ravel(), y.ravel(), kind, draws=200, method="percentile", seed=number)
            wrong.append(holds(points, truth))
    assert within_binomial_error(right)
    assert not within_binomial_error(wrong)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: bootstrap_interval([1.0, 2.0], "meen"), "Did you mean 'mean'?"),
        (lambda: bootstrap_interval([1.0, 2.0], method="bcaa"), "Did you mean 'bca'?"),
        (lambda: bootstrap_interval([1.0, 2.0], confidence=95), "'confidence' parameter must be > 0 and < 1"),
        (lambda: bootstrap_interval([1.0, 2.0], draws=0), "'draws' parameter must be a whole number >= 1"),
        (lambda: bootstrap_interval([1.0, 2.0], seed=-1), "'seed' parameter must be a whole number >= 0"),
        (lambda: bootstrap_interval([1.0, 2.0], axis=1), "with an axis 1 of seeds"),
        (lambda: bootstrap_interval(1.0), "with an axis 0 of seeds"),
        (lambda: bootstrap_interval([]), "at least one. Got shape (0,)"),
        (lambda: bootstrap_correlation([1.0], [1.0, 2.0]), "two arrays of one shape"),
        (lambda: bootstrap_correlation(np.ones((2, 2, 2)), np.ones((2, 2, 2))), "(regime, seed) or (seed,)"),
        (lambda: bootstrap_correlation([1.0], [2.0], "kendall"), "must be 'pearson' or 'spearman'"),
    ],
)
def test_slips_are_one_sentence(call, sentence):
    with pytest.raises(ParameterError) as slip:
        call()
    assert sentence in str(slip.value)
    assert "\n" not in str(slip.value)

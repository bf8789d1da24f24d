"""The random numbers: known answers, a battery of tests, and generators broken on purpose that it rejects."""

import math

import numpy as np
import pytest
from scipy import stats

from practicum.errors import ParameterError
from practicum.simulation._boxmuller import radii32, radii64, rotate32, rotate64
from practicum.simulation._xoshiro import JUMP, LANE_WORDS, LANES, LONG_JUMP, fill_words, jump, next_word, seed_lanes
from practicum.simulation.normals import BLOCK, fill_normals32, fill_normals64, next_normal64, next_uniform, stream

WORD = 2**64 - 1
COUNT = 2**22


def reference_step(s):
    """xoshiro256++ on Python's integers; returns the word and the new state."""

    def rotate(x, k):
        return ((x << k) | (x >> (64 - k))) & WORD

    word = (rotate((s[0] + s[3]) & WORD, 23) + s[0]) & WORD
    a, b, c, d = s
    shifted = (b << 17) & WORD
    c ^= a
    d ^= b
    return word, [a ^ d, b ^ c, c ^ shifted, rotate(d, 45)]


def reference_words(s, n):
    words = []
    for _ in range(n):
        word, s = reference_step(s)
        words.append(word)
    return words


def to_bits(s):
    return np.array([(int(w) >> b) & 1 for w in s for b in range(64)], dtype=np.float32)


def advanced_by_power_of_two(s, exponent):
    """The state 2^exponent steps on, by squaring the 256 x 256 transition matrix over GF(2)."""
    matrix = np.empty((256, 256), dtype=np.float32)
    for bit in range(256):
        unit = [0, 0, 0, 0]
        unit[bit // 64] = 1 << (bit % 64)
        matrix[:, bit] = to_bits(reference_step(unit)[1])
    for _ in range(exponent):
        matrix = (matrix @ matrix) % 2
    bits = (matrix @ to_bits(s)) % 2
    return [sum(int(bits[64 * w + b]) << b for b in range(64)) for w in range(4)]


def test_the_words_are_those_of_the_published_generator():
    # The first outputs of the authors' C code for the state 1, 2, 3, 4, as other implementations test them.
    known = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162]
    assert reference_words([1, 2, 3, 4], 6) == known
    s = np.array([1, 2, 3, 4], dtype=np.uint64)
    assert [int(next_word(s)) for _ in range(6)] == known


@pytest.mark.parametrize(("polynomial", "exponent"), [(JUMP, 128), (LONG_JUMP, 192)])
def test_a_jump_is_that_many_steps(polynomial, exponent):
    s = np.random.SeedSequence(7).generate_state(4, np.uint64)
    expected = advanced_by_power_of_two(s, exponent)
    jump(s, polynomial)
    assert [int(w) for w in s] == expected


def test_every_lane_is_the_published_generator():
    first = np.random.SeedSequence(8).generate_state(4, np.uint64)
    lanes = np.empty(LANE_WORDS, np.uint64)
    seed_lanes(first.copy(), lanes, JUMP)
    starts = [[int(lanes[i * LANES + j]) for i in range(4)] for j in range(LANES)]
    assert starts[0] == [int(w) for w in first]
    assert starts[1] == advanced_by_power_of_two(first, 128)
    assert starts[2] == advanced_by_power_of_two(first, 129)
    words = np.empty(LANES * 50, np.uint64)
    fill_words(lanes, words)
    for j in range(LANES):
        assert words[j::LANES].tolist() == reference_words(starts[j], 50)


# ---- accuracy of the elementary functions -------------------------------------------------------------------------


def corner_words(bits, rng):
    top = 2**bits - 1
    ladder = np.arange(5000, dtype=np.uint64)
    return np.concatenate(
        [
            rng.integers(0, top, 400_000, dtype=np.uint64, endpoint=True),
            rng.integers(0, 2 ** (bits // 2), 100_000, dtype=np.uint64),
            ladder << np.uint64(11 if bits == 64 else 0),
            np.uint64(top) - ladder * np.uint64(2048 if bits == 64 else 1),
            np.uint64(1) << np.arange(bits, dtype=np.uint64),
        ]
    )


def ulps(value, exact, dtype):
    return float((np.abs(value - exact) / np.spacing(np.abs(exact).astype(dtype))).max())


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs an extended-precision referee")
def test_double_precision_radius_and_angle_are_accurate():
    words = corner_words(64, np.random.default_rng(1))
    u = ((words >> np.uint64(11)) + np.uint64(1)).astype(np.longdouble) * np.longdouble(2) ** -53
    radius = np.empty(words.size)
    radii64(words, radius)
    assert (radius[u == 1] == 0).all()
    assert ulps(radius[u < 1], np.sqrt(-2 * np.log(u[u < 1])), np.float64) < 1
    assert radius.max() == pytest.approx(math.sqrt(106 * math.log(2)))
    quarter = np.longdouble("1.5707963267948966192313216916397514421")
    angle = (words << np.uint64(2)).astype(np.int64).astype(np.longdouble) * np.longdouble(2) ** -64 * quarter
    x, y = np.ones(words.size), np.empty(words.size)
    rotate64(words, x, y)
    cosine = np.where(words.astype(np.int64) >= 0, np.cos(angle), -np.cos(angle))
    swap = (words >> np.uint64(62)) % 2 == 1
    assert ulps(x, np.where(swap, np.sin(angle), cosine), np.float64) < 3
    assert ulps(y, np.where(swap, cosine, np.sin(angle)), np.float64) < 3


def test_single_precision_radius_and_angle_are_accurate():
    words = corner_words(32, np.random.default_rng(2)).astype(np.uint32)
    u = (words.astype(np.float32) + np.float32(0.5)).astype(float) * 2.0**-32
    radius = np.empty(words.size, np.float32)
    radii32(words, radius)
    assert (radius[u == 1] == 0).all()
    assert ulps(radius[u < 1], np.sqrt(-2 * np.log(u[u < 1])), np.float32) < 1
    assert radius.max() == pytest.approx(math.sqrt(66 * math.log(2)))
    angle = (words << np.uint32(2)).view(np.int32).astype(float) * 2.0**-32 * (math.pi / 2)
    x, y = np.ones(words.size, np.float32), np.empty(words.size, np.float32)
    rotate32(words, x, y)
    cosine = np.where(words.view(np.int32) >= 0, np.cos(angle), -np.cos(angle))
    swap = (words >> np.uint32(30)) % 2 == 1
    assert ulps(x, np.where(swap, np.sin(angle), cosine), np.float32) < 3
    assert ulps(y, np.where(swap, cosine, np.sin(angle)), np.float32) < 3


# ---- one sequence, however it is taken ----------------------------------------------------------------------------


def take(fill, state, n, dtype):
    out = np.empty(n, dtype)
    fill(state, out)
    return out


@pytest.mark.parametrize(("fill", "dtype"), [(fill_normals64, np.float64), (fill_normals32, np.float32)])
def test_chunks_other_sequences_and_storage_change_nothing(fill, dtype):
    whole = take(fill, stream(5, 1), 20_000, dtype)
    state, rng, parts, taken = stream(5, 1), np.random.default_rng(3), [], 0
    other = fill_normals32 if fill is fill_normals64 else fill_normals64
    while taken < whole.size:
        n = min(int(rng.choice([0, 1, 7, BLOCK - 1, BLOCK, 2 * BLOCK, 1500])), whole.size - taken)
        parts.append(take(fill, state, n, dtype))
        taken += n
        take(other, state, int(rng.integers(0, 40)), np.float32 if dtype is np.float64 else np.float64)
        next_uniform(state)
        state = np.frombuffer(state.tobytes(), np.uint64).copy()
    assert np.array_equal(np.concatenate(parts), whole)


def test_single_normals_are_the_double_sequence():
    state = stream(6, 1)
    assert np.array_equal([next_normal64(state) for _ in range(1000)], take(fill_normals64, stream(6, 1), 1000, float))


def test_uniforms_are_open_and_uniform():
    state = stream(9, 1)
    u = np.array([next_uniform(state) for _ in range(100_000)])
    assert u.min() > 0
    assert u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("bad", [-1, 1.5, "3", True])
def test_a_bad_seed_gets_one_sentence(bad):
    with pytest.raises(ParameterError, match=r"'seed'.*whole number >= 0"):
        stream(bad, 0)
    with pytest.raises(ParameterError, match=r"'tag'.*whole number >= 0"):
        stream(0, bad)


# ---- the battery --------------------------------------------------------------------------------------------------


def two_sided(z):
    return 2 * stats.norm.sf(abs(z))


def poisson_pvalue(count, mean):
    return min(1.0, 2 * min(stats.poisson.cdf(count, mean), stats.poisson.sf(count - 1, mean)))


def battery(x, half):
    """p-values by name; `half` is the distance of Box-Muller partners."""
    x = x.astype(np.float64)
    n = x.size
    p = {}
    moment = [math.prod(range(1, k, 2)) if k % 2 == 0 else 0 for k in range(13)]
    power = np.ones(n)
    for k in range(1, 7):
        power *= x
        p[f"moment {k}"] = two_sided((power.mean() - moment[k]) / math.sqrt((moment[2 * k] - moment[k] ** 2) / n))
    edges = stats.norm.ppf(np.arange(1, 200) / 200)
    counts = np.bincount(np.searchsorted(edges, x), minlength=200)
    p["200 equal bins"] = stats.chi2.sf(((counts - n / 200) ** 2).sum() / (n / 200), 199)
    p["Kolmogorov-Smirnov"] = stats.kstest(x[: 2**18], "norm").pvalue
    for limit in (3.0, 3.5, 4.0, 4.5, 5.0):
        mean = n * stats.norm.sf(limit)
        p[f"above {limit}"] = poisson_pvalue(int((x > limit).sum()), mean)
        p[f"below -{limit}"] = poisson_pvalue(int((x < -limit).sum()), mean)
    lags = [*range(1, 18), 31, 32, 33, 48, 64, half - 1, half, half + 1, 2 * half, 4 * half]
    squares = (x * x - 1) / math.sqrt(2)
    for name, y in (("value", x), ("square", squares)):
        for lag in lags:
            p[f"{name} at lag {lag}"] = two_sided(y[lag:] @ y[:-lag] / math.sqrt(n - lag))
    blocks = x.reshape(-1, 2, half)
    first, second = blocks[:, 0].ravel(), blocks[:, 1].ravel()
    inner = stats.norm.ppf(np.arange(1, 16) / 16)
    joint = np.bincount(np.searchsorted(inner, first) * 16 + np.searchsorted(inner, second), minlength=256)
    p["partners, 16 x 16 bins"] = stats.chi2.sf(((joint - n / 512) ** 2).sum() / (n / 512), 255)
    p["partners, value by square"] = two_sided((first * (second**2 - 1)).sum() / math.sqrt(n))
    segments = squares.reshape(-1, 4096)
    spectrum = (np.abs(np.fft.rfft(segments, axis=1)[:, 1:2048]) ** 2).sum(axis=0) / 4096
    # Power at a frequency, summed over segments, is a gamma variable (the squares' kurtosis widens it by 0.15 %).
    high, low = stats.gamma.sf(spectrum, len(segments)).min(), stats.gamma.cdf(spectrum, len(segments)).min()
    p["spectrum of squares"] = min(1.0, 2 * 2047 * min(high, low))
    return p


SAMPLES = {
    "float64": (fill_normals64, np.float64, BLOCK // 2),
    "float32": (fill_normals32, np.float32, BLOCK),
}


@pytest.mark.parametrize("seed", [0, 2**40 + 1])
@pytest.mark.parametrize("kind", SAMPLES)
def test_the_battery_accepts(kind, seed):
    fill, dtype, half = SAMPLES[kind]
    p = battery(take(fill, stream(seed, 0), COUNT, dtype), half)
    worst = min(p, key=p.__getitem__)
    assert p[worst] > 1e-4 / len(p), f"{worst}: p = {p[worst]:.2g}"


def broken(kind, defect):
    """Normals from words with a defect: what a plausible mistake in this generator would produce."""
    lanes = np.empty(LANE_WORDS, np.uint64)
    seed_lanes(np.random.SeedSequence(1).generate_state(4, np.uint64), lanes, JUMP)
    if defect == "identical lanes":
        lanes.reshape(4, LANES)[:] = lanes.reshape(4, LANES)[:, :1].copy()
    words = np.empty(COUNT if kind == "float64" else COUNT // 2, np.uint64)
    fill_words(lanes, words)
    if defect == "16 bits":
        words &= np.uint64(0xFFFF000000000000 if kind == "float64" else 0xFFFF0000FFFF0000)
    radii, rotate, dtype, half = (
        (radii64, rotate64, np.float64, BLOCK // 2) if kind == "float64" else (radii32, rotate32, np.float32, BLOCK)
    )
    blocks = words.view(np.uint64 if kind == "float64" else np.uint32).reshape(-1, 2, half)
    r, angle = blocks[:, 0].ravel(), blocks[:, 1].ravel()
    if defect == "one word for radius and angle":
        angle = r
    if defect == "no reflection":
        angle = angle & ~(np.ones(1, angle.dtype) << (angle.dtype.itemsize * 8 - 1))
    first, second = np.empty(r.size, dtype), np.empty(r.size, dtype)
    radii(r, first)
    rotate(angle, first, second)
    if defect == "variance 1.01":
        first *= np.sqrt(dtype(1.01))
        second *= np.sqrt(dtype(1.01))
    return np.stack([first.reshape(-1, half), second.reshape(-1, half)], axis=1).ravel(), half


DEFECTS = ["identical lanes", "16 bits", "one word for radius and angle", "no reflection", "variance 1.01"]


@pytest.mark.parametrize("defect", [*DEFECTS, "none"])
@pytest.mark.parametrize("kind", SAMPLES)
def test_the_battery_rejects_generators_broken_on_purpose(kind, defect):
    p = battery(*broken(kind, defect))
    if defect == "none":
        assert min(p.values()) > 1e-4 / len(p)
    else:
        assert min(p.values()) < 1e-12


def test_seeds_and_tags_are_uncorrelated():
    n = 40_000
    streams = [stream(seed, tag) for seed in range(24) for tag in range(2)]
    x = np.stack(
        [take(fill_normals64, s, n, float) for s in streams]
        + [take(fill_normals32, s, n, np.float32) for s in streams[:8]]
    )
    pairs = np.triu_indices(len(x), 1)

    def largest_correlation(y):
        z = (y @ y.T / math.sqrt(n))[pairs]
        return two_sided(np.abs(z).max()) * z.size

    assert largest_correlation(x) > 1e-4
    assert largest_correlation((x * x - 1) / math.sqrt(2)) > 1e-4
    x[5] = math.sqrt(0.99) * x[5] + 0.1 * x[40]  # power: a shared part of one per cent of the variance is seen
    assert largest_correlation(x) < 1e-12

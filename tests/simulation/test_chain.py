"""The exact chain: driven by the same inputs as weights, equal to them in law, exact drifts, bits, bounds."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from practicum import BlockIsotropic, Committee, LearningRule, OrderParameters, ParameterError, simulate
from practicum.simulation import _chain_kernel as kernel
from practicum.simulation import chain
from practicum.simulation._lq import lq_in_place, rank_one_lq, semidefinite_cholesky
from practicum.simulation.chain import Block, Coordinates, simulate_chain
from practicum.simulation.normals import stream
from practicum.theory._error import CODES
from simulation.readable import driven_weights
from theory import readable

IC2 = OrderParameters(Q=[[0.3, 0.001], [0.001, 0.4]], R=[[0.003, 0.001], [0.001, 0.002]])
TWO = Committee(students=2, teachers=2)
RULE = LearningRule(learning_rate=1.0)


def chains(machine, rule, start, N, steps, seeds, **options):
    blocks = start if isinstance(start, list) else [Block(N, 1.0, start)]
    steps = np.asarray(steps)
    return simulate_chain(
        machine, rule, blocks, steps, int(steps[-1]), seeds=list(seeds), **{"largest_norm": 1e6, **options}
    )


def same(a, b, rows=slice(None)):
    return all(
        np.array_equal(getattr(a, n), getattr(b, n)[rows], equal_nan=True)
        for n in ("Q", "R", "v", "generalization_error", "alpha_end")
    )


# ---- coordinates and factors -------------------------------------------------------------------------------------


def random_start(K, M, seed, teacher_rank=None, student_rank=None):
    rng = np.random.default_rng(seed)
    N = K + M
    J = rng.standard_normal((K, student_rank or K)) @ rng.standard_normal((student_rank or K, N)) / N
    B = rng.standard_normal((M, teacher_rank or M)) @ rng.standard_normal((teacher_rank or M, N)) / N
    return OrderParameters.from_weights(J, B, rng.uniform(0.5, 1.5, K), rng.uniform(0.5, 1.5, M))


STARTS = {
    "random": random_start(3, 2, 0),
    "dependent teachers": random_start(3, 3, 1, teacher_rank=2),
    "one teacher thrice": random_start(2, 3, 2, teacher_rank=1),
    "no teacher": OrderParameters(Q=np.eye(2), R=np.zeros((2, 2)), T=np.zeros((2, 2))),
    "no student": OrderParameters(Q=np.zeros((2, 2)), R=np.zeros((2, 2))),
    "identical students": random_start(3, 2, 3, student_rank=1),
    "perfect": OrderParameters(Q=np.eye(2), R=np.eye(2)),
    "perfect, dependent": OrderParameters(Q=np.ones((2, 2)), R=np.ones((2, 2)), T=np.ones((2, 2))),
}


@pytest.mark.parametrize("name", STARTS)
def test_coordinates_give_the_overlaps_back(name):
    start = STARTS[name]
    place = Coordinates.of(start)
    K = start.students
    inside, L, teacher = place.inside.T, place.outside[:K].T, place.teacher.T
    assert inside @ inside.T + L @ L.T == pytest.approx(start.Q, abs=2e-14)
    assert inside @ teacher.T == pytest.approx(start.R, abs=2e-14)
    assert teacher @ teacher.T == pytest.approx(start.T, abs=2e-14)
    assert np.array_equal(L, np.tril(L))
    assert (np.diag(L) >= 0).all()
    assert teacher.shape[1] == np.linalg.matrix_rank(start.T)


@pytest.mark.parametrize("K", [1, 2, 5])
@pytest.mark.parametrize("kind", ["random", "zero", "zero z", "zero chi", "rank one"])
def test_the_factor_follows_a_rank_one_change(K, kind):
    rng = np.random.default_rng(K)
    L = np.tril(rng.standard_normal((K, K)))
    z, distance, push = rng.standard_normal(K + 3), 1.7, rng.standard_normal(K)
    if kind == "zero":
        L[:] = 0
    if kind == "zero z":
        z[:] = 0
    if kind == "zero chi":
        distance = 0.0
    if kind == "rank one":
        L[:, 1:] = 0
    factors = np.zeros((2, K + 1, K))
    factors[1, :K] = L.T
    rank_one_lq(K, factors, 1, push, z, 2, distance, np.empty(K + 1))
    wide = np.hstack([L + np.outer(push, z[2 : 2 + K]), (push * distance)[:, None]])
    got = factors[1, :K].T
    assert got @ got.T == pytest.approx(wide @ wide.T, abs=1e-13)
    assert np.abs(np.triu(got, 1)).max() < 1e-14
    assert np.array_equal(factors[0], np.zeros((K + 1, K)))


@pytest.mark.parametrize("K, n", [(1, 1), (1, 4), (3, 3), (3, 6), (4, 5)])
def test_lower_triangular_factors(K, n):
    A = np.random.default_rng(n).standard_normal((K, n))
    columns = np.ascontiguousarray(A.T)
    lq_in_place(columns, K, n)
    got = columns[:K].T
    assert got @ got.T == pytest.approx(A @ A.T, abs=1e-13)
    assert np.abs(np.triu(got, 1)).max() < 1e-14


@pytest.mark.parametrize("K, rank", [(1, 0), (1, 1), (3, 0), (3, 1), (3, 2), (3, 3), (6, 4)])
def test_factors_of_semidefinite_matrices(K, rank):
    W = np.random.default_rng(rank).standard_normal((K, max(rank, 1)))[:, :rank]
    factor = np.empty((K, K))
    semidefinite_cholesky(W @ W.T, factor)
    assert factor.T @ factor == pytest.approx(W @ W.T, abs=1e-6 if rank < K else 1e-13)
    assert np.isfinite(factor).all()


@pytest.mark.parametrize("freedom", [0, 1, 2, 3, 10, 1000, 10**9, 10**15])
def test_chi_variables(freedom):
    numbers, x = stream(3, 1), np.random.default_rng(freedom % 1000).standard_normal(20_000)
    sample = np.array([kernel.chi(numbers, freedom, value) for value in x])
    if freedom == 0:
        assert (sample == 0).all()
        return
    law = stats.chi2(freedom) if freedom < 10**6 else stats.norm(freedom, math.sqrt(2 * freedom))
    assert stats.kstest(sample**2, law.cdf).pvalue > 1e-4
    if freedom < 10**6:  # power: one degree of freedom more or less is seen where it matters
        assert stats.kstest(sample**2, stats.chi2(freedom + max(1, freedom // 50)).cdf).pvalue < 1e-6


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 100])
def test_what_a_batch_leaves_outside_both_spans_is_a_wishart_matrix(freedom):
    """G = Sum of `freedom` outer products of normals of covariance `gram`: u.G.u / u.gram.u is chi-square for any u."""
    K, draws = 3, 4000
    W = np.random.default_rng(1).standard_normal((K, K))
    gram = W @ W.T
    count = kernel.normals_per_update(np.array([0]), np.array([freedom]), K, 2, False) - 2 * K
    inside, along, numbers = np.zeros((1, 0, K)), np.zeros((1, K, K)), stream(freedom, 1)
    columns, factor, found = np.empty((2 * K, K)), np.empty((K, K)), np.empty((draws, K, K))
    z = np.random.default_rng(freedom).standard_normal((draws, count))
    for n in range(draws):
        outside = np.zeros((1, K + 1, K))
        kernel.push_batch(inside, outside, 0, 0, along, gram, freedom, 0.5, 1.0, z[n], 0, numbers, columns, factor)
        found[n] = 4 * outside[0, :K].T @ outside[0, :K]
    directions = [*np.linalg.inv(W), *np.eye(K), np.ones(K)]  # the first three make the covariance the identity
    for u in directions:
        lengths = np.einsum("i,nij,j->n", u, found, u) / (u @ gram @ u)
        assert stats.kstest(lengths, stats.chi2(freedom).cdf).pvalue > 1e-4
    if freedom >= K:
        scaled = np.linalg.det(found) / np.linalg.det(gram)
        known = np.prod([stats.chi2(freedom - m).rvs(draws, random_state=m) for m in range(K)], axis=0)
        assert stats.ks_2samp(scaled, known).pvalue > 1e-4
    else:
        assert np.abs(np.linalg.det(found)).max() < 1e-9 * np.abs(found).max() ** 3


# ---- driven by the same inputs -----------------------------------------------------------------------------------


class Driven:
    """Weights in NumPy, and the very source of the chain's kernel, fed with the coordinates of the same inputs.

    ``run`` draws a normal for each coordinate and a chi variable for the rest; here both are read off an input x:
    z_T = E x, z_S any solution of L z_S = J_outside x, chi the length of what is left.
    """

    def __init__(self, machine, rule, starts, sizes, scales, seed, monkeypatch):
        self.machine, self.rule, self.sizes, self.scales = machine, rule, sizes, scales
        self.rng = np.random.default_rng(seed)
        self.blocks = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
        K, N = machine.students, sum(sizes)
        places = [Coordinates.of(start) for start in starts]
        rank = max(len(place.teacher) for place in places)
        self.ranks = np.array([len(place.teacher) for place in places])
        self.inside = np.zeros((len(sizes), rank, K))
        self.outside = np.stack([place.outside for place in places])
        self.teacher = np.zeros((len(sizes), rank, machine.teachers))
        self.J, self.B = np.zeros((K, N)), np.zeros((machine.teachers, N))
        self.frames = []
        for b, (place, columns) in enumerate(zip(places, self.blocks, strict=True)):
            r = self.ranks[b]
            self.inside[b, :r], self.teacher[b, :r] = place.inside, place.teacher
            # From the coordinates, not the overlaps: the root of a vanishing overlap would differ by 1e-8.
            frame = np.linalg.qr(self.rng.standard_normal((sizes[b], r + K)))[0].T
            self.J[:, columns] = np.hstack([place.inside.T, place.outside[:K].T]) @ frame
            self.B[:, columns] = place.teacher.T @ frame[:r]
            self.frames.append(frame[:r])
        self.v, self.v_star = starts[0].v.copy(), starts[0].v_star.copy()
        self.chain_v = self.v.copy()
        freedoms = np.array(sizes) - self.ranks - K
        self.problem = (
            self.ranks, np.array(scales), freedoms, CODES[machine.activation], rule.learning_rate / N,
            rule.inverse_temperature, 1 - rule.weight_decay / N, rule.batch_size, rule.fan_out_learning_rate / N,
            machine.noise,
        )  # fmt: skip
        self.scratch = kernel.make_scratch(
            K, machine.teachers, self.ranks, freedoms, rule.batch_size, machine.noise > 0
        )
        self.normals, self.lengths = [], []

        def fill(_, z):
            assert z.size == len(self.normals)
            z[:] = self.normals

        monkeypatch.setattr(kernel, "fill_normals64", fill)
        monkeypatch.setattr(kernel, "chi", lambda *_: self.lengths.pop(0))
        if rule.batch_size > 1:
            monkeypatch.setattr(kernel, "push_batch", kernel.push_batch.py_func)

    def coordinates(self, b, x):
        """z_T and z_S (coordinates, B) of the inputs x (B, columns) of block b, and the Gram matrix of what is left."""
        frame, columns = self.frames[b], self.blocks[b]
        J, L = self.J[:, columns], self.outside[b, :-1].T
        along = frame @ x.T
        beyond = x.T - frame.T @ along
        across = np.linalg.lstsq(L, (J - (J @ frame.T) @ frame) @ beyond, rcond=1e-12)[0]
        return along, across, beyond.T @ beyond - across.T @ across

    def step(self):
        machine, B = self.machine, self.rule.batch_size
        x = self.rng.standard_normal((B, self.J.shape[1]))
        zeta = self.rng.standard_normal(B)
        seen = np.concatenate([s * x[:, columns] for s, columns in zip(self.scales, self.blocks, strict=True)], axis=1)
        self.normals, self.lengths = [], []
        parts = [self.coordinates(b, x[:, columns]) for b, columns in enumerate(self.blocks)]
        for n in range(B):
            for (along, across, rest), scale in zip(parts, self.scales, strict=True):
                self.normals += [*along[:, n], *across[:, n]]
                if B == 1:
                    self.normals.append(0.0)
                    if scale != 0.0:  # nothing moves along inputs without variance
                        self.lengths.append(math.sqrt(max(rest[0, 0], 0.0)))
            if machine.noise > 0:
                self.normals.append(zeta[n])
        if B > 1:
            K = len(self.J)
            deltas = np.array([self.delta(seen[n], zeta[n]) for n in range(B)])
            factor = np.empty((K, K))
            semidefinite_cholesky(deltas.T @ deltas, factor)
            for _, _, rest in parts:
                values, vectors = np.linalg.eigh(rest)
                pushed = deltas.T @ (vectors * np.sqrt(np.maximum(values, 0)))
                A = np.linalg.lstsq(factor.T, np.hstack([pushed, np.zeros((K, K))]), rcond=1e-13)[0]
                lower = np.linalg.qr(A.T, mode="r").T
                lower *= np.where(np.diag(lower) < 0, -1.0, 1.0)
                for j in range(K):
                    self.normals += [0.0, *lower[j + 1 :, j]]
                    self.lengths.append(lower[j, j])
        kernel.run.py_func(
            np.zeros(len(self.J)), np.zeros(len(self.B)), self.inside, self.outside, self.teacher, self.chain_v,
            self.v_star, self.problem, self.scratch, None, 1,
        )  # fmt: skip
        assert not self.lengths
        self.J, self.v = driven_weights(self.J, self.B, self.v, self.v_star, seen, zeta, machine, self.rule)

    def delta(self, x, zeta):
        h, rho = self.J @ x, self.B @ x
        g = {"erf": lambda u: 2 * stats.norm.cdf(u) - 1, "relu": lambda u: np.maximum(u, 0), "linear": lambda u: u}
        e = self.v_star @ g[self.machine.activation](rho) + self.machine.noise * zeta
        e -= self.v @ g[self.machine.activation](h)
        slope = {
            "erf": math.sqrt(2 / math.pi) * np.exp(-self.rule.inverse_temperature * h**2 / 2),
            "relu": h > 0,
            "linear": 1.0,
        }
        return self.v * slope[self.machine.activation] * e

    def gap(self):
        """The largest difference of the overlaps of both."""
        K, M = self.J.shape[0], self.B.shape[0]
        Q, R = np.empty((len(self.sizes), K, K)), np.empty((len(self.sizes), K, M))
        kernel.overlaps(self.inside, self.outside, self.teacher, self.ranks, Q, R)
        gaps = [np.abs(self.v - self.chain_v).max()]
        for b, columns in enumerate(self.blocks):
            J, B = self.J[:, columns], self.B[:, columns]
            gaps += [np.abs(Q[b] - J @ J.T).max(), np.abs(R[b] - J @ B.T).max()]
        return max(gaps)


DRIVEN = {
    "plain": (Committee(students=3, teachers=2), LearningRule(learning_rate=1.0), "random"),
    "noise, decay, second layer": (
        Committee(students=3, teachers=2, noise=0.3),
        LearningRule(learning_rate=1.0, inverse_temperature=3.0, weight_decay=0.3, fan_out_learning_rate=0.3),
        "random",
    ),
    "relu": (Committee(students=3, teachers=2, activation="relu"), LearningRule(learning_rate=0.2), "random"),
    "linear": (Committee(students=3, teachers=2, activation="linear"), LearningRule(learning_rate=0.2), "random"),
    "dependent teachers": (Committee(students=3, teachers=3), LearningRule(learning_rate=1.0), "dependent teachers"),
    "identical students": (Committee(students=3, teachers=2), LearningRule(learning_rate=1.0), "identical students"),
    "perfect": (Committee(students=2, teachers=2, noise=0.2), LearningRule(learning_rate=0.5), "perfect"),
    "perfect, dependent": (
        Committee(students=2, teachers=2, noise=0.2), LearningRule(learning_rate=0.5), "perfect, dependent",
    ),
    "batch": (
        Committee(students=3, teachers=2, noise=0.3),
        LearningRule(learning_rate=1.0, batch_size=4, weight_decay=0.3, fan_out_learning_rate=0.3),
        "random",
    ),
    "batch smaller than K": (
        Committee(students=3, teachers=2), LearningRule(learning_rate=1.0, batch_size=2), "random",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DRIVEN)
def test_chain_and_weights_driven_by_the_same_inputs_agree(name, monkeypatch):
    machine, rule, start = DRIVEN[name]
    driven = Driven(machine, rule, [STARTS[start]], [40], [1.0], 7, monkeypatch)
    begin = driven.J.copy()
    for step in range(3000):
        driven.step()
        if step % 500 == 0:
            assert driven.gap() < 1e-10
    assert driven.gap() < 1e-10
    assert np.abs(driven.J - begin).max() > 0.01


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("scale", [0.6, 0.0])
def test_both_blocks_of_inputs_follow_the_weights(scale, batch, monkeypatch):
    machine, rule = Committee(students=3, teachers=2, noise=0.1), LearningRule(learning_rate=1.0, batch_size=batch)
    pair = [STARTS["random"], random_start(3, 2, 5, student_rank=2)]
    pair[1] = OrderParameters(pair[1].Q, pair[1].R, pair[1].T, pair[0].v, pair[0].v_star)
    driven = Driven(machine, rule, pair, [25, 15], [1.0, scale], 8, monkeypatch)
    frozen = driven.outside[1].copy(), driven.inside[1].copy()
    for _ in range(1000):
        driven.step()
    assert driven.gap() < 1e-10
    if scale == 0.0:
        assert np.array_equal(driven.outside[1], frozen[0])
        assert np.array_equal(driven.inside[1], frozen[1])


def test_the_driven_test_can_fail(monkeypatch):
    """Power: without the length of what is left, or with its sign of decay, the two part at once."""
    machine, rule, start = DRIVEN["plain"]
    driven = Driven(machine, rule, [STARTS[start]], [40], [1.0], 7, monkeypatch)
    monkeypatch.setattr(kernel, "chi", lambda *_: 0.999 * driven.lengths.pop(0))
    for _ in range(10):
        driven.step()
    assert driven.gap() > 1e-5


# ---- equal in law ------------------------------------------------------------------------------------------------


LAWS = {
    "plain": (TWO, RULE),
    "batch": (TWO, LearningRule(learning_rate=1.5, batch_size=3)),
    "everything": (
        Committee(students=2, teachers=2, noise=0.4),
        LearningRule(learning_rate=1.0, inverse_temperature=2.0, weight_decay=0.5, fan_out_learning_rate=0.5),
    ),
    "everything in batches": (
        Committee(students=2, teachers=2, noise=0.4),
        LearningRule(learning_rate=1.5, batch_size=5, weight_decay=0.5, fan_out_learning_rate=0.5),
    ),
    "relu": (Committee(students=2, teachers=2, activation="relu"), LearningRule(learning_rate=0.3)),
}
APART = OrderParameters(Q=[[0.6, 0.1], [0.1, 0.4]], R=[[0.3, 0.1], [-0.1, 0.2]], T=[[1.0, 0.3], [0.3, 0.8]])


def statistics(data):
    """One number a seed: entries of Q, R, v, combinations of them, and the error, at each point."""
    Q, R, v = data.Q.values, data.R.values, data.v.values
    columns = [Q[:, :, 0, 0], Q[:, :, 1, 1], Q[:, :, 0, 1], R[:, :, 0, 0], R[:, :, 1, 0], R[:, :, 1, 1]]
    columns += [Q[:, :, 0, 0] - R[:, :, 0, 0] ** 2, np.linalg.det(Q), data.generalization_error.values]
    columns += [v[:, :, 0]] if v.std() > 0 else []
    # Rounded, since values that several seeds share (no ReLU node active yet) differ by the rounding of each method.
    return np.round(np.concatenate(columns, axis=1).T, 12)


def smallest_p(a, b):
    """The smallest p of two-sample Kolmogorov-Smirnov tests, one a statistic, corrected after Bonferroni."""
    pairs = list(zip(statistics(a), statistics(b), strict=True))
    return min(1.0, len(pairs) * min(stats.ks_2samp(x, y).pvalue for x, y in pairs))


def both(machine, rule, N, alpha, seeds, start=APART, **options):
    points = {"save_at": [alpha / 4, alpha], "seeds": seeds, "inputs": options.get("inputs")}
    return (
        simulate(machine, rule, start, N, alpha, method="chain", **points),
        simulate(machine, rule, start, N, alpha, method="weights", **points),
    )


@pytest.mark.parametrize("N, seeds", [(4, 2000), (12, 2000), (100, 400)])
@pytest.mark.parametrize("law", LAWS)
def test_chain_and_weights_are_equal_in_law(law, N, seeds):
    assert smallest_p(*both(*LAWS[law], N, 3.0, seeds)) > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_chain_and_weights_are_equal_in_law_at_a_thousand_inputs(law):
    assert smallest_p(*both(*LAWS[law], 1000, 3.0, 600)) > 0.001


@pytest.mark.parametrize("scale", [0.0, 0.5])
@pytest.mark.parametrize("law", ["plain", "everything in batches"])
def test_blocks_of_inputs_are_equal_in_law(law, scale):
    pair = (APART, OrderParameters(Q=[[0.2, 0.05], [0.05, 0.3]], R=0.1 * np.eye(2), T=0.5 * np.eye(2)))
    given = both(*LAWS[law], 20, 3.0, 1500, start=pair, inputs=BlockIsotropic(dimension=8, scale=scale))
    assert smallest_p(*given) > 0.001
    outside = [d.Q_outside.values[:, -1, 0, 0] for d in given]
    if scale > 0:
        assert stats.ks_2samp(*outside).pvalue > 0.001
    else:
        assert outside[0] == pytest.approx(outside[1], abs=1e-13) or law != "plain"


def test_one_block_of_variance_one_is_no_block():
    alone = simulate(*LAWS["everything"], APART, 20, 3.0, seeds=1500, save_at=[1.0, 3.0])
    blocks = simulate(
        *LAWS["everything"], APART, 20, 3.0, seeds=range(5000, 6500), save_at=[1.0, 3.0],
        inputs=BlockIsotropic(dimension=10, scale=1.0),
    )  # fmt: skip
    assert smallest_p(alone, blocks) > 0.001


def altered(monkeypatch, change):
    """The chain with other degrees of freedom."""
    right = chain.run

    def wrong(K, M, inside, outside, teacher, v, v_star, problem, *rest):
        problem = (*problem[:2], change(problem[2]), *problem[3:])
        return right(K, M, inside, outside, teacher, v, v_star, problem, *rest)

    monkeypatch.setattr(chain, "run", wrong)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("N, seeds", [(12, 2000), (100, 400)])
def test_a_chain_without_the_rest_of_the_input_is_rejected(law, N, seeds, monkeypatch):
    altered(monkeypatch, lambda freedoms: 0 * freedoms)
    assert smallest_p(*both(*LAWS[law], N, 3.0, seeds)) < 1e-6


@pytest.mark.parametrize("law", ["plain", "everything in batches"])
def test_a_chain_that_forgets_the_students_directions_is_rejected(law, monkeypatch):
    altered(monkeypatch, lambda freedoms: freedoms + 2)
    assert smallest_p(*both(*LAWS[law], 12, 3.0, 2000)) < 1e-4


def known_drift(start, N, machine, rule, corrected):
    """N E[dQ], N E[dR] of one step: the flow, plus (2 / N) d/dt of its second-order part along t C."""

    def second_order(t):
        parts = []
        for batch in (1, 10**15):
            Q, R, T = t * start.Q, t * start.R, t * start.T
            single = rule.replace(batch_size=batch)
            parts.append(readable.drifts(Q, R, T, start.v, start.v_star, machine, single)[0])
        return parts[0] - parts[1]

    dQ, dR, _ = readable.drifts(start.Q, start.R, start.T, start.v, start.v_star, machine, rule)
    slope = (second_order(1 + 1e-5) - second_order(1 - 1e-5)) / 2e-5 / rule.batch_size
    return dQ + (2 / N * slope if corrected else 0), dR


@pytest.mark.parametrize("batch, N", [(1, 6), (1, 4), (3, 9), (2, 5)])
def test_one_step_drifts_are_exact_at_finite_dimension(batch, N):
    machine = Committee(students=2, teachers=2, noise=0.3)
    rule = LearningRule(learning_rate=1.0, inverse_temperature=2.0, batch_size=batch)
    place, steps = Coordinates.of(APART), 60_000
    ranks, freedoms = np.array([2]), np.array([N - 4])
    problem = (ranks, np.ones(1), freedoms, 0, 1 / N, 2.0, 1.0, batch, 0.0, 0.3)
    scratch, numbers = kernel.make_scratch(2, 2, ranks, freedoms, batch, True), stream(9, 1)
    sizes, teacher = np.zeros(2, np.int8), place.teacher[None].copy()
    drifts = np.empty((steps, 2, 4))
    Q, R, v, v_star = np.empty((1, 2, 2)), np.empty((1, 2, 2)), APART.v.copy(), APART.v_star.copy()
    for n in range(steps):
        inside, outside = place.inside[None].copy(), place.outside[None].copy()
        kernel.run(sizes, sizes, inside, outside, teacher, v, v_star, problem, scratch, numbers, 1)
        kernel.overlaps(inside, outside, teacher, ranks, Q, R)
        drifts[n, :, :2], drifts[n, :, 2:] = Q[0] - APART.Q, R[0] - APART.R
    drifts *= N
    mean, error = drifts.mean(0), drifts.std(0) / math.sqrt(steps)
    dQ, dR = known_drift(APART, N, machine, rule, corrected=True)
    if batch > 1:  # two different examples of a batch push along each other: (1 - 1/B) eta^2 <delta x>.<delta x> / N
        dQ = dQ + (1 - 1 / batch) / N * push_product(APART, rule)
    assert np.abs((mean - np.hstack([dQ, dR])) / error).max() < 4.5
    # Power: without the correction of finite N the drift is far off.
    dQ, dR = known_drift(APART, N, machine, rule, corrected=False)
    assert np.abs((mean - np.hstack([dQ, dR])) / error).max() > 6


def push_product(start, rule):
    """<delta_i x> . <delta_k x>: the mean pushes lie in the span of all weights, where <delta_i f_a> gives them."""
    C, s, F = start.covariance, np.concatenate([-start.v, start.v_star]), range(start.students + start.teachers)
    beta, K = rule.inverse_temperature, range(start.students)
    D1 = np.array([[start.v[i] * sum(s[w] * readable.erf_i3(C, i, a, w, beta) for w in F) for a in F] for i in K])
    return D1 @ np.linalg.solve(C, D1.T)


def check_means(alphas, seeds):
    """Mean errors over 6000 chains of an independent program, with standard errors."""
    known = {10: (0.022334, 22e-6), 50: (0.019146, 34e-6), 100: (0.004767, 72e-6)}
    paths = simulate(TWO, RULE, IC2, 100, alphas[-1], seeds=seeds, save_at=alphas)
    for alpha in alphas:
        sample = paths.generalization_error.sel(alpha=alpha).values
        mean, error = known[alpha]
        assert abs(sample.mean() - mean) < 4 * math.hypot(error, sample.std() / math.sqrt(len(sample)))


def test_mean_errors_at_one_hundred_inputs():
    check_means([10, 50], 600)


@pytest.mark.slow
def test_mean_errors_at_one_hundred_inputs_with_many_seeds():
    check_means([10, 50, 100], 6000)


# ---- bits, size, bounds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_bits_depend_on_the_seed_alone(law, monkeypatch):
    machine, rule = LAWS[law]
    batch = chains(machine, rule, APART, 50, [0, 40, 333, 900], [4, 0, 2**33], workers=2)
    assert len(np.unique(batch.Q[:, -1, 0, 0, 0])) == 3
    for workers in (1, 4):
        assert same(batch, chains(machine, rule, APART, 50, [0, 40, 333, 900], [4, 0, 2**33], workers=workers))
    assert same(chains(machine, rule, APART, 50, [0, 40, 333, 900], [0]), batch, [1])
    assert same(chains(machine, rule, APART, 50, [0, 40, 333, 900], [0, 4]), batch, [1, 0])
    more = chains(machine, rule, APART, 50, np.arange(901), [0])
    assert np.array_equal(more.Q[0, [0, 40, 333, 900]], batch.Q[1])
    monkeypatch.setattr(chain, "_CHUNK", 7)
    assert same(batch, chains(machine, rule, APART, 50, [0, 40, 333, 900], [4, 0, 2**33]))


@pytest.mark.parametrize("law", ["plain", "everything in batches"])
def test_the_kernel_for_one_size_gives_the_bits_of_the_kernel_for_all(law, monkeypatch):
    machine, rule = LAWS[law]
    general = chains(machine, rule, APART, 50, [40, 2000], [0, 1])
    monkeypatch.setattr(chain, "_WORTH_COMPILING", 0)
    assert isinstance(chain._sizes(2, 2, 1)[0], tuple)
    assert same(general, chains(machine, rule, APART, 50, [40, 2000], [0, 1]))


def test_the_path_does_not_know_when_it_ends():
    long = chains(TWO, RULE, APART, 50, [100, 700], [3])
    assert same(chains(TWO, RULE, APART, 50, [100], [3], workers=1), chains(TWO, RULE, APART, 50, [100], [3]))
    assert np.array_equal(chains(TWO, RULE, APART, 50, [100], [3]).Q[:, 0], long.Q[:, 0])


def test_a_billion_inputs():
    machine, rule = LAWS["everything"]
    paths = chains(machine, rule, APART, 10**9, [10**5], [0])
    assert paths.alpha_end[0] == 1e-4
    moved = paths.Q[0, 0, 0] - APART.Q
    drift = readable.drifts(APART.Q, APART.R, APART.T, APART.v, APART.v_star, machine, rule)[0]
    # 1e5 of 1e9 updates: the drift over alpha = 1e-4, with fluctuations of the order of sqrt(1e-4 / 1e9).
    assert np.abs(moved - 1e-4 * drift).max() < 3e-6
    assert np.abs(moved).max() > 1e-5


def test_large_networks_follow_the_flow():
    from practicum import solve

    alphas = [1.0, 5.0, 20.0]
    theory = solve(TWO, RULE, APART, 20.0, save_at=alphas)
    gaps = []
    for N in (300, 10_000):
        paths = simulate(TWO, RULE, APART, N, 20.0, seeds=12, save_at=alphas)
        gap = theory - paths.mean("seed")
        assert set(gap.data_vars) == {"Q", "R", "T", "v", "v_star", "generalization_error"}
        assert gap.sizes["alpha"] == 3
        gaps.append(float(np.abs(gap.Q).max()))
        single = np.abs(theory.Q - paths.Q).max("alpha").values
        assert single.max() < 12 / math.sqrt(N)
    assert gaps[1] < gaps[0]
    assert gaps[1] < 0.01


def test_memory_grows_neither_with_the_dimension_nor_with_alpha():
    def peak(N, steps):
        tracemalloc.start()
        chains(*LAWS["everything"], APART, N, [steps], [0], workers=1)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(100, 10)
    small = peak(100, 1000)
    assert peak(10**9, 1000) < small + 20_000
    assert peak(100, 300_000) < small + 20_000
    assert small < 500_000


@pytest.mark.parametrize("batch", [1, 4])
def test_nothing_moves_outside_the_data(batch):
    machine, rule = TWO, LearningRule(learning_rate=1.0, batch_size=batch)
    pair = (APART, OrderParameters(Q=[[0.2, 0.05], [0.05, 0.3]], R=0.1 * np.eye(2), T=0.5 * np.eye(2)))
    paths = simulate(
        machine, rule, pair, 30, 50.0, seeds=3, inputs=BlockIsotropic(dimension=12), save_at=[0.0, 1.0, 50.0]
    )
    for name in ("Q_outside", "R_outside"):
        values = paths[name].values
        assert (values == values[:, :1]).all()
    assert np.abs(paths.Q - paths.Q.isel(alpha=0)).max() > 0.1
    decay = simulate(
        machine, rule.replace(weight_decay=2.0), pair, 30, 1.0, seeds=2, inputs=BlockIsotropic(dimension=12),
        save_at=[0.0, 1.0],
    )  # fmt: skip
    left = (1 - 2.0 / 30) ** 60
    assert decay.Q_outside.values[:, 1] == pytest.approx(left * decay.Q_outside.values[:, 0], rel=1e-12)


def test_too_few_inputs_end_in_one_sentence():
    for N in (1, 3):
        with pytest.raises(ParameterError) as caught:
            simulate(TWO, RULE, IC2, N, 1.0)
        for part in ("at least 4", "rank 2", "2 students", f"Got {N} instead", "method='weights'"):
            assert part in str(caught.value)
    assert simulate(TWO, RULE, IC2, 4, 1.0).status.values.tolist() == ["ok"]
    flat = OrderParameters(Q=np.eye(2), R=np.zeros((2, 2)), T=np.zeros((2, 2)))
    assert simulate(TWO, RULE, flat, 2, 1.0).status.values.tolist() == ["ok"]
    with pytest.raises(ParameterError, match="inside and outside the data subspace"):
        simulate(TWO, RULE, IC2, 40, 1.0, inputs=BlockIsotropic(dimension=38))


@pytest.mark.parametrize("eta", [9.0, 1e200])
def test_divergence_is_a_value(eta):
    machine = Committee(students=2, teachers=2, activation="linear")
    paths = simulate(machine, LearningRule(learning_rate=eta), IC2, 20, 100.0, seeds=2, save_at=[0.0, 1.0, 99.0, 100.0])
    assert paths.status.values.tolist() == ["diverged", "diverged"]
    assert (paths.alpha_end < 100).all()
    assert np.isfinite(paths.Q.isel(alpha=0)).all()
    assert np.isnan(paths.Q.isel(alpha=-1)).all()
    assert np.isnan(paths.generalization_error.isel(alpha=-1)).all()


def test_progress_reaches_one():
    done = []
    chains(TWO, RULE, IC2, 50, [10, 500], [0, 1], workers=1, progress=done.append)
    assert done == sorted(done)
    assert done[-1] == 1.0


@pytest.mark.parametrize("name", STARTS)
def test_every_start_runs(name):
    start = STARTS[name]
    K, M = start.students, start.teachers
    for batch in (1, 3):
        rule = LearningRule(learning_rate=0.5, batch_size=batch)
        for N in (K + M, 60):
            paths = chains(Committee(students=K, teachers=M, noise=0.1), rule, start, N, [0, 1, 500], [0])
            assert paths.Q[0, 0, 0] == pytest.approx(start.Q, abs=1e-13)
            assert paths.R[0, 0, 0] == pytest.approx(start.R, abs=1e-13)
            assert np.isfinite(paths.Q).all()
            assert paths.status == ["ok"]


@pytest.mark.parametrize("law", LAWS)
def test_the_compiled_kernel_is_its_source(law):
    """The driven test runs the source of ``run``; this ties the compiled one to it."""
    machine, rule = LAWS[law]
    place, ranks, freedoms = Coordinates.of(APART), np.array([2]), np.array([46])
    problem = (
        ranks, np.ones(1), freedoms, CODES[machine.activation], rule.learning_rate / 50, rule.inverse_temperature,
        1 - rule.weight_decay / 50, rule.batch_size, rule.fan_out_learning_rate / 50, machine.noise,
    )  # fmt: skip
    results, sizes = [], np.zeros(2, np.int8)
    for run in (kernel.run, kernel.run.py_func):
        state = [place.inside[None].copy(), place.outside[None].copy(), place.teacher[None].copy()]
        state += [APART.v.copy(), APART.v_star.copy()]
        scratch = kernel.make_scratch(2, 2, ranks, freedoms, rule.batch_size, machine.noise > 0)
        assert run(sizes, sizes, *state, problem, scratch, stream(5, 1), 700)
        results.append(np.concatenate([part.ravel() for part in (state[0], state[1][:, :2], state[3])]))
    assert results[0] == pytest.approx(results[1], abs=1e-11)

"""Random starts: uniform in the ball, and the same whatever is attacked beside them and whatever fits into memory."""

import numpy as np
import pytest
from scipy.stats import binomtest, kstest, norm

torch = pytest.importorskip("torch")

from practicum.networks.cnn import CNN  # noqa: E402
from practicum.robustness.attacks import APGD, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from practicum.robustness.attacks import _running as running  # noqa: E402
from practicum.robustness.attacks import _starts as starts  # noqa: E402
from practicum.robustness.attacks._ball import Ball  # noqa: E402
from robustness.attack_networks import drawn, perceptrons  # noqa: E402

D, ROWS, EPSILON = 6, 4000, 0.3
BASIS = np.linalg.qr(drawn(D, 4, seed=5).numpy())[0]
LEAST_P = 1e-3
"""Of a KS test on 4000 or more numbers, for one seed chosen beforehand; a wrong law is refused below 1e-9."""


def offsets(which, dtype=torch.float64, side=None, seed=0, monkeypatch=None):
    """Starts of many rows less their clean inputs, in units of the radius, (ROWS, D)."""
    clean = drawn(ROWS, D, dtype=dtype)
    network, attack = perceptrons(D, 5, 3, dtype=dtype), RandomNoise(norm=which, side=side)
    labels = network(clean)[0].argmax(-1)
    found = attack(network, clean, EPSILON, labels=labels, seed=seed, subspace=None if side is None else BASIS)
    return ((found.inputs[0, 0] - clean) / EPSILON).double().numpy()


def p_values(which, rest, side=None):
    """That the offsets are uniform: of each coordinate, of the radius, and of the direction."""
    if which == "linf":
        tests = [kstest(rest[:, k], "uniform", (-1, 2)) for k in range(D)]
        tests += [
            kstest(np.abs(rest).max(1) ** D, "uniform"),
            binomtest(int((rest[:, 0] * rest[:, 1] > 0).sum()), ROWS),
        ]
        return np.array([test.pvalue for test in tests])
    if side is not None:
        whole = np.linalg.svd(BASIS, full_matrices=True)[0]
        rest = rest @ (whole[:, :4] if side == "inside" else whole[:, 4:])
    rank = rest.shape[1]
    radius = np.linalg.norm(rest, axis=1)
    # Of an entry x of a uniform direction, (1 + x) / 2 has a beta law.
    half = (rank - 1) / 2
    tests = [kstest(radius**rank, "uniform")]
    tests += [kstest((1 + rest[:, k] / radius) / 2, "beta", (half, half)) for k in range(rank)]
    return np.array([test.pvalue for test in tests])


@pytest.mark.parametrize("which", ["linf", "l2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uniform_in_the_ball(which, dtype):
    assert p_values(which, offsets(which, dtype)).min() > LEAST_P


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_uniform_in_the_ball_of_a_side(side):
    assert p_values("l2", offsets("l2", side=side), side).min() > LEAST_P


@pytest.mark.parametrize("which", ["linf", "l2"])
def test_wrong_laws_fail_this_test(which, monkeypatch):
    right = starts.Rows._drawn

    def changed(change):
        monkeypatch.setattr(starts.Rows, "_drawn", change)
        assert p_values(which, offsets(which)).min() < 1e-9

    if which == "linf":
        changed(
            lambda rows, law, shape, dtype: 0.5 + 0.15 * np.clip(right(rows, "standard_normal", shape, dtype), -3, 3)
        )
        changed(lambda rows, law, shape, dtype: 0.05 + 0.95 * right(rows, law, shape, dtype))
    else:
        # the radius uniform instead of its power; the corners of a cube preferred
        def radius(rows, law, shape, dtype):
            return right(rows, law, shape, dtype) ** (D if law == "random" else 1)

        changed(radius)
        changed(lambda rows, law, shape, dtype: right(rows, "random", shape, dtype) - 0.5 * (law != "random"))


def test_starts_of_rows_and_restarts_are_independent():
    """Correlations between neighbouring rows, rows of two generators, two seeds, and the radius and the direction."""
    rest, again = offsets("l2"), offsets("l2", seed=1)
    radius = np.linalg.norm(rest, axis=1, keepdims=True)
    pairs = [(rest[1:], rest[:-1]), (rest[256:], rest[:-256]), (rest, again), (radius, np.abs(rest) / radius)]
    for one, two in pairs:
        for a in one.T:
            for b in two.T:
                z = np.corrcoef(a, b)[0, 1] * np.sqrt(len(a))
                assert 2 * norm.sf(abs(z)) > LEAST_P / 36
    keys = [starts.Rows(0, key, 0).random((50, 3)) for key in [(0,), (1,), (0, 1), (1, 0), (0, 0)]]
    assert len({k.tobytes() for k in keys}) == len(keys)


ALL = [
    PGD(steps=3, restarts=3),
    PGD(norm="l2", steps=3, restarts=2),
    RandomNoise(norm="l2", tries=3),
    APGD(norm="l2", steps=6, restarts=4),
    TargetedAPGD(norm="l2", steps=5),
    Worst(attacks=(APGD(steps=4, restarts=3), TargetedAPGD(steps=3), PGD(steps=3))),
]


@pytest.mark.parametrize("attack", ALL, ids=repr)
@pytest.mark.parametrize("entries", [1, 900])
def test_parts_do_not_show(attack, entries, monkeypatch):
    """Also where a search ends early in a part, all of whose rows it has fooled."""
    monkeypatch.setattr(starts, "_ROWS", 32)
    network, inputs = perceptrons(D, 12, 5, seeds=2), drawn(150, D)
    labels = network(inputs)[0].argmax(-1)
    labels[:60] = (labels[:60] + 1) % 5  # these are wrong already
    whole = attack(network, inputs, [0.1, 0.2], labels=labels)
    monkeypatch.setattr(running, "_ENTRIES", entries)
    part = attack(network, inputs, [0.1, 0.2], labels=labels)
    assert torch.equal(part.success, whole.success)
    # Products of other sizes round differently.
    torch.testing.assert_close(part.inputs, whole.inputs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("attack", [ALL[1], ALL[3], ALL[5]], ids=repr)
def test_carrying_one_generator_along_fails_this_test(attack, monkeypatch):
    """How one would write it first."""
    generators = {}

    def streams(seed, first, *key):
        return [generators.setdefault(key, np.random.default_rng([seed, *key]))]

    monkeypatch.setattr(running, "_starts", streams)
    with pytest.raises(AssertionError):
        test_parts_do_not_show(attack, 900, monkeypatch)


@pytest.mark.parametrize("attack", [RandomNoise(), RandomNoise(norm="l2", tries=1)], ids=repr)
def test_the_same_for_every_radius_student_and_kind_of_network(attack, monkeypatch):
    monkeypatch.setattr(running, "_rising", lambda *found: found)  # nothing is carried over from smaller radii
    inputs = drawn(300, D)
    labels = torch.zeros(300, dtype=torch.int64)
    radii = [0.4, 0.1, 0.2]
    one = perceptrons(D, 5, 3)
    others = [perceptrons(D, 700, 4, seeds=3, seed=9), torch.nn.Linear(D, 3).double()]
    first = attack(one, inputs, radii, labels=labels).inputs - inputs
    units = first[:, 0] / torch.tensor(radii).double().view(-1, 1, 1)
    for unit in units[1:]:
        torch.testing.assert_close(unit, units[0], rtol=1e-9, atol=1e-12)
    for radius, offset in zip(radii, first):
        alone = attack(one, inputs, radius, labels=labels).inputs - inputs
        torch.testing.assert_close(alone[0], offset, rtol=0, atol=1e-15)
    for other in others:
        found = attack(other, inputs, radii, labels=labels).inputs - inputs
        found = found if found.ndim == 4 else found.unsqueeze(1)
        torch.testing.assert_close(found, first.expand_as(found), rtol=0, atol=1e-15)
    picture = CNN((1, 2, 3), (2,), 3).double()
    found = attack(picture, inputs.view(300, 1, 2, 3), radii, labels=labels).inputs
    torch.testing.assert_close(found.flatten(2), (inputs + first[:, 0]), rtol=0, atol=1e-15)
    assert not torch.equal(attack(one, inputs, radii, labels=labels, seed=1).inputs - inputs, first)


def test_students_in_training_draw_from_their_own_generators():
    ball = Ball("l2", drawn(2, 5, D), torch.full((5,), 0.1, dtype=torch.float64))
    rngs = lambda: [np.random.default_rng(s) for s in range(2)]
    start = ball.start(rngs())
    assert torch.equal(start, ball.start(rngs()))
    offsets = (start - ball.clean) / 0.1
    assert not torch.isclose(offsets[0], offsets[1]).any()
    alone = Ball("l2", drawn(2, 5, D)[1:], torch.full((5,), 0.1, dtype=torch.float64)).start(rngs()[1:])
    torch.testing.assert_close(alone, start[1:], rtol=0, atol=0)

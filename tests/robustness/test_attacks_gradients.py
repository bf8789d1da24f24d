"""Losses and their gradients, written by hand, against formulas in NumPy, finite differences and autograd."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp, softmax

torch = pytest.importorskip("torch")

from practicum.robustness.attacks._slopes import Towards, by_autograd, with_gradient  # noqa: E402
from practicum.robustness.attacks.losses import Truth, fooled, losses, targeted  # noqa: E402
from robustness.attack_networks import drawn  # noqa: E402

S, R, C = 2, 40, 5
OURS, THEIRS = 2 * drawn(S, R, C, seed=1), 2 * drawn(S, R, C, seed=2)
LABELS = torch.from_numpy(np.random.default_rng(3).integers(0, C, (1, R)))
FIXED = ("cross-entropy", "margin", "dlr", "confidence", "kl", "mse")
MARGIN = 1.5


def truth_of(name, oracle, margin=0.0):
    if oracle:
        return Truth(None, THEIRS, True, margin)
    return Truth(None if name == "mse" else LABELS, THEIRS if name in ("kl", "mse") else None)


def formula(name, z, t, y, margin=0.0, oracle=False):
    """The loss of one row of outputs z, teacher's outputs t and right class y."""
    if oracle:
        y = int(np.argmax(t))
    others = np.delete(z, y)
    if name == "mse":
        return 0.5 * np.sum((z - t) ** 2)
    if name == "cross-entropy":
        return logsumexp(z) - z[y]
    if name == "kl":
        return np.sum(softmax(t) * (log_softmax(t) - log_softmax(z)))
    if name == "confidence":
        return np.delete(softmax(z), y).max()
    if name == "dlr":
        ordered = np.sort(z)[::-1]
        return (others.max() - z[y]) / (ordered[0] - ordered[2])
    two = np.sort(t)[::-1]
    return others.max() - z[y] + (min(two[0] - two[1] - margin, 0.0) if oracle else 0.0)


CASES = [(name, oracle, 0.0) for name in FIXED for oracle in (False, True)] + [("margin", True, MARGIN)]


@pytest.mark.parametrize("name, oracle, margin", CASES)
def test_losses_against_formulas(name, oracle, margin):
    truth = truth_of(name, oracle, margin)
    expected = np.array(
        [[formula(name, OURS[s, r].numpy(), THEIRS[s, r].numpy(), int(LABELS[0, r]), margin, oracle) for r in range(R)]
         for s in range(S)]
    )  # fmt: skip
    np.testing.assert_allclose(losses(name, OURS, truth), expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(with_gradient(name, OURS, truth)[0], expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name, oracle, margin", CASES)
def test_gradients_against_finite_differences(name, oracle, margin):
    truth, h = truth_of(name, oracle, margin), 1e-5
    _, ours, theirs = with_gradient(name, OURS, truth)
    assert ours.shape == OURS.shape
    # An oracle's labels do not depend on its outputs but where they jump.
    silent = oracle and (name in ("cross-entropy", "dlr", "confidence") or (name == "margin" and not margin))
    if theirs is None:
        assert not oracle or silent
        theirs = torch.zeros_like(THEIRS)
    assert bool((theirs == 0).all()) == (not oracle or silent)
    for k in range(C):
        step = h * torch.eye(C, dtype=torch.float64)[k]
        slope = (losses(name, OURS + step, truth) - losses(name, OURS - step, truth)) / (2 * h)
        np.testing.assert_allclose(ours[..., k], slope, rtol=1e-6, atol=1e-8)
        if oracle:
            up, down = (truth._replace(outputs=THEIRS + sign * step) for sign in (1, -1))
            slope = (losses(name, OURS, up) - losses(name, OURS, down)) / (2 * h)
            np.testing.assert_allclose(theirs[..., k], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name, oracle, margin", CASES)
def test_gradients_against_autograd(name, oracle, margin):
    """Also of one teacher for all students, whose outputs have one seed where they are fixed."""
    truth = truth_of(name, oracle, margin)
    if not oracle and truth.outputs is not None:
        truth = truth._replace(outputs=THEIRS[:1])
    one = with_gradient(name, OURS, truth)
    two = by_autograd(lambda outputs, truth: losses(name, outputs, truth), OURS, truth)
    for found, expected in zip(one, two):
        if found is not None:
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
        else:
            assert expected is None or not expected.any()


def test_the_margin_that_the_teacher_lacks_pulls():
    """Beyond the gate the teacher's outputs have no gradient, below it they have."""
    truth = truth_of("margin", True, MARGIN)
    two = np.sort(THEIRS.numpy(), -1)
    lacks = two[..., -1] - two[..., -2] < MARGIN
    back = with_gradient("margin", OURS, truth)[2]
    np.testing.assert_array_equal((back != 0).any(-1), lacks)
    assert 0.2 < lacks.mean() < 0.8


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
@pytest.mark.parametrize("oracle", [False, True])
def test_targeted_dlr(scale, oracle):
    """Also where the wanted class is the right one, which it can become for an oracle."""
    truth = Truth(None, THEIRS, True) if oracle else Truth(LABELS, None)
    right = truth.classes().expand(S, R)
    wanted = torch.where(torch.arange(R) % 7 == 0, right, (right + 1) % C)
    towards = Towards(wanted)
    found, gradient, back = towards.with_gradient(scale * OURS, truth)
    assert back is None
    torch.testing.assert_close(towards(scale * OURS, truth), found)
    torch.testing.assert_close(targeted(scale * OURS, right, wanted), found)
    for s in range(S):
        for r in range(R):
            row, y, t = OURS[s, r].numpy(), int(right[s, r]), int(wanted[s, r])
            first, _, third, fourth, _ = np.sort(row)[::-1]
            expected = (row[t] - row[y]) / (first - 0.5 * (third + fourth))
            np.testing.assert_allclose(found[s, r], expected, rtol=1e-7, atol=1e-12)
    for k in range(C):
        step = 1e-6 * scale * torch.eye(C, dtype=torch.float64)[k]
        slope = torch.sub(*(towards(scale * OURS + sign * step, truth) for sign in (1, -1))) / (2e-6 * scale)
        np.testing.assert_allclose(gradient[..., k], slope, rtol=1e-6, atol=1e-6 / scale)


def test_who_is_fooled():
    for s in range(S):
        for r in range(R):
            ours, theirs = int(OURS[s, r].argmax()), int(THEIRS[s, r].argmax())
            two = np.sort(THEIRS[s, r].numpy())
            sure = two[-1] - two[-2]
            z, t, y = OURS[s : s + 1, r : r + 1], THEIRS[s : s + 1, r : r + 1], LABELS[:, r : r + 1]
            assert fooled("margin", z, Truth(y, None)).item() == (ours != int(y))
            assert fooled("margin", z, Truth(None, t, True)).item() == (ours != theirs)
            assert fooled("margin", z, Truth(None, t, True, MARGIN)).item() == (ours != theirs and sure >= MARGIN)
            assert not fooled("margin", z, Truth(None, t, True, sure + 1e-9)).item()
            assert not fooled("mse", z, Truth(None, t)).item()


def sure_rows(margin, dtype):
    """A student who prefers class 0 by the margin, and a teacher who does so by twice as much."""
    ours = torch.tensor([[[margin + 3.0, 3.0, 2.0, 1.0]]], dtype=dtype)
    theirs = torch.tensor([[[2 * margin + 1.0, 0.0, 1.0, -1.0]]], dtype=dtype)
    return ours, theirs


@pytest.mark.parametrize("margin", [1.0, 10.0, 16.0, 20.0, 60.0, 80.0])
@pytest.mark.parametrize("name, oracle", [("cross-entropy", False), ("confidence", False), ("kl", True)])
def test_sure_networks_keep_their_directions(name, oracle, margin):
    """In float32, against 200 digits of the same formula; up to a factor a row."""
    ours, theirs = sure_rows(margin, torch.float32)
    truth = Truth(None, theirs, True) if oracle else Truth(torch.zeros((1, 1), dtype=torch.int64), None)
    _, found, back = with_gradient(name, ours, truth)
    with localcontext() as context:
        context.prec = 200

        def soft(z):
            powers = [Decimal(float(v)).exp() for v in z]
            return [p / sum(powers) for p in powers]

        s = soft(ours[0, 0])
        if oracle:
            t = soft(theirs[0, 0])
            expected = [a - b for a, b in zip(s, t)]
            logs = [b.ln() - a.ln() for a, b in zip(s, t)]
            loss = sum(b * w for b, w in zip(t, logs))
            other = [b * (w - loss) for b, w in zip(t, logs)]
        elif name == "confidence":
            largest = max(s[1:])
            expected = [largest * ((a == largest) - a) for a in s]
            other = None
        else:
            expected, other = [a - (k == 0) for k, a in enumerate(s)], None
        unit = max(map(abs, expected))
        expected = [float(e / unit) for e in expected]
        other = None if other is None else [float(o / unit) for o in other]
    size = found.abs().max()
    assert size > 0
    np.testing.assert_allclose(found[0, 0] / size, expected, rtol=1e-4, atol=1e-6)
    if other is not None:
        # The teacher's part is longer by the same factor; at these margins it is nearly as small as can be.
        np.testing.assert_allclose(back[0, 0] / size, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("margin", [200.0, 1e4])
@pytest.mark.parametrize("name", ["cross-entropy", "confidence", "kl"])
@pytest.mark.parametrize("oracle", [False, True])
def test_beyond_all_floats_a_direction_is_left(name, oracle, margin):
    """Of probabilities that float32 takes for 0 the largest decides."""
    ours, theirs = sure_rows(margin, torch.float32)
    labels = torch.zeros((1, 1), dtype=torch.int64)
    _, found, back = with_gradient(name, ours, Truth(None, theirs, True) if oracle else Truth(labels, theirs))
    assert torch.isfinite(found).all()
    direction = found[0, 0] / found.abs().max()
    assert direction[0] == -1
    assert direction[1] > 0.5
    assert direction.sum().abs() < 1e-6
    assert back is None or torch.isfinite(back).all()
    ours.requires_grad_()  # autograd on the plain loss has nothing left
    plain = losses(name, ours, Truth(None, theirs, True) if oracle else Truth(labels, theirs))
    assert not torch.autograd.grad(plain.sum(), ours)[0].any()

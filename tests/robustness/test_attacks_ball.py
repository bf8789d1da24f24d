"""Where perturbed inputs lie: within the radius to one part in a million, in the box, on the side; in any precision."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from practicum.robustness.attacks._ball import Ball, distances  # noqa: E402
from robustness.attack_networks import drawn, perceptrons  # noqa: E402

D, C, ROWS = 30, 4, 25
BASIS = np.linalg.qr(drawn(D, 7, seed=5).numpy())[0]
QUICK = [PGD(steps=4), PGD(steps=4, keep="last"), FGSM(), RandomNoise(tries=2), APGD(steps=5, restarts=2)]
QUICK += [TargetedAPGD(steps=4), Worst(attacks=(PGD(steps=2), APGD(steps=3)))]
NORMS = ["linf", "l2"]


def of(attack, **changes):
    if isinstance(attack, Worst):
        return Worst(attacks=tuple(each.replace(**changes) for each in attack.attacks))
    return attack.replace(**changes)


def length(norm, rest):
    """In exact arithmetic of float64, or long double for float64."""
    rest = rest.reshape(*rest.shape[:3], -1)
    return np.abs(rest).max(-1) if norm == "linf" else np.sqrt((rest * rest).sum(-1))


def perturbations(found, inputs):
    wide = np.longdouble
    return found.inputs.numpy().astype(wide) - np.asarray(inputs).astype(wide)


def network_for(inputs):
    """Whose outputs are of the size of 1."""
    network = perceptrons(D, 12, C, dtype=inputs.dtype)
    with torch.no_grad():
        network.weights[0] /= inputs.abs().max()
    return network


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e6])
def test_within_the_radius(norm, dtype, scale):
    inputs = (scale * drawn(ROWS, D)).to(dtype)
    network, radii = network_for(inputs), [0.0, 1e-3, 0.3, 3.0, 1e-3 * scale, scale]
    labels = network(inputs)[0].argmax(-1)
    for attack in QUICK:
        found = of(attack, norm=norm)(network, inputs, radii, labels=labels, seed=1)
        exact = length(norm, perturbations(found, inputs))
        limit = np.array(radii)[:, None, None]
        assert (exact <= limit * (1 + 1e-6)).all()
        np.testing.assert_allclose(found.distance, exact.astype(float), rtol=1e-6)
        assert found.inputs.dtype == dtype
        assert torch.equal(found.inputs[0, 0], inputs)  # bit for bit
        # They use the ball, where numbers of this precision have room in it.
        if scale <= 1 or dtype == torch.float64:
            assert np.median(exact[3]) > 0.5 * 3.0


@pytest.mark.parametrize("norm", NORMS)
def test_rounding_takes_nothing_away(norm):
    """Inputs so large that the ball has few numbers: what leaves it is pulled in, not given up."""
    inputs = (1000 * drawn(200, D)).float()
    network = network_for(inputs)
    labels = network(inputs)[0].argmax(-1)
    found = PGD(norm=norm, steps=10)(network, inputs, 0.003, labels=labels)  # neighbours are 6e-5 apart
    exact = length(norm, perturbations(found, inputs))[0, 0]
    assert (exact <= 0.003 * (1 + 1e-6)).all()
    assert exact.min() > 0.0025
    assert (
        found.loss[0, 0] > PGD(norm=norm, steps=10)(network, inputs, 0.0, labels=labels).loss[0, 0]
    ).float().mean() > 0.95


def test_without_care_for_rounding_the_radius_is_exceeded(monkeypatch):
    inputs = (1000 * drawn(ROWS, D)).float()
    network = network_for(inputs)
    labels = network(inputs)[0].argmax(-1)
    monkeypatch.setattr(Ball, "exact_", lambda ball, inputs: inputs)
    with pytest.raises(AssertionError, match="left its ball"):
        PGD(norm="l2", steps=10)(network, inputs, 0.003, labels=labels)


@pytest.mark.parametrize("attack", QUICK, ids=repr)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_in_the_box(attack, norm, dtype):
    """Exactly, and used up to its borders."""
    inputs = torch.rand(ROWS, D, generator=torch.Generator().manual_seed(0)).to(dtype) * 0.9 + 0.1
    inputs[:, 0], inputs[:, 1] = 0.1, 1.0
    network = network_for(inputs)
    labels = network(inputs)[0].argmax(-1)
    found = of(attack, norm=norm, box=(0.1, 1.0))(network, inputs, [0.0, 0.05, 2.0], labels=labels)
    low, high = torch.tensor([0.1, 1.0], dtype=dtype)
    assert (found.inputs >= low).all()
    assert (found.inputs <= high).all()
    assert torch.equal(found.inputs[0, 0], inputs)
    assert (length(norm, perturbations(found, inputs))[1] <= 0.05 * (1 + 1e-6)).all()
    assert (found.inputs[2] == low).any()
    assert (found.inputs[2] == high).any()
    free = of(attack, norm=norm)(network, inputs, [2.0], labels=labels).inputs
    assert (free < low).any()
    assert (free > high).any()


@pytest.mark.parametrize("attack", QUICK, ids=repr)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("side", ["inside", "outside"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_the_side(attack, norm, side, dtype):
    inputs = drawn(ROWS, D).to(dtype)
    network = network_for(inputs)
    labels = network(inputs)[0].argmax(-1)
    value = of(attack, norm=norm, side=side)
    found = value(network, inputs, [0.0, 0.5, 5.0], labels=labels, subspace=BASIS)
    rest = perturbations(found, inputs).astype(float)
    inside = rest @ BASIS @ BASIS.T
    wrong = rest - inside if side == "inside" else inside
    radii = np.array([0.0, 0.5, 5.0])[:, None, None, None]
    # Inputs of the size of 1 are float32 to 1e-7, and perturbations are differences of them.
    assert (np.abs(wrong) <= 1e-6 * np.maximum(radii, 0.5)).all()
    assert (length(norm, rest) <= radii[..., 0] * (1 + 1e-6)).all()
    assert torch.equal(found.inputs[0, 0], inputs)
    assert np.median(length(norm, rest)[2]) > 0.5 * 5.0 * (0.4 if isinstance(attack, RandomNoise) else 1)


def test_radii_of_one_batch_do_not_mix():
    """Each row of the batch has its own radius, also among chosen rows."""
    clean, radii = drawn(1, 6, D), torch.tensor([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], dtype=torch.float64)
    for norm in NORMS:
        ball = Ball(norm, clean, radii)
        far = ball.confine_(clean + 10 * drawn(1, 6, D, seed=1))
        np.testing.assert_allclose(distances(norm, far, clean)[0], radii, rtol=1e-12, atol=1e-14)
        rows = torch.tensor([4, 1])
        part = ball.take(rows)
        some = part.confine_(clean[:, rows] + 10 * drawn(1, 2, D, seed=2))
        np.testing.assert_allclose(distances(norm, some, clean[:, rows])[0], radii[rows], rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_the_smallest_gradient_has_a_direction(norm):
    """Only that of exactly 0 has none."""
    for dtype, tiny in ((torch.float32, 1e-37), (torch.float64, 1e-300)):
        clean = drawn(1, 3, D).to(dtype)
        ball = Ball(norm, clean, torch.full((3,), 0.1, dtype=torch.float64))
        gradient = drawn(1, 3, D, seed=1).to(dtype)
        gradient[0, 2] = 0
        small = ball.direction_(gradient * tiny)
        torch.testing.assert_close(small, ball.direction_(gradient.clone()), rtol=1e-5, atol=1e-6)
        assert not small[0, 2].any()

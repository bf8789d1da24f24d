"""Success, loss and distance are those of the networks at what is returned, whatever stood in for them meanwhile."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from practicum.robustness.attacks._differentiable import Perceptron  # noqa: E402
from robustness.attack_networks import trained  # noqa: E402

RADII = [0.0, 0.1, 0.3]


def answers(network, inputs):
    """Outputs of the network itself on inputs (E, S, B, d); one teacher answers those of all students."""
    flat = inputs if network.seeds > 1 else inputs.flatten(0, 2)[None, None]
    with torch.no_grad():
        return np.stack([network(each).numpy() for each in flat]).reshape(*inputs.shape[:-1], -1)


def judged(students, teacher, found, inputs, attack, labels=None):
    """Success and loss anew, from the networks alone, in NumPy."""
    z, oracle = answers(students, found.inputs), attack.oracle
    t = answers(teacher, found.inputs if oracle else inputs.expand(found.inputs.shape))
    if attack.loss == "mse":
        loss = 0.5 * ((z - t) ** 2).sum(-1)
        clean = inputs.expand(1, *found.inputs.shape[1:])
        before = 0.5 * ((answers(students, clean) - answers(teacher, clean)) ** 2).sum(-1)
        return loss > before * (1 + 1e-6), loss
    right = np.broadcast_to(t.argmax(-1) if labels is None else labels, z.shape[:-1])[..., None]
    wrong = z.argmax(-1) != right[..., 0]
    of = np.take_along_axis(z, right, -1)[..., 0]
    others = z.copy()
    np.put_along_axis(others, right, -np.inf, -1)
    two = np.sort(t, -1)
    sure = two[..., -1] - two[..., -2]
    if attack.margin:
        wrong &= sure >= attack.margin
    if attack.loss == "margin":
        loss = others.max(-1) - of + (np.minimum(sure - attack.margin, 0) if oracle else 0)
    elif attack.loss == "dlr":
        ordered = np.sort(z, -1)
        loss = (others.max(-1) - of) / (ordered[..., -1] - ordered[..., -3])
    elif attack.loss == "confidence":
        others = softmax(z, -1)
        np.put_along_axis(others, right, -np.inf, -1)
        loss = others.max(-1)
    elif attack.loss == "kl":
        loss = (softmax(t, -1) * (log_softmax(t, -1) - log_softmax(z, -1))).sum(-1)
    else:
        loss = -np.take_along_axis(log_softmax(z, -1), right, -1)[..., 0]
    return wrong, loss


CASES = [
    PGD(),
    PGD(norm="l2", steps=5, restarts=2),
    PGD(loss="kl", steps=5),
    PGD(loss="confidence", keep="last", steps=5),
    PGD(oracle=True, steps=5),
    PGD(oracle=True, loss="margin", margin=0.1, steps=5),
    PGD(oracle=True, loss="margin", margin=0.1, norm="l2", steps=5),
    PGD(loss="mse", steps=5),
    PGD(loss="mse", oracle=True, norm="l2", steps=5),
    FGSM(norm="l2"),
    FGSM(oracle=True, loss="dlr"),
    RandomNoise(tries=3),
    RandomNoise(tries=3, oracle=True, loss="margin", margin=0.1),
    APGD(steps=8, restarts=2, loss="dlr"),
    APGD(steps=8, loss="mse", oracle=True),
    TargetedAPGD(steps=5),
    TargetedAPGD(steps=5, oracle=True, margin=0.1, norm="l2"),
    Worst(attacks=(APGD(steps=8), TargetedAPGD(steps=5))),
    Worst(attacks=(PGD(steps=5, oracle=True), APGD(steps=8, oracle=True, loss="margin"), RandomNoise(oracle=True))),
    Worst(attacks=(PGD(steps=5, loss="mse"), APGD(steps=5, loss="mse"))),
]


def check(attack, labels=None):
    teacher, students, inputs = trained("mse", 1) if attack.loss == "mse" else trained()
    found = attack(students, inputs, RADII, teacher=None if labels is not None else teacher, labels=labels)
    wrong, loss = judged(students, teacher, found, inputs, attack, labels)
    np.testing.assert_array_equal(found.success, wrong)
    np.testing.assert_allclose(found.loss, loss, rtol=1e-9, atol=1e-12)
    rest = (found.inputs - inputs).numpy()
    length = np.abs(rest).max(-1) if attack.norm == "linf" else np.sqrt((rest**2).sum(-1))
    np.testing.assert_allclose(found.distance, length, rtol=1e-12)
    np.testing.assert_array_equal(found.rate, wrong.mean(-1))
    data = found.dataset()
    assert data.success.dims == data.loss.dims == data.distance.dims == ("epsilon", "seed", "sample")
    np.testing.assert_array_equal(data.epsilon, RADII)
    np.testing.assert_array_equal(data.success, wrong)
    assert data.attrs["attack"] == repr(attack) == found.attack
    assert repr(attack) in repr(found)
    return found


@pytest.mark.parametrize("attack", CASES, ids=repr)
def test_success_is_that_of_the_networks(attack):
    found = check(attack)
    assert 0 < found.success.double().mean() < 1


@pytest.mark.parametrize("attack", [PGD(), APGD(steps=8), Worst(), PGD(loss="margin")], ids=repr)
def test_success_against_labels(attack):
    labels = np.random.default_rng(0).integers(0, 5, 300)
    found = check(attack, labels)
    assert found.success[0].double().mean() > 0.5


@pytest.mark.parametrize("attack", CASES, ids=repr)
@pytest.mark.parametrize("way", ["outputs", "gradient"])
def test_a_stand_in_that_lies_changes_no_verdict(attack, way, monkeypatch):
    """The search is misled, but not what is said about what it found."""
    honest = check(attack)
    forward, backward = Perceptron.forward, Perceptron.backward
    if way == "outputs":

        def lying(asked, inputs):
            outputs, tape = forward(asked, inputs)
            return 0.5 * outputs.roll(1, -1) if outputs.shape[-1] > 1 else -outputs, tape

        monkeypatch.setattr(Perceptron, "forward", lying)
    else:
        monkeypatch.setattr(Perceptron, "backward", lambda asked, tape, g: -backward(asked, tape, g))
    misled = check(attack)
    if not isinstance(attack, RandomNoise):
        assert not torch.equal(misled.inputs, honest.inputs)
    if (
        not isinstance(attack, (RandomNoise, Worst))
        and attack.loss not in ("mse", "kl")
        and not attack.oracle
        and way == "gradient"
    ):
        assert misled.success.sum() < honest.success.sum()


@pytest.mark.parametrize("name", ["success", "loss", "distance"])
def test_a_wrong_verdict_fails_this_test(name, monkeypatch):
    from dataclasses import replace

    right = PGD.__call__

    def wrong(attack, *given, **named):
        found = right(attack, *given, **named)
        values = getattr(found, name).clone()
        values[1, 0, 3] = ~values[1, 0, 3] if name == "success" else 1.00001 * values[1, 0, 3]
        return replace(found, **{name: values})

    monkeypatch.setattr(PGD, "__call__", wrong)
    with pytest.raises(AssertionError):
        check(PGD())


def test_modules_have_no_axis_of_seeds():
    teacher, students, inputs = trained()
    layers = [nn.Linear(20, 12), nn.ReLU(), nn.Linear(12, 5)]
    for layer, weight, bias in zip(layers[::2], students.weights, students.biases):
        layer.weight.data, layer.bias.data = weight[0].detach().clone(), bias[0].detach().clone()
    module = nn.Sequential(*layers)
    one = APGD(steps=10)(module, inputs, RADII, teacher=teacher)
    many = APGD(steps=10)(students.select([0]), inputs, RADII, teacher=teacher)
    assert one.inputs.shape == (3, 300, 20)
    assert one.success.shape == one.loss.shape == one.distance.shape == (3, 300)
    assert one.dataset().success.dims == ("epsilon", "sample")
    for name in ("inputs", "success", "loss", "distance"):
        assert torch.equal(getattr(one, name), getattr(many, name).squeeze(1))

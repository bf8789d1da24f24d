"""Attacks against two libraries of attacks, on networks trained here on images: as strong, and the same path.

The libraries know fixed labels and pixels in [0, 1]; what they do not know is tested elsewhere. Lines that are printed
(``pytest -s``) say what share of their time ours is.
"""

import time
from copy import deepcopy
from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
foolbox = pytest.importorskip("foolbox", reason="foolbox is a referee, installed for tests only")
eagerpy = pytest.importorskip("eagerpy", reason="foolbox needs it")
pyautoattack = pytest.importorskip("pyautoattack", reason="pyautoattack is a referee, installed for tests only")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from data.real import split  # noqa: E402
from practicum.data import images  # noqa: E402
from practicum.networks.labels import train_image_teacher  # noqa: E402
from practicum.robustness.attacks import PGD, RandomNoise, Worst  # noqa: E402

RADII = {("digits", "linf"): 0.08, ("digits", "l2"): 0.5, ("mnist", "linf"): 0.05, ("mnist", "l2"): 1.0}
"""At which about half of the images are made wrong."""
NETWORKS = ["perceptrons", "convolutions"]


@cache
def trained(name, kind):
    """A network by standard training, as a module on pictures, with test images and labels."""
    train, test = (images(name, part) if name == "digits" else split(name, part) for part in ("train", "test"))
    small = name == "digits"
    convolutions = kind == "convolutions"
    teacher = train_image_teacher(
        train,
        test,
        (16, 16) if convolutions else (64, 64) if small else (256, 256),
        convolutions=convolutions,
        normalisation="before" if convolutions else None,
        epochs=20 if small else 1,
        learning_rate=0.005 if convolutions else 0.002,
        batch_size=32 if small else 64,
    )
    assert teacher.accuracy[0] > 0.95
    network = teacher.network
    if convolutions:
        module = network.networks[0]
    else:
        parts = [nn.Flatten()]
        for weight, bias in zip(network.weights, network.biases):
            layer = nn.Linear(weight.shape[2], weight.shape[1])
            layer.weight.data, layer.bias.data = weight[0].clone(), bias[0].clone()
            parts += [layer, nn.ReLU()]
        module = nn.Sequential(*parts[:-1])
    return (
        module.eval().requires_grad_(False),
        torch.from_numpy(test.inputs).float(),
        torch.from_numpy(test.labels).long(),
    )


def asked(name, kind, count):
    module, inputs, labels = trained(name, kind)
    return module, inputs[:count], labels[:count]


def accuracy(module, points, labels):
    """In NumPy, of what the network says about the points."""
    return (module(points).numpy().argmax(1) == labels.numpy()).mean()


def timed(call):
    begin = time.process_time()
    found = call()
    return found, time.process_time() - begin


def within(points, inputs, norm, radius):
    rest = (points.double() - inputs.double()).flatten(1)
    length = rest.abs().amax(1) if norm == "linf" else rest.norm(dim=1)
    return float(length.max()) <= radius * (1 + 1e-5) and bool((points >= 0).all() and (points <= 1).all())


def against_autoattack(name, kind, norm, count, parts):
    """Robust accuracies and our time as a share of theirs."""
    module, inputs, labels = asked(name, kind, count)
    radius = RADII[name, norm]
    options = {"version": "standard"} if parts is None else {"version": "custom", "attacks": parts}
    referee = pyautoattack.AutoAttack(module, eps=radius, norm={"linf": "Linf", "l2": "L2"}[norm], seed=0, **options)
    referee.verbose = False
    referee.apgd.n_restarts = 1  # as in the standard version
    (theirs, _), their_time = timed(lambda: referee.run_standard_evaluation(inputs, labels, batch_size=count))
    attack = Worst(norm=norm, box=(0, 1))
    found, our_time = timed(lambda: attack(module, inputs, radius, labels=labels))
    ours = found.inputs[0]
    assert within(ours, inputs, norm, radius)
    assert within(theirs, inputs, norm, radius)
    one, other = accuracy(module, ours, labels), accuracy(module, theirs, labels)
    assert one == pytest.approx(1 - found.success[0].double().mean().item(), abs=1e-12)
    print(
        f"\n{name}, {kind}, {norm} {radius}, {len(inputs)} images: robust accuracy {one:.3f}, of AutoAttack "
        f"{'standard' if parts is None else '+'.join(parts)} {other:.3f}, in {our_time / their_time:.2f} of its time"
    )
    return one, other


def check_strength(name, kind, norm, count, parts):
    one, other = against_autoattack(name, kind, norm, count, parts)
    assert abs(one - other) <= 0.01 + 1e-9
    module, inputs, labels = asked(name, kind, count)
    assert accuracy(module, inputs, labels) > one + 0.2  # there was something to find
    weak = PGD(norm=norm, box=(0, 1), steps=2)(module, inputs, RADII[name, norm], labels=labels)
    assert 1 - weak.success.double().mean().item() > other + 0.01  # power: a weak attack is not within a point


PARTS = ["apgd-ce", "apgd-t"]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_as_strong_as_the_parts_of_autoattack(norm):
    check_strength("digits", "perceptrons", norm, 355, PARTS)


SLOW, SOAK = pytest.mark.slow, pytest.mark.soak


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    "name, kind, count",
    [
        pytest.param("digits", "convolutions", 355, marks=SLOW),
        pytest.param("mnist", "perceptrons", 200, marks=SLOW),
        pytest.param("mnist", "convolutions", 200, marks=SOAK),
    ],
)
def test_as_strong_as_the_parts_of_autoattack_on_larger_networks(name, kind, norm, count):
    check_strength(name, kind, norm, count, PARTS)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    "name, kind, count",
    [
        pytest.param("digits", "perceptrons", 355, marks=SLOW),
        pytest.param("digits", "convolutions", 355, marks=SOAK),
        pytest.param("mnist", "perceptrons", 200, marks=SOAK),
        pytest.param("mnist", "convolutions", 200, marks=SOAK),
    ],
)
def test_as_strong_as_autoattack(name, kind, norm, count):
    """The standard version: these two, an attack for the smallest perturbation, and a random search."""
    check_strength(name, kind, norm, count, None)


def of_foolbox(norm, **options):
    return {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm](**options)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("name", ["digits", pytest.param("mnist", marks=pytest.mark.slow)])
def test_descent_is_as_strong_as_that_of_foolbox(name, kind, norm):
    """Equal steps from different random starts: robust accuracy within 2 points."""
    module, inputs, labels = asked(name, kind, 500)
    radius, steps = RADII[name, norm], 20
    referee = of_foolbox(norm, steps=steps, rel_stepsize=2.5 / steps)
    model = foolbox.PyTorchModel(module, bounds=(0, 1))
    (_, theirs, _), their_time = timed(lambda: referee(model, inputs, labels, epsilons=radius))
    found, our_time = timed(lambda: PGD(norm=norm, steps=steps, box=(0, 1))(module, inputs, radius, labels=labels))
    one, other = accuracy(module, found.inputs[0], labels), accuracy(module, theirs, labels)
    assert abs(one - other) <= 0.02
    print(
        f"\n{name}, {kind}, {norm} {radius}, PGD-{steps}: robust accuracy {one:.3f}, of foolbox {other:.3f}, in "
        f"{our_time / their_time:.2f} of its time"
    )
    one_step = PGD(norm=norm, steps=1, box=(0, 1))(module, inputs, radius, labels=labels)
    assert accuracy(module, one_step.inputs[0], labels) > other + 0.02  # power


def row_losses(loss, outputs, given):
    if loss == "mse":
        return 0.5 * (outputs - given).square().sum(-1)
    if loss == "margin":
        return outputs.scatter(1, given[:, None], -torch.inf).amax(1) - outputs.gather(1, given[:, None])[:, 0]
    return F.cross_entropy(outputs, given, reduction="none")


def both(norm, loss, steps, monkeypatch, *, same_start, size=2.5, seed=0):
    """Our last points and foolbox's, with a loss of one's own, and its rise there; on digits, in float64."""
    module, inputs, labels = asked("digits", "perceptrons", 300)
    module, inputs, radius = deepcopy(module).double(), inputs.double(), RADII["digits", norm]
    teacher = deepcopy(module)
    teacher[1].weight.mul_(0.5)  # whose outputs the student must be led away from
    given = teacher(inputs) if loss == "mse" else labels
    right = {"teacher": teacher} if loss == "mse" else {"labels": labels}
    attack = PGD(norm=norm, loss=loss, steps=steps, step_size=size / steps, keep="last", box=(0, 1))
    ours = attack(module, inputs, radius, seed=seed, **right).inputs[0]
    start = RandomNoise(norm=norm, box=(0, 1))(module, inputs, radius, labels=labels, seed=seed).inputs[0]
    referee = of_foolbox(norm, steps=steps, rel_stepsize=2.5 / steps)

    def get_loss_fn(attack, model, labels):  # the hook for losses of one's own
        return lambda points: eagerpy.astensor(row_losses(loss, model(points).raw, given).sum())

    with monkeypatch.context() as changed, torch.random.fork_rng():
        torch.manual_seed(seed)
        changed.setattr(type(referee), "get_loss_fn", get_loss_fn)
        if same_start:
            changed.setattr(type(referee), "get_random_start", lambda attack, x0, epsilon: eagerpy.astensor(start))
        theirs = referee(foolbox.PyTorchModel(module, bounds=(0, 1)), inputs, labels, epsilons=radius)[1]
    clean, one, other = (row_losses(loss, module(points), given).mean().item() for points in (inputs, ours, theirs))
    return ours, theirs, one - clean, other - clean


LOSSES = ["cross-entropy", "margin", "mse"]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_ones_own_agree(norm, loss, monkeypatch):
    """By how much each rises from different random starts, on average over 300 images and 5 starts: within 1 %."""

    def apart(size):
        pairs = [both(norm, loss, 40, monkeypatch, same_start=False, size=size, seed=seed)[2:] for seed in range(5)]
        one, other = np.mean(pairs, axis=0)
        return abs(one - other) / other

    assert apart(2.5) < 0.01
    assert apart(0.5) > 0.01  # power


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("loss", LOSSES)
def test_from_the_same_start_it_is_the_same_path(norm, loss, monkeypatch):
    """Twenty steps, clips and projections later, to rounding."""
    one, other, *_ = both(norm, loss, 20, monkeypatch, same_start=True)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-8)
    one, other, *_ = both(norm, loss, 20, monkeypatch, same_start=True, size=2.4)
    assert (one - other).abs().max() > 1e-4  # power

"""Updates written by hand, in both ways, against modules of PyTorch with autograd and torch.optim; wrong ones fail."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from networks.perceptrons import (  # noqa: E402
    INPUTS,
    OUTPUTS,
    SAMPLES,
    SEEDS,
    drawn,
    flattened,
    flattened_seed,
    perceptrons,
    sequential,
)
from practicum.networks._autograd import Autograd  # noqa: E402
from practicum.networks._gradients import Backpropagation  # noqa: E402
from practicum.networks._seedwise import Seedwise  # noqa: E402
from practicum.networks.losses import targets  # noqa: E402
from practicum.networks.settings import Training  # noqa: E402

STEPS, BATCH, RATE = 50, 8, 0.01
INPUTS_OF = drawn(SEEDS, SAMPLES, INPUTS, seed=1)
ANSWERS = drawn(SEEDS, SAMPLES, OUTPUTS, seed=2)
ROWS = torch.from_numpy(np.random.default_rng(3).integers(0, SAMPLES, (STEPS, SEEDS, BATCH)))
ENGINES = (Seedwise, Backpropagation)
RULES = {
    "sgd": {},
    "decay": {"weight_decay": 0.1},
    "momentum": {"momentum": 0.9, "weight_decay": 0.01},
    "adam": {"optimizer": "adam", "weight_decay": 0.01},
}


def descended(loss, outputs, wanted, temperature):
    """What a step descends, written without the package: sums over outputs, means over the batch."""
    if loss == "mse":
        return 0.5 * (outputs - wanted).square().sum() / len(outputs)
    if loss == "cross-entropy":
        return F.cross_entropy(outputs, wanted)
    soft = F.log_softmax(outputs / temperature, -1)
    return temperature**2 * (wanted * (wanted.log() - soft)).sum() / len(outputs)


def reference(network, training, inputs, wanted, rows, rate, loss=descended):
    """Parameters of all seeds and losses (steps, S) after autograd and torch.optim, one seed after the other."""
    ends, found = [], np.zeros(rows.shape[:2])
    for seed in range(rows.shape[1]):
        module = sequential(network, seed)
        kind = torch.optim.Adam if training.optimizer == "adam" else torch.optim.SGD
        rule = {} if training.optimizer == "adam" else {"momentum": training.momentum}
        optimizer = kind(module.parameters(), lr=rate, weight_decay=training.weight_decay, **rule)
        for step, chosen in enumerate(rows[:, seed]):
            optimizer.zero_grad()
            value = loss(training.loss, module(inputs[seed][chosen]), wanted[seed][chosen], training.temperature)
            value.backward()
            optimizer.step()
            found[step, seed] = value.item() * (2 / OUTPUTS if training.loss == "mse" else 1)
        ends.append(flattened(module))
    return torch.stack(ends), found


def by(engine, network, training, inputs, wanted, rows, rate):
    losses = engine(network, training).run(inputs, wanted, rows, rate)
    return torch.stack([flattened_seed(network, seed) for seed in range(rows.shape[1])]), losses.numpy()


def differences(training, engines=ENGINES, loss=descended, steps=STEPS, rows=ROWS, **shape):
    """The largest of the parameters and of the losses, for each engine."""
    wanted = targets(ANSWERS, training)
    theirs = reference(perceptrons(**shape), training, INPUTS_OF, wanted, rows[:steps], RATE, loss)
    for engine in engines:
        ours = by(engine, perceptrons(**shape), training, INPUTS_OF, wanted, rows[:steps], RATE)
        yield max((ours[0] - theirs[0]).abs().max().item(), np.abs(ours[1] - theirs[1]).max())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "erf", "linear"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_updates_are_those_of_torch(rule, activation, depth):
    training = Training(batch_size=BATCH, **RULES[rule])
    for bias in (True, False):
        assert max(differences(training, depth=depth, activation=activation, bias=bias)) < 1e-12


@pytest.mark.parametrize("loss", [{"loss": "cross-entropy"}, {"loss": "kl"}, {"loss": "kl", "temperature": 3.0}])
@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_losses_of_classes_are_those_of_torch(loss, rule):
    for depth in (0, 2, 3):
        training = Training(batch_size=BATCH, **loss, **RULES[rule])
        assert max(differences(training, (*ENGINES, Autograd), depth=depth)) < 1e-12


@pytest.mark.parametrize("normalisation", ["before", "after"])
@pytest.mark.parametrize("rule", ["decay", "momentum", "adam"])
@pytest.mark.parametrize("depth", [1, 3])
def test_batchnorm_is_that_of_torch(normalisation, rule, depth):
    """Running moments included. Without biases, whose gradient before BatchNorm is 0 and for Adam the sign of noise;
    leaky and few steps, since the tiny variance of a dying node is a factor on all rounding errors."""
    training = Training(batch_size=BATCH, **RULES[rule])
    shape = {"normalisation": normalisation, "activation": "leaky-relu", "bias": False, "depth": depth}
    assert max(differences(training, (Seedwise, Autograd), steps=20, **shape)) < 1e-11


@pytest.mark.parametrize(
    "wrong",
    [
        lambda loss, o, t, _: (o - t).square().mean(),  # mean over outputs
        lambda loss, o, t, _: 0.5 * (o - t).square().sum() / (len(o) - 1e-9),
        lambda loss, o, t, _: 0.5 * (o - t).square().sum() / len(o) + 1e-8 * o.sum(),
    ],
)
def test_a_slightly_wrong_loss_is_seen(wrong):
    assert min(differences(Training(batch_size=BATCH), loss=wrong)) > 1e-11


@pytest.mark.parametrize("engine", ENGINES)
def test_other_rules_are_seen(engine):
    """Decay apart from the gradient, momentum with dampening or Nesterov's, a network that differs in one number."""
    wanted = targets(ANSWERS, Training())
    for rule, change in (
        ("momentum", {"dampening": 0.1}),
        ("momentum", {"nesterov": True}),
        ("decay", {"weight_decay": 0.1 + 1e-9}),
    ):
        training = Training(batch_size=BATCH, **RULES[rule])
        ours, _ = by(engine, perceptrons(), training, INPUTS_OF, wanted, ROWS, RATE)
        module = sequential(perceptrons(), 0)
        settings = {"momentum": training.momentum, "weight_decay": training.weight_decay, **change}
        optimizer = torch.optim.SGD(module.parameters(), lr=RATE, **settings)
        for chosen in ROWS[:, 0]:
            optimizer.zero_grad()
            descended("mse", module(INPUTS_OF[0][chosen]), wanted[0][chosen], 1.0).backward()
            optimizer.step()
        assert (ours[0] - flattened(module)).abs().max() > 1e-11


@pytest.mark.parametrize("engine", [*ENGINES, Autograd])
def test_batches_of_any_size_and_calls_of_any_length_are_the_same_descent(engine):
    training = Training(optimizer="adam")
    for size in (1, 3, 40):
        rows = torch.from_numpy(np.random.default_rng(size).integers(0, SAMPLES, (12, SEEDS, size)))
        assert max(differences(training, (engine,), rows=rows)) < 1e-12
        whole, parts = perceptrons(), perceptrons()
        engine(whole, training).run(INPUTS_OF, ANSWERS, rows, RATE)
        engine_of_parts = engine(parts, training)
        for part in rows.split(5):
            engine_of_parts.run(INPUTS_OF, ANSWERS, part, RATE)
        assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), parts.parameters()))


@pytest.mark.parametrize("engine", [*ENGINES, Autograd])
def test_shared_examples_and_shared_answers(engine):
    training = Training(batch_size=BATCH)
    for inputs, answers in ((1, SEEDS), (SEEDS, 1), (1, 1)):
        x, t = INPUTS_OF[:inputs], ANSWERS[:answers]
        ours, losses = by(engine, perceptrons(), training, x, t, ROWS, RATE)
        each = x.expand(SEEDS, -1, -1), t.expand(SEEDS, -1, -1)
        theirs, found = reference(perceptrons(), training, *each, ROWS, RATE)
        assert (ours - theirs).abs().max() < 1e-12
        assert np.abs(losses - found).max() < 1e-12


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", ["mse", "cross-entropy", "kl"])
def test_float32_follows_float64(engine, loss):
    training = Training(batch_size=BATCH, momentum=0.5, loss=loss)
    wanted = targets(ANSWERS, training)
    single = wanted if loss == "cross-entropy" else wanted.float()
    ours, losses = by(engine, perceptrons(dtype=torch.float32), training, INPUTS_OF.float(), single, ROWS, RATE)
    theirs, found = reference(perceptrons(), training, INPUTS_OF, wanted, ROWS, RATE)
    assert ours.dtype == torch.float32
    assert losses.dtype == np.float64
    assert (ours - theirs).abs().max() < 2e-5  # 50 updates, each rounded at 1e-7
    assert np.abs(losses - found).max() < 1e-5

"""What training on low-rank inputs cannot change: SGD written out, PyTorch's, closed forms; and what does change it."""

import math

import numpy as np
import pytest

from practicum import ParameterError
from practicum.theory.subspace import Conservation, conservation, outside_factor

D, R, K, BATCH, STEPS = 12, 4, 5, 8, 400


def subspace(seed=1, whole_coordinates=False):
    if whole_coordinates:
        return np.eye(D)[:, [1, 3, 4, 10]] @ np.linalg.qr(np.random.default_rng(seed).standard_normal((R, R)))[0]
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((D, R)))[0]


def train(U, rates, decay=0.0, momentum=0.0, optimizer="sgd", noise=0.0, attack=0.0, seed=0):
    """W at the start and at the end: erf and tanh nodes with biases, a trained second layer, fresh random labels."""
    rng = np.random.default_rng(seed)
    W, bias, a = rng.standard_normal((K, D)) / 2, np.zeros(K), rng.standard_normal(K)
    first = W.copy()
    velocity = [np.zeros_like(W), np.zeros_like(bias), np.zeros_like(a)]
    squares = [np.zeros_like(W), np.zeros_like(bias), np.zeros_like(a)]
    for step, rate in enumerate(rates, 1):
        x = rng.standard_normal((BATCH, R)) @ U.T + noise * rng.standard_normal((BATCH, D))
        y = np.sin(x.sum(1)) + rng.standard_normal(BATCH)
        if attack:
            pull = (1 / np.cosh(x @ W.T + bias) ** 2 * a) @ W
            x = x + attack * pull / np.linalg.norm(pull, axis=1, keepdims=True)
        h = np.tanh(x @ W.T + bias)
        error = h @ a - y
        delta = error[:, None] * a * (1 - h**2)
        gradients = [delta.T @ x / BATCH, delta.mean(0), h.T @ error / BATCH]
        for n, (w, gradient) in enumerate(zip((W, bias, a), gradients, strict=True)):
            gradient = gradient + decay * w
            if optimizer == "sgd":
                velocity[n] = momentum * velocity[n] + gradient
                w -= rate * velocity[n]
            else:
                velocity[n] = 0.9 * velocity[n] + 0.1 * gradient
                squares[n] = 0.999 * squares[n] + 0.001 * gradient**2
                w -= rate * (velocity[n] / (1 - 0.9**step)) / (np.sqrt(squares[n] / (1 - 0.999**step)) + 1e-8)
    return first, W


def deviation(U, first, last, factor):
    """Of W (I - P) at the end from `factor` times that at the start, relative to it."""
    rest = np.eye(len(U)) - U @ U.T
    return np.abs((last - factor * first) @ rest).max() / max(np.abs(factor * first @ rest).max(), 1e-300)


SCHEDULE = 0.05 * (1 + np.cos(np.linspace(0, math.pi, STEPS))) / 2


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("rates", [np.full(STEPS, 0.03), SCHEDULE], ids=["constant", "schedule"])
def test_sgd_conserves_the_outside_up_to_the_factor(rates, decay, momentum):
    first, last = train(subspace(), rates, decay, momentum)
    factor = outside_factor(rates, weight_decay=decay, momentum=momentum)
    assert deviation(subspace(), first, last, factor) < 1e-12
    assert np.abs((last - first) @ subspace()).max() > 0.1  # inside it did learn
    # Power: another subspace, or the factor without momentum or decay, fails the same comparison.
    assert deviation(subspace(seed=2), first, last, factor) > 1e-3
    if decay:
        assert deviation(subspace(), first, last, 1.0) > 1e-3
    if decay and momentum:
        assert deviation(subspace(), first, last, outside_factor(rates, weight_decay=decay)) > 1e-3


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_factor_is_that_of_torch(momentum):
    torch = pytest.importorskip("torch")
    generator, U = torch.Generator().manual_seed(0), torch.tensor(subspace())
    network = torch.nn.Sequential(torch.nn.Linear(D, K), torch.nn.ReLU(), torch.nn.Linear(K, 1)).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=momentum, weight_decay=0.02)
    first = network[0].weight.detach().clone()
    for _ in range(200):
        x = torch.randn(BATCH, R, dtype=torch.float64, generator=generator) @ U.T
        loss = (network(x)[:, 0] - x.sum(1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    factor = outside_factor(0.05, 200, weight_decay=0.02, momentum=momentum)
    assert deviation(subspace(), first.numpy(), network[0].weight.detach().numpy(), factor) < 1e-12


def test_the_factor_in_closed_form():
    rate, decay, momentum = 0.1, 0.03, 0.8
    assert outside_factor(rate, 70, weight_decay=decay) == pytest.approx((1 - rate * decay) ** 70, rel=1e-13)
    assert outside_factor(rate, 10**5, momentum=momentum) == 1.0
    step = np.array([[1 - rate * decay, -rate * momentum], [decay, momentum]])  # of (w, velocity)
    wanted = [0, 1, 2, 50, 1000]
    found = outside_factor(rate, wanted, weight_decay=decay, momentum=momentum)
    assert found.shape == (5,)
    assert found == pytest.approx([np.linalg.matrix_power(step, n)[0, 0] for n in wanted], rel=1e-11)
    assert outside_factor(np.full(50, rate), weight_decay=decay, momentum=momentum) == found[3]
    assert isinstance(outside_factor(np.full(50, rate), 0, weight_decay=decay), float)


# Each case: arguments of conservation, and the training that it is about.
CASES = {
    "sgd": (True, {"optimizer": "sgd"}, {}),
    "adam": (False, {"optimizer": "adam"}, {"optimizer": "adam"}),
    "adam, whole coordinates": (True, {"optimizer": "adam"}, {"optimizer": "adam"}),
    "adam, whole coordinates, decay": (False, {"optimizer": "adam", "weight_decay": 0.01}, {"optimizer": "adam"}),
    "input noise": (False, {"input_noise": True}, {"noise": 0.1}),
    "adversarial": (False, {"adversarial": True}, {"attack": 0.1}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_what_training_shows(case):
    holds, asked, options = CASES[case]
    U = subspace(whole_coordinates="whole" in case)
    decay = asked.get("weight_decay", 0.0)
    first, last = train(U, np.full(STEPS, 0.01), decay, **options)
    factor = outside_factor(0.01, STEPS, weight_decay=decay)
    verdict = conservation(subspace=U, **asked)
    assert bool(verdict) == verdict.holds == holds == (deviation(U, first, last, factor) < 1e-12)
    assert len(verdict.why) == (0 if holds else 1)


def test_the_reasons_are_named():
    U = subspace()
    x = np.random.default_rng(0).standard_normal((20, R)) @ U.T
    assert conservation(subspace=U, inputs=x) == Conservation(True)
    (why,) = conservation(subspace=U, inputs=x + 0.1 * np.eye(20, D)).why
    assert "does not contain the data" in why
    assert "% of the length of input" in why
    assert "rescales each entry" in conservation("rmsprop", subspace=U).why[0]
    aligned = subspace(whole_coordinates=True)
    assert conservation("adamw", subspace=aligned, weight_decay=0.1)
    assert "rescales weight decay" in conservation("adagrad", subspace=aligned, weight_decay=0.1).why[0]
    reasons = conservation("adam", subspace=U, input_noise=True, augmentation=True, adversarial=True).why
    assert len(reasons) == 4
    assert all(word in " ".join(reasons) for word in ("adam", "input noise", "augmentation", "adversarial inputs"))
    assert "nothing outside" in conservation(subspace=np.eye(3)).why[0]


@pytest.mark.parametrize(
    "arguments, options, sentence",
    [
        ((-0.1, 3), {}, "'learning_rate' parameter of outside_factor must be a number >= 0"),
        ((0.1,), {}, "needs 'steps'"),
        ((0.1, -1), {}, "'steps' parameter must be a whole number >= 0"),
        ((0.1, 3.5), {}, "'steps' parameter must be a whole number >= 0"),
        ((0.1, "many"), {}, "'steps' parameter must be a whole number >= 0"),
        ((0.1, [3, 2]), {}, "'steps' parameter of outside_factor must increase"),
        ((0.1, 3), {"momentum": 1.0}, "'momentum' parameter of outside_factor must be < 1"),
        ((0.1, 3), {"momentum": -0.1}, "'momentum' parameter of outside_factor must be a number from 0 to 1"),
        ((0.1, 3), {"weight_decay": -1}, "'weight_decay' parameter of outside_factor must be a finite number >= 0"),
        (([0.1, 0.2], 3), {}, "asks for 3 updates, but the schedule"),
        (([[0.1]], 1), {}, "'learning_rate' parameter of outside_factor must be a number >= 0 or a list"),
    ],
)
def test_a_bad_factor_is_a_sentence(arguments, options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        outside_factor(*arguments, **options)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"optimizer": "Adam"}, r"must be one of 'sgd', 'adam'.* Did you mean 'adam'"),
        ({"subspace": 2 * np.eye(3)[:, :2]}, "orthonormal columns.*numpy.linalg.qr"),
        ({"subspace": np.ones(3)}, r"must have 2 dimension\(s\)"),
        ({"inputs": np.ones((4, 2))}, r"must have shape \(B, 3\)"),
        ({"inputs": [["x"]]}, "'inputs' parameter of conservation must be an array of numbers"),
        ({"tolerance": -1}, "'tolerance' parameter of conservation must be a finite number >= 0"),
    ],
)
def test_a_bad_question_is_a_sentence(options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        conservation(**{"subspace": np.eye(3)[:, :2], **options})

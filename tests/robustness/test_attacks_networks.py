"""Perceptrons that attacks differentiate by hand, against the networks themselves and autograd."""

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import parametrizations, prune  # noqa: E402

from practicum.networks import Ensemble  # noqa: E402
from practicum.networks.cnn import CNN  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.robustness.attacks._differentiable import Differentiable, Perceptron, differentiable  # noqa: E402
from robustness.attack_networks import drawn, perceptrons  # noqa: E402

D, C, ROWS = 6, 3, 20
SIZES = {"one layer": (D, C), "two layers": (D, 9, C), "deep": (D, 9, 7, 8, C), "one output": (D, 9, 1)}


def by_autograd(network, inputs, gradient):
    leaf = inputs.clone().requires_grad_()
    found = network(leaf)
    return found.detach(), torch.autograd.grad(found, leaf, gradient)[0]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "erf", "linear"])
@pytest.mark.parametrize("normalisation", [None, "before", "after"])
@pytest.mark.parametrize("seeds, bias", [(1, True), (3, True), (3, False)])
def test_by_hand_and_by_autograd(sizes, activation, normalisation, seeds, bias):
    options = {"activation": activation, "normalisation": normalisation, "slope": 0.2 * (activation == "leaky-relu")}
    network = perceptrons(*SIZES[sizes], seeds=seeds, bias=bias, **options)
    asked = differentiable(network, (D,), "student")
    assert isinstance(asked, Perceptron)
    for seed in range(2):  # memory is used again
        inputs, gradient = drawn(seeds, ROWS, D, seed=seed), drawn(seeds, ROWS, SIZES[sizes][-1], seed=seed)
        outputs, slope = by_autograd(network, inputs, gradient)
        found, tape = asked.forward(inputs)
        torch.testing.assert_close(found, outputs, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(asked.backward(tape, gradient), slope, rtol=1e-10, atol=1e-12)
        assert torch.equal(asked.outputs(inputs), network(inputs).detach())


def test_one_network_answers_the_inputs_of_many():
    network, inputs, gradient = perceptrons(D, 9, C), drawn(4, ROWS, D), drawn(4, ROWS, C)
    by_hand = differentiable(network, (D,), "teacher")
    assert isinstance(by_hand, Perceptron)
    for asked in (by_hand, Differentiable(network, (D,), "teacher")):
        found, tape = asked.forward(inputs)
        slopes = asked.backward(tape, gradient)
        for s in range(4):
            outputs, slope = by_autograd(network, inputs[s : s + 1], gradient[s : s + 1])
            torch.testing.assert_close(found[s : s + 1], outputs)
            torch.testing.assert_close(slopes[s : s + 1], slope)


def sequence(*, bias=True, inplace=False):
    parts = [nn.Linear(D, 9, bias), nn.ReLU(inplace), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, C, bias)]
    return nn.Sequential(*parts).double().eval()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("inplace", [True, False])
def test_sequences_by_hand_and_by_autograd(bias, inplace):
    network = sequence(bias=bias, inplace=inplace)
    asked, other = differentiable(network, (D,), "student"), Differentiable(network, (D,), "student")
    assert isinstance(asked, Perceptron)
    inputs, gradient = drawn(1, ROWS, D), drawn(1, ROWS, C)
    (one, tape), (two, their_tape) = asked.forward(inputs), other.forward(inputs)
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(
        asked.backward(tape, gradient), other.backward(their_tape, gradient), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("shape", [(D,), (1, 2, 3), (D, 1)])
def test_sequences_that_flatten(shape):
    network = nn.Sequential(nn.Flatten(), *sequence())
    asked, other = differentiable(network, shape, "student"), Differentiable(network, shape, "student")
    assert isinstance(asked, Perceptron)
    inputs, gradient = drawn(1, ROWS, *shape), drawn(1, ROWS, C)
    (one, tape), (two, their_tape) = asked.forward(inputs), other.forward(inputs)
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)
    slope = other.backward(their_tape, gradient)
    torch.testing.assert_close(asked.backward(tape, gradient), slope, rtol=1e-12, atol=1e-14)
    assert type(differentiable(sequence(), shape, "student")) is (Perceptron if shape == (D,) else Differentiable)
    part = nn.Sequential(nn.Flatten(2), *sequence())  # which leaves an axis
    assert type(differentiable(part, shape, "student")) is Differentiable


class Doubled(MLP):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


def watched(network, how):
    """Networks that compute something else than their layers say, or want to be seen computing."""
    network = copy.deepcopy(network)
    if how == "hook":
        network[1].register_forward_hook(lambda module, inputs, outputs: 2 * outputs)
    elif how == "hook before":
        network.register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],))
    elif how == "pruned":
        prune.l1_unstructured(network[0], "weight", 0.5)
    elif how == "normed":
        parametrizations.weight_norm(network[0])
        network[0].parametrizations.weight.original0.data.mul_(3)
    elif how == "overridden":
        network[2].forward = lambda values: values[..., :7]
    elif how == "another activation":
        network[1] = nn.Tanh()
    elif how == "dropout":
        network = nn.Sequential(*network[:2], nn.Dropout(0.5), *network[2:]).eval()
    elif how == "a subclass":
        network = Doubled([network[0].weight[None]], [network[0].bias[None]])
    return network


WAYS = ["hook", "hook before", "pruned", "normed", "overridden", "another activation", "dropout", "a subclass"]


@pytest.mark.parametrize("how", WAYS)
def test_what_is_not_its_layers_goes_by_autograd(how):
    network = watched(sequence(), how)
    asked = differentiable(network, (D,), "student")
    assert type(asked) is Differentiable
    inputs = drawn(1, ROWS, D)
    outputs, tape = asked.forward(inputs)
    gradient = drawn(*outputs.shape)
    expected = by_autograd(network if how == "a subclass" else lambda x: network(x[0])[None], inputs, gradient)
    torch.testing.assert_close(outputs, expected[0])
    torch.testing.assert_close(asked.backward(tape, gradient), expected[1])


def test_convolutions_of_several_seeds():
    networks = [CNN((1, 6, 6), (3, 4), C, normalisation="before").double().eval() for _ in range(3)]
    asked = differentiable(Ensemble(networks), (1, 6, 6), "student")
    inputs, gradient = drawn(3, ROWS, 1, 6, 6), drawn(3, ROWS, C)
    found, tape = asked.forward(inputs)
    slopes = asked.backward(tape, gradient)
    for network, x, g, outputs, slope in zip(networks, inputs, gradient, found, slopes):
        expected = by_autograd(network, x, g)
        torch.testing.assert_close(outputs, expected[0])
        torch.testing.assert_close(slope, expected[1])


def test_many_rows_are_answered_in_parts():
    seen = []

    class Seen(nn.Linear):
        def forward(self, inputs):
            seen.append(len(inputs))
            return super().forward(inputs)

    network = Seen(D, C).double()
    inputs = drawn(1, 2300, D)
    found = differentiable(network, (D,), "student").outputs(inputs)
    assert seen == [1000, 1000, 300]
    torch.testing.assert_close(found[0], network(inputs[0]).detach())


def test_a_module_that_forgets_an_input_has_no_slope_there():
    class First(nn.Module):
        def forward(self, inputs):
            return torch.stack([inputs[:, 0], 0 * inputs[:, 0]], -1)

    asked = differentiable(First(), (D,), "student")
    _, tape = asked.forward(drawn(1, ROWS, D))
    slope = asked.backward(tape, torch.ones(1, ROWS, 2, dtype=torch.float64))
    assert (slope[..., 0] == 1).all()
    assert not slope[..., 1:].any()

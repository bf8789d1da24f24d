"""Perceptrons side by side against torch's own modules, seed by seed; BatchNorm against BatchNorm1d in every mode."""

import math
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks.mlp import MLP, BatchNorm, activate  # noqa: E402

SEEDS, SIZES = 3, (5, 7, 6, 4)


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape))


def network(activation="relu", slope=0.0, normalisation=None, output_bias=True):
    weights = [drawn(SEEDS, o, i) for i, o in pairwise(SIZES)]
    biases = [drawn(SEEDS, o) for o in SIZES[1:]]
    biases[-1] = biases[-1] if output_bias else None
    made = MLP(weights, biases, activation=activation, slope=slope, normalisation=normalisation)
    with torch.no_grad():
        for k, norm in enumerate(made.norms):
            norm.weight.copy_(1 + 0.3 * drawn(SEEDS, SIZES[k + 1], seed=1))
            norm.bias.copy_(drawn(SEEDS, SIZES[k + 1], seed=2))
    return made


class Erf(nn.Module):
    def forward(self, x):
        return torch.erf(x / math.sqrt(2))


ACTIVATIONS = {"relu": nn.ReLU(), "leaky-relu": nn.LeakyReLU(0.3), "erf": Erf(), "linear": nn.Identity()}


def alone(made, seed):
    """One of the networks as a Sequential of torch."""
    steps = []
    for k, (i, o) in enumerate(pairwise(SIZES)):
        bias = made.biases[k]
        linear = nn.Linear(i, o, bias=bias is not None, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(made.weights[k][seed])
            if bias is not None:
                linear.bias.copy_(bias[seed])
        steps.append(linear)
        if k == made.depth:
            break
        both = [ACTIVATIONS[made.activation]]
        if made.normalisation is not None:
            norm = nn.BatchNorm1d(o, dtype=torch.float64)
            with torch.no_grad():
                norm.weight.copy_(made.norms[k].weight[seed])
                norm.bias.copy_(made.norms[k].bias[seed])
            both.insert(0 if made.normalisation == "before" else 1, norm)
        steps += both
    return nn.Sequential(*steps)


@pytest.mark.parametrize("activation, slope", [("relu", 0.0), ("leaky-relu", 0.3), ("erf", 0.0), ("linear", 0.0)])
@pytest.mark.parametrize("normalisation", [None, "before", "after"])
@pytest.mark.parametrize("output_bias", [True, False])
def test_outputs_and_gradients_are_those_of_torch_seed_by_seed(activation, slope, normalisation, output_bias):
    made, x = network(activation, slope, normalisation, output_bias), drawn(SEEDS, 9, SIZES[0])
    others = [alone(made, s) for s in range(SEEDS)]
    for training in (True, True, False):
        made.train(training)
        outputs = made(x)
        made.zero_grad()
        outputs.square().sum().backward()
        for s, other in enumerate(others):
            other.train(training)
            expected = other(x[s])
            assert torch.allclose(outputs[s], expected, rtol=1e-12, atol=1e-12)
            other.zero_grad()
            expected.square().sum().backward()
            linear = [step for step in other if isinstance(step, nn.Linear)]
            for weight, step in zip(made.weights, linear):
                assert torch.allclose(weight.grad[s], step.weight.grad, rtol=1e-9, atol=1e-9)


def test_batchnorm_is_that_of_torch():
    """Outputs, gradients and running moments over several batches, and evaluation; a biased running variance is not."""
    ours, theirs = BatchNorm(SEEDS, 6, dtype=torch.float64), [nn.BatchNorm1d(6, dtype=torch.float64) for _ in range(3)]
    biased = torch.ones(SEEDS, 6, dtype=torch.float64)
    for k in range(4):
        x = (3 * drawn(SEEDS, 8, 6, seed=k) + 1).requires_grad_()
        y = x.detach().clone().requires_grad_()
        a, b = ours(x), torch.stack([norm(y[s]) for s, norm in enumerate(theirs)])
        assert torch.allclose(a, b, atol=1e-13)
        way = drawn(SEEDS, 8, 6, seed=k + 10)
        assert torch.allclose(*(torch.autograd.grad(o, i, way)[0] for o, i in ((a, x), (b, y))), atol=1e-13)
        biased = 0.9 * biased + 0.1 * x.detach().var(1, correction=0)
    variance = torch.stack([norm.running_var for norm in theirs])
    assert torch.allclose(ours.running_mean, torch.stack([norm.running_mean for norm in theirs]), atol=1e-14)
    assert torch.allclose(ours.running_variance, variance, atol=1e-13)
    assert not torch.allclose(biased, variance, rtol=1e-2)  # power
    ours.eval()
    x = drawn(SEEDS, 8, 6)
    assert torch.allclose(ours(x), torch.stack([norm.eval()(x[s]) for s, norm in enumerate(theirs)]), atol=1e-13)


def test_the_slope_at_and_below_zero():
    x = torch.tensor([-2.0, 0.0, 3.0])
    assert activate(x, "leaky-relu", 1.7).tolist() == [pytest.approx(-3.4), 0.0, 3.0]
    assert activate(x, "relu").tolist() == [0.0, 0.0, 3.0]
    assert activate(x, "erf").tolist() == pytest.approx([math.erf(v / math.sqrt(2)) for v in (-2, 0, 3)])
    assert activate(x, "linear").tolist() == [-2.0, 0.0, 3.0]


def test_the_same_inputs_for_all_and_what_layers_are_called():
    made, x = network(normalisation="after").eval(), drawn(4, 5)
    layers = made.layers(x)
    assert (made.seeds, made.sizes, made.depth, made.dtype) == (SEEDS, SIZES, 2, torch.float64)
    assert [tuple(v.shape) for v in (*layers.pre, *layers.post, layers.outputs)] == [
        (3, 4, 7), (3, 4, 6), (3, 4, 7), (3, 4, 6), (3, 4, 4),
    ]  # fmt: skip
    assert torch.equal(made(x), made(x.expand(SEEDS, -1, -1)))
    assert torch.equal(made(x), made(x[None]))
    assert torch.equal(made.norms[0](torch.relu(layers.pre[0])), layers.post[0])


def test_selected_networks_are_copies_with_all_they_have():
    made = network(normalisation="before")
    made.norms[0].epsilon, made.norms[1].momentum = 0.5, 0.2
    made(drawn(6, 5))
    chosen, x = made.eval().select([2, 0, 2]), drawn(6, 5, seed=1)
    assert torch.equal(chosen(x), made(x)[[2, 0, 2]])
    assert not chosen.training
    assert chosen.norms[1].momentum == 0.2
    with torch.no_grad():
        made.weights[0].zero_()
    assert chosen.weights[0].abs().min() > 0


ONE = torch.ones(1, 2, 3)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: MLP([], []), ["at least one layer", "0 weight(s)"]),
        (lambda: MLP([ONE], []), ["one bias (or None) a weight", "0 bias(es)"]),
        (lambda: MLP([torch.ones(2, 3)], [None]), ["weights of layer 1", "(2, 3)"]),
        (lambda: MLP([ONE, ONE], [None, None]), ["weights of layer 2", "2 inputs", "(1, 2, 3)"]),
        (lambda: MLP([ONE], [torch.ones(1, 3)]), ["biases of layer 1", "(1, 2)", "(1, 3)"]),
        (lambda: MLP([ONE], [None], activation="tanh"), ["'activation'", "'erf'", "'tanh'"]),
        (lambda: MLP([ONE], [None], normalisation="layer"), ["'normalisation'", "None, 'before'", "'layer'"]),
        (lambda: MLP([ONE.numpy()], [None]), ["tensors", "ndarray", "from_arrays"]),
        (lambda: MLP([ONE.int()], [None]), ["floating-point", "torch.int32"]),
        (lambda: MLP([ONE], [torch.ones(1, 2).double()]), ["one floating-point precision", "torch.float64"]),
        (lambda: MLP([ONE[:0]], [None]), ["at least one seed", "(0, 2, 3)"]),
        (lambda: MLP([ONE], [None])(torch.ones(4, 2)), ["3 columns", "(4, 2)"]),
        (lambda: MLP([ONE], [None])(torch.ones(2, 4, 3)), ["S = 1", "(2, 4, 3)"]),
        (lambda: MLP([ONE], [None])(torch.ones(4, 3).double()), ["torch.float32", "Got torch.float64"]),
        (lambda: MLP([ONE], [None])(np.ones((4, 3))), ["must be a tensor", "Got ndarray"]),
        (lambda: MLP([ONE], [None])(torch.ones(())), ["3 columns", "()"]),
        (
            lambda: MLP([ONE, torch.ones(1, 1, 2)], [None, None], normalisation="after")(torch.ones(1, 3)),
            ["at least two", "Got 1"],
        ),
        (lambda: MLP([ONE], [None]).select([]), ["'indices'", "at least one", "Got []"]),
        (lambda: MLP([ONE], [None]).select([1]), ["'indices'", "0 to 0", "Got [1]"]),
    ],
)
def test_what_cannot_be_is_one_sentence(make, words):
    with pytest.raises(ParameterError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)

"""One network of an MLP as an nn.Sequential: the same numbers, and back."""

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import MLP, from_module  # noqa: E402
from practicum.pruning import as_module  # noqa: E402
from pruning.to_prune import drawn, perceptron  # noqa: E402

SIZES = (5, 7, 6, 4)


def made(dtype=torch.float64, biases=True, **options):
    weights = [drawn(3, above, below) for below, above in pairwise(SIZES)]
    network = MLP(weights, [drawn(3, above) if biases else None for above in SIZES[1:]], **options)
    for place, norm in enumerate(network.norms):
        for number, values in enumerate((norm.weight.data, norm.bias.data, norm.running_mean)):
            values.copy_(1 + 0.3 * drawn(*values.shape, seed=9 * place + number))
        norm.running_variance.copy_(0.5 + drawn(*norm.running_variance.shape, seed=7).square())
    return network.to(dtype).eval()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("options", [{"activation": a} for a in ("relu", "erf", "linear")] + [{"slope": 0.2}])
def test_the_same_answers_bit_for_bit(dtype, biases, options):
    network = made(dtype, biases, **({"activation": "leaky-relu"} | options if "slope" in options else options))
    x = drawn(40, 5).to(dtype)
    for index in range(3):
        found = as_module(network, index)
        assert torch.equal(found(x), network.select([index])(x)[0])
        assert [type(step) for step in found[::2]] == [nn.Linear] * 3


@pytest.mark.parametrize("normalisation", ["before", "after"])
def test_with_batchnorm_up_to_roundings_in_both_modes(normalisation):
    network, x = made(normalisation=normalisation), drawn(40, 5)
    for index in range(3):
        found = as_module(network, index)
        torch.testing.assert_close(found(x), network(x)[index], rtol=1e-13, atol=1e-13)
        found = as_module(network.train(), index)
        assert found.training
        torch.testing.assert_close(found(x), network.select([index]).train()(x)[0], rtol=1e-12, atol=1e-12)
        network.eval()


def test_it_is_a_copy_as_trainable_as_the_original():
    network = made()
    found = as_module(network, 1)
    found[0].weight.data.zero_()
    assert bool(network.weights[0].any())
    assert all(p.requires_grad for p in found.parameters())
    assert not any(p.requires_grad for p in as_module(network.requires_grad_(False), 1).parameters())


def test_nothing_is_drawn_from_the_global_generator():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    as_module(made())
    assert torch.equal(before, torch.get_rng_state())


def test_there_and_back():
    network = made(activation="leaky-relu", slope=0.1)
    back = from_module(as_module(network, 2))
    assert torch.equal(back(drawn(40, 5)), network.select([2])(drawn(40, 5)))


def test_bad_arguments_get_a_sentence():
    with pytest.raises(ParameterError, match=r"'index' parameter of as_module must be < 3, .*\. Got 3"):
        as_module(made(), 3)
    with pytest.raises(ParameterError, match=r"as_module takes practicum's MLP. Got Sequential"):
        as_module(perceptron())

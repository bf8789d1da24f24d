"""Masks of torch.nn.utils.prune, chosen for diversity: amounts as PyTorch means them, iterated, removed."""

import copy
import io

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import CNN  # noqa: E402
from practicum.pruning import (  # noqa: E402
    DPP,
    GreedyMAP,
    Importance,
    Random,
    SoftMagnitude,
    dpp_structured,
    dpp_unstructured,
    select_edges,
    select_nodes,
)
from practicum.pruning.adapters import DPPStructured, DPPUnstructured, apportioned  # noqa: E402
from pruning.test_select_kernels import direct  # noqa: E402
from pruning.to_prune import drawn, filled, perceptron  # noqa: E402

X = drawn(300, 6)
IMAGES = drawn(20, 2, 9, 9)


@pytest.mark.parametrize("amount", [0.0, 0.3, 0.5, 1.0, 0, 1, 7, 53, 54])
def test_as_many_edges_go_as_with_pytorch(amount):
    ours, theirs = perceptron(), perceptron()
    assert dpp_unstructured(ours[0], "weight", amount, X, network=ours) is ours[0]
    prune.l1_unstructured(theirs[0], "weight", amount)
    assert ours[0].weight_mask.sum() == theirs[0].weight_mask.sum()
    each = ours[0].weight_mask.sum(1)
    assert each.max() - each.min() <= 1
    assert torch.equal(ours[0].weight, ours[0].weight_orig * ours[0].weight_mask)


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0, 0, 1, 5, 9])
def test_as_many_nodes_go_as_with_pytorch(amount):
    ours, theirs = perceptron(), perceptron()
    dpp_structured(ours[0], "weight", amount, X, network=ours)
    prune.ln_structured(theirs[0], "weight", amount, n=2, dim=0)
    rows = ours[0].weight_mask
    assert rows.any(1).sum() == theirs[0].weight_mask.any(1).sum()
    assert torch.equal(rows.any(1), rows.all(1))


def test_they_are_the_choices_of_select():
    network = perceptron()
    wanted = select_edges(network, "2.0", 4, DPP(), X, seed=3)
    dpp_unstructured(network[2][0], "weight", 5 / 9, X, network=network, seed=3)
    assert torch.equal(network[2][0].weight_mask.bool(), wanted.mask)
    network = perceptron()
    wanted = select_nodes(network, "0", 4, SoftMagnitude(), seed=3)
    dpp_structured(network[0], "weight", 5, network=network, selector=SoftMagnitude(), seed=3)
    assert torch.equal(network[0].weight_mask[:, 0].bool(), wanted.mask)


def test_without_a_network_the_inputs_are_those_of_the_module():
    alone, network = perceptron(), perceptron()
    hidden = network[1](network[0](X)).detach()
    dpp_unstructured(alone[2][0], "weight", 0.5, hidden, selector=GreedyMAP())
    dpp_unstructured(network[2][0], "weight", 0.5, X, network=network, selector=GreedyMAP())
    assert torch.equal(alone[2][0].weight_mask, network[2][0].weight_mask)


def test_channels_and_edges_of_convolutions():
    network = filled(CNN((2, 9, 9), (6, 5), 3))
    dpp_unstructured(network.conv2, "weight", 0.75, IMAGES, network=network)
    assert (network.conv2.weight_mask.flatten(1).sum(1) - 54 / 4).abs().max() < 1
    dpp_structured(network.conv1, "weight", 2, IMAGES, network=network)
    assert network.conv1.weight_mask.flatten(1).any(1).sum() == 4
    assert torch.isfinite(network(IMAGES)).all()


@pytest.mark.parametrize("selector", [DPP(), GreedyMAP(), Random()], ids=repr)
def test_called_again_it_chooses_among_what_is_left(selector):
    network = perceptron()
    seen, left = torch.ones(9, 6), 54
    for amount, lost in ((0.5, 27), (0.5, 14), (3, 3)):  # as PyTorch: a fraction of what is left, 13.5 rounded to even
        dpp_unstructured(network[0], "weight", amount, X, network=network, selector=selector)
        mask = network[0].weight_mask
        assert not bool((mask > seen).any())
        left -= lost
        assert mask.sum() == left
        seen = mask.clone()
    dpp_structured(network[0], "weight", 4, X, network=network, selector=selector)
    assert not bool((network[0].weight_mask > seen).any())
    assert network[0].weight_mask.any(1).sum() == 5


def test_of_edges_that_are_left_the_kernel_is_theirs():
    """Greedy by hand on the kernel of the edges that an earlier mask of the user's own has left."""
    network = perceptron()
    mask = torch.from_numpy(np.random.default_rng(4).random((9, 6)) < 0.7)
    mask[:, :2] = True
    prune.custom_from_mask(network[0], "weight", mask)
    loses = apportioned(20, mask.sum(1).numpy())
    dpp_unstructured(network[0], "weight", 20, X, network=network, selector=GreedyMAP())
    for unit, w in enumerate(network[0].weight_orig.detach()):
        left = mask[unit].nonzero()[:, 0]
        L = direct(X[:, left] * w[left], GreedyMAP())
        taken = []
        for _ in range(len(left) - loses[unit]):
            rest = [i for i in range(len(left)) if i not in taken]
            taken.append(max(rest, key=lambda i: np.linalg.det(L[np.ix_([*taken, i], [*taken, i])])))
        assert set(network[0].weight_mask[unit].nonzero()[:, 0].tolist()) == set(left[taken].tolist())


def test_pruning_can_be_removed_copied_and_stored():
    network = perceptron()
    dpp_unstructured(network[0], "weight", 0.5, X, network=network)
    assert prune.is_pruned(network)
    stored = io.BytesIO()
    torch.save(network[0].state_dict(), stored)
    assert stored.tell() < 10_000
    again = perceptron(seed=1)
    prune.identity(again[0], "weight")
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(X), network(X))
    zeros = network[0].weight_mask == 0
    prune.remove(network[0], "weight")
    assert isinstance(network[0].weight, nn.Parameter)
    assert torch.equal(network[0].weight == 0, zeros)
    assert not prune.is_pruned(copy.deepcopy(network))


def test_masks_hold_while_the_network_trains():
    network = perceptron().train()
    dpp_unstructured(network[0], "weight", 0.5, X, network=network)
    zeros, before = network[0].weight_mask == 0, network[0].weight.detach().clone()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        network(X).square().mean().backward()
        optimizer.step()
    network(X)
    assert (network[0].weight[zeros] == 0).all()
    assert (network[0].weight[~zeros] != before[~zeros]).all()


def test_a_refusal_leaves_the_module_as_it_was():
    network = perceptron()
    prune.l1_unstructured(network[0], "weight", 0.5)
    hooks, mask = len(network[0]._forward_pre_hooks), network[0].weight_mask.clone()
    zeros = X.clone()
    zeros[:, 1:] = 0
    with pytest.raises(ParameterError, match="rank of their kernel"):
        dpp_unstructured(network[0], "weight", 9, zeros, network=network, selector=DPP(similarity="linear", jitter=0))
    assert len(network[0]._forward_pre_hooks) == hooks
    assert torch.equal(network[0].weight_mask, mask)


def test_methods_are_those_of_pytorch():
    assert issubclass(DPPUnstructured, prune.BasePruningMethod)
    network = perceptron()
    method = DPPStructured.apply(network[0], "weight", 0.5, X, network=network)
    assert isinstance(method, DPPStructured)
    assert isinstance(DPPUnstructured.apply(network[0], "weight", 0.5, X, network=network), prune.PruningContainer)


@pytest.mark.parametrize("total", [0, 1, 7, 19, 20])
def test_units_lose_alike(total):
    counts = np.array([8, 4, 0, 7, 1])
    lost = apportioned(total, counts)
    assert lost.sum() == total
    assert (lost <= counts).all()
    assert np.abs(lost - total * counts / 20).max() < 1


@pytest.mark.parametrize(
    "change, sentence",
    [
        (
            {"amount": 1.5},
            r"'amount' parameter must be a fraction to remove, 0.0 ... 1.0, or a count, 0 ... 54.*Got 1.5",
        ),
        ({"amount": 55}, "Got 55 instead"),
        ({"amount": -1}, "Got -1 instead"),
        ({"amount": True}, "Got True instead"),
        ({"amount": "all"}, "Got 'all' instead"),
        ({"name": "bias"}, "'name' parameter must be 'weight'.*Got 'bias'.*custom_from_mask"),
        ({"selector": Importance()}, "Importance looks at weights out of nodes.*prune.custom_from_mask"),
        ({"selector": "dpp"}, "'selector' parameter must be a selector"),
        ({"network": perceptron(seed=2)}, "must be a module of the network. Got a Linear that is none"),
        ({"network": None, "inputs": drawn(5, 7)}, r"Got examples of shape \(7,\)"),
        ({"inputs": None}, "DPP needs the 'inputs'"),
    ],
)
def test_slips_get_a_sentence(change, sentence):
    network = perceptron()
    options = {"name": "weight", "amount": 0.5, "inputs": X, "network": network} | change
    with pytest.raises(ParameterError, match=sentence):
        dpp_unstructured(network[0], **options)
    assert not prune.is_pruned(network)

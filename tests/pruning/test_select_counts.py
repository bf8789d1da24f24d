"""Exactly as many as asked, the same for the same seed, others for other seeds, whatever the batches."""

from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from practicum.networks import CNN  # noqa: E402
from practicum.pruning import (  # noqa: E402
    DPP,
    GreedyMAP,
    Importance,
    Magnitude,
    Random,
    SoftMagnitude,
    select_edges,
    select_nodes,
)
from pruning.to_prune import check_same, drawn, filled, perceptron, snapshot  # noqa: E402

X = drawn(300, 6)
IMAGES = drawn(40, 2, 9, 9)
NODES = [Random(), Magnitude(), Importance(), SoftMagnitude(), DPP(), DPP(similarity="linear"), GreedyMAP()]
EDGES = [selector for selector in NODES if selector != Importance()]
DRAWN = [Random(), SoftMagnitude(), DPP()]
KEEP = [1, 0.1, 0.25, 0.5, 4, 0.9, 1.0]


def cnn(**options):
    return filled(CNN((2, 9, 9), (6, 5), 3, **options))


NETWORKS = [(perceptron, "0", X), (perceptron, "2.0", X), (cnn, "conv1", IMAGES), (cnn, "conv2", IMAGES)]


@pytest.mark.parametrize("make, layer, inputs", NETWORKS)
@pytest.mark.parametrize("selector", NODES, ids=repr)
def test_exactly_as_many_nodes_as_asked(make, layer, inputs, selector):
    network = make()
    n = len(network.get_submodule(layer).weight)
    before = snapshot(network)
    found = select_nodes(network, layer, KEEP[2:], selector, inputs, draws=3)
    check_same(before, snapshot(network))
    for keep, draws in zip(KEEP[2:], found):
        assert len(draws) == 3
        for kept in draws:
            assert kept.mask.shape == (n,)
            assert kept.mask.dtype == torch.bool
            assert kept.count == (keep if isinstance(keep, int) else round(keep * n))
            assert (kept.layer, kept.kind, kept.selector) == (layer, "nodes", repr(selector))
            assert kept.seed == (0 if selector.drawn else None)


@pytest.mark.parametrize("make, layer, inputs", NETWORKS)
@pytest.mark.parametrize("selector", EDGES, ids=repr)
def test_exactly_as_many_edges_of_each_unit_as_asked(make, layer, inputs, selector):
    network = make()
    weight = network.get_submodule(layer).weight
    n = weight[0].numel()
    for keep, (kept, other) in zip(KEEP, select_edges(network, layer, KEEP, selector, inputs, draws=2)):
        assert kept.mask.shape == other.mask.shape == weight.shape
        assert (kept.mask.flatten(1).sum(1) == (keep if isinstance(keep, int) else round(keep * n))).all()
        assert (other.mask.flatten(1).sum(1) == kept.mask.flatten(1).sum(1)).all()
        assert kept.kind == "edges"


def test_edges_of_a_convolution_with_groups_and_over_three_axes_need_no_signals():
    network = filled(
        nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.ReLU(), nn.Unflatten(2, (1, 7)), nn.Conv3d(6, 2, 1))
    )
    for selector in (Random(), Magnitude(), SoftMagnitude()):
        assert (select_edges(network, "0", 5, selector).mask.flatten(1).sum(1) == 5).all()
        assert (select_edges(network, "3", 2, selector).mask.flatten(1).sum(1) == 2).all()


@pytest.mark.parametrize("choose", [select_nodes, select_edges])
@pytest.mark.parametrize("selector", DRAWN, ids=repr)
def test_seeds_draws_and_lists_agree(choose, selector):
    """A draw depends on the seed, the size and its number alone."""
    network = perceptron()
    many = choose(network, "0", [0.25, 3], selector, X, seed=5, draws=6)
    again = choose(network, "0", [0.25, 3], selector, X, seed=5, draws=4)
    assert all(torch.equal(many[size][draw].mask, again[size][draw].mask) for size in (0, 1) for draw in range(4))
    assert torch.equal(choose(network, "0", 3, selector, X, seed=5).mask, many[1][0].mask)
    assert isinstance(choose(network, "0", 3, selector, X, seed=5, draws=2), list)
    assert len(choose(network, "0", [3], selector, X, seed=5)) == 1
    assert len({tuple(kept.mask.flatten().tolist()) for kept in many[1]}) > 1
    others = [choose(network, "0", 3, selector, X, seed=seed).mask for seed in range(6, 16)]
    assert not all(torch.equal(other, many[1][0].mask) for other in others)


def test_layers_of_one_size_and_units_draw_independently():
    network = filled(nn.Sequential(nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 2)))
    first, second = (select_nodes(network, layer, 20, Random()).mask for layer in ("0", "2"))
    assert not torch.equal(first, second)
    rows = select_edges(network, "0", 20, Random()).mask
    assert len({tuple(row.tolist()) for row in rows}) == 40


def test_what_decides_nothing_is_the_same_for_every_draw():
    network = perceptron()
    for selector in (Magnitude(), GreedyMAP()):
        first, second = select_nodes(network, "0", 3, selector, X, draws=2)
        assert torch.equal(first.mask, second.mask)


@pytest.mark.parametrize("selector", [Random(), Magnitude(), Importance(), GreedyMAP()], ids=repr)
def test_smaller_choices_are_parts_of_larger_ones(selector):
    found = select_nodes(perceptron(), "0", range(1, 10), selector, X)
    for small, large in pairwise(found):
        assert not bool((small.mask & ~large.mask).any())


def test_a_kdpp_is_not_nested():
    """Power: the check above sees it."""
    found = select_nodes(perceptron(), "0", range(1, 10), DPP(), X, draws=20)
    pairs = [(small.mask, large.mask) for a, b in pairwise(found) for small, large in zip(a, b)]
    assert any(bool((small & ~large).any()) for small, large in pairs)


@pytest.mark.parametrize("make, layer, inputs", [(perceptron, "2.0", X), (cnn, "conv2", IMAGES)])
@pytest.mark.parametrize("choose", [select_nodes, select_edges])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_change_nothing(make, layer, inputs, choose, dtype):
    """Not even the last bit: blocks are cut anew, so that one batch of all and batches of seven sum in one order."""
    network, inputs = make().to(dtype), inputs.to(dtype)
    forms = [
        inputs,
        inputs.numpy(),
        list(inputs.split(7)),
        DataLoader(TensorDataset(inputs, torch.zeros(len(inputs))), batch_size=13),
        (part for part in inputs.split(29)),
    ]
    masks = []
    for form in forms:
        found = choose(network, layer, [0.3, 0.6], DPP(), form, draws=10)
        masks.append(torch.stack([kept.mask for row in found for kept in row]))
    assert all(torch.equal(masks[0], mask) for mask in masks[1:])


def test_threads_change_nothing():
    network = filled(nn.Sequential(nn.Linear(6, 30), nn.Tanh(), nn.Linear(30, 2)))
    one, two = (select_edges(network, "0", 3, DPP(), X, draws=2, workers=workers) for workers in (1, 3))
    assert all(torch.equal(a.mask, b.mask) for a, b in zip(one, two))


@pytest.mark.parametrize("keep, count", [(1, 1), (1.0, 9), (np.int64(2), 2), (np.float32(0.5), 4), (0.06, 1), (9, 9)])
def test_a_whole_number_is_a_count_and_a_decimal_point_a_fraction(keep, count):
    assert select_nodes(perceptron(), "0", keep, Random()).count == count


def test_many_keeps_may_be_an_array():
    found = select_nodes(perceptron(), "0", np.array([0.2, 0.5]), Random())
    assert [kept.count for kept in found] == [2, 4]

"""Kernels through one table of scalar products equal those of their definition; what they are kernels of; their law."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum.networks import CNN  # noqa: E402
from practicum.pruning import DPP, GreedyMAP, Kernel, Random, greedy_map, select_edges, select_nodes  # noqa: E402
from practicum.pruning.select.edges import seen_edges  # noqa: E402
from practicum.pruning.select.nodes import seen_nodes  # noqa: E402
from pruning.dpp_reference import chi_square, count_rows, law  # noqa: E402
from pruning.to_prune import drawn, filled, perceptron  # noqa: E402

X = drawn(300, 6)
ROUNDING = 1e-10
"""Of kernels whose entries are at most about 1, from sums of 300 products."""


def direct(signals, selector):
    """The kernel of its definition, from signals (samples, items)."""
    signals, samples = np.asarray(signals), len(signals)
    if selector.similarity == "linear":
        L = signals.T @ signals
        L = L / np.trace(L) * len(L)
    else:
        b = 10 / samples if selector.bandwidth is None else selector.bandwidth
        L = np.array([[np.exp(-b * ((a - c) ** 2).sum()) for c in signals.T] for a in signals.T])
    return L + selector.jitter * np.eye(len(L))


KERNELS = [DPP(), DPP(bandwidth=0.003, jitter=0.2), DPP(similarity="linear", jitter=0.0)]


@pytest.mark.parametrize("selector", KERNELS, ids=repr)
def test_edge_kernels_equal_those_of_weighted_inputs(selector):
    network = perceptron()
    hidden = network[1](network[0](X)).detach()
    for layer, inputs in (("0", X), ("2.0", hidden)):
        weight = network.get_submodule(layer).weight.detach()
        seen = seen_edges(network, layer, selector, X)
        for unit, w in enumerate(weight):
            found = selector.kernel(seen(unit)).matrix
            np.testing.assert_allclose(found, direct(inputs * w, selector), rtol=0, atol=ROUNDING)


def test_an_edge_kernel_without_the_weights_would_be_found():
    """Power: the test above rejects kernels of the inputs alone."""
    seen = seen_edges(perceptron(), "0", DPP(), X)
    assert np.abs(DPP().kernel(seen(0)).matrix - direct(X, DPP())).max() > 1e5 * ROUNDING


@pytest.mark.parametrize("selector", KERNELS, ids=repr)
def test_node_kernels_equal_those_of_activations_and_not_of_what_goes_into_them(selector):
    network = perceptron()
    pre = network[0](X).detach()
    for layer, values in (("0", network[1](pre).detach()), ("2.0", network[2][:2](network[1](pre)).detach())):
        found = selector.kernel(seen_nodes(network, layer, selector, X, None)).matrix
        np.testing.assert_allclose(found, direct(values, selector), rtol=0, atol=ROUNDING)
    found = selector.kernel(seen_nodes(network, "0", selector, X, None)).matrix
    for wrong in (pre, network[1][0](pre).detach()):  # without the activation, with the BatchNorm alone
        assert np.abs(found - direct(wrong, selector)).max() > 1e5 * ROUNDING


@pytest.mark.parametrize("padding, mode", [(1, "zeros"), (2, "circular"), ("same", "reflect"), (0, "zeros")])
def test_edge_kernels_of_convolutions_are_those_of_patches(padding, mode):
    """Patches cut out one by one, from the picture that PyTorch pads for the layer."""
    layer = nn.Conv2d(2, 3, (3, 2), padding=padding, padding_mode=mode, dilation=(1, 2))
    network = filled(nn.Sequential(layer, nn.ReLU()))
    images = drawn(4, 2, 6, 7)
    if padding == "same":
        padded = nn.functional.pad(images, (1, 1, 1, 1), mode=mode)
    else:
        padded = nn.functional.pad(images, [padding] * 4, mode="constant" if mode == "zeros" else mode)
    patches = [
        image[:, y : y + 3, x : x + 3 : 2].flatten()
        for image in padded
        for y in range(padded.shape[2] - 2)
        for x in range(padded.shape[3] - 2)
    ]
    seen = seen_edges(network, "0", DPP(), images)
    for unit, w in enumerate(layer.weight.detach().flatten(1)):
        # 10 / samples: samples are positions
        assert seen(unit).samples == len(patches)
        found = DPP().kernel(seen(unit)).matrix
        np.testing.assert_allclose(found, direct(torch.stack(patches) * w, DPP()), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("normalisation", [None, "before", "after"])
def test_channels_are_judged_by_what_the_next_layer_sees_at_every_position(normalisation):
    network = filled(CNN((2, 9, 9), (6, 5), 3, normalisation=normalisation))
    images = drawn(30, 2, 9, 9)
    for number, values in enumerate(network.layers(images).post, start=1):
        found = DPP().kernel(seen_nodes(network, f"conv{number}", DPP(), images, None)).matrix
        np.testing.assert_allclose(found, direct(values[0].detach(), DPP()), rtol=0, atol=ROUNDING)


def test_rows_of_several_vectors_are_samples_too():
    network = filled(nn.Sequential(nn.Linear(6, 4), nn.Sigmoid(), nn.Linear(4, 2)))
    items = seen_nodes(network, "0", DPP(), X.view(60, 5, 6), None)
    assert items.samples == 300
    np.testing.assert_allclose(items.products, seen_nodes(network, "0", DPP(), X, None).products, rtol=1e-13)


def twins():
    """Nodes 0, 1, 2 of the first layer, each twice, the second time as 3, 4, 5; its inputs likewise."""
    network = filled(nn.Sequential(nn.Linear(6, 6), nn.Sigmoid(), nn.Linear(6, 2)))
    with torch.no_grad():
        network[0].weight[:, 3:] = network[0].weight[:, :3]
        for values in (network[0].weight, network[0].bias):
            values[3:] = values[:3]
    return network


@pytest.mark.parametrize("similarity", ["gaussian", "linear"])
@pytest.mark.parametrize("choose", [select_nodes, select_edges])
def test_of_twins_a_dpp_keeps_one_where_random_keeps_both(choose, similarity):
    network, doubled = twins(), torch.cat([X[:, :3], X[:, :3]], 1)

    def both(selector):
        """The share of choices, of three of six, with both of some pair."""
        masks = torch.stack([kept.mask for kept in choose(network, "0", 3, selector, doubled, draws=200)])
        rows = masks.flatten(0, -2).float() if choose is select_edges else masks.float()
        return float(((rows[:, :3] + rows[:, 3:]) == 2).any(1).float().mean())

    assert both(DPP(similarity=similarity, jitter=1e-9)) == 0.0
    # Uniform: 20 subsets of three, of which 2^3 = 8 have one of each pair.
    assert abs(both(Random()) - 12 / 20) < 0.15
    assert both(GreedyMAP(similarity=similarity, jitter=1e-9)) == 0.0


def accepted(masks, L):
    """The p-value of drawn masks (draws, items) under the k-DPP of a kernel, all subsets enumerated."""
    subsets, probabilities = law(L, int(masks[0].sum()))
    rows = np.nonzero(masks)[1].reshape(len(masks), -1)
    return chi_square(count_rows(rows, subsets), probabilities)


@pytest.mark.parametrize("similarity", ["gaussian", "linear"])
def test_drawn_nodes_have_the_law_of_their_activations(similarity):
    """Counts of all 84 subsets, at a level of 1e-3; the law of pre-activations is rejected."""
    network, selector = perceptron(), DPP(similarity=similarity)
    found = select_nodes(network, "0", 3, selector, X, seed=1, draws=20_000)
    masks = np.stack([kept.mask.numpy() for kept in found])
    pre = network[0](X).detach()
    assert accepted(masks, direct(network[1](pre).detach(), selector)) > 1e-3
    assert accepted(masks, direct(pre, selector)) < 1e-9


def test_drawn_edges_have_the_law_of_their_weighted_inputs():
    """Of the unit whose weights differ most, at a level of 1e-3; the law without weights is rejected."""
    network, selector = perceptron(), DPP()
    weight = network[0].weight.detach()
    unit = int(weight.abs().std(1).argmax())
    found = select_edges(network, "0", 3, selector, X, seed=2, draws=20_000)
    masks = np.stack([kept.mask[unit].numpy() for kept in found])
    assert accepted(masks, direct(X * weight[unit], selector)) > 1e-3
    assert accepted(masks, direct(X, selector)) < 1e-9


def test_greedy_choices_are_greedy_choices_of_the_kernel():
    network = perceptron()
    L = direct(network[1](network[0](X)).detach(), GreedyMAP())
    order = greedy_map(Kernel(L), 9)
    for k in range(1, 10):
        mask = select_nodes(network, "0", k, GreedyMAP(), X).mask
        assert set(mask.nonzero()[:, 0].tolist()) == set(order[:k].tolist())

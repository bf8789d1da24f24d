"""One sentence for every slip: what was passed, which bound it broke, why, and what works."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import MLP, Ensemble  # noqa: E402
from practicum.pruning import (  # noqa: E402
    DPP,
    GreedyMAP,
    Importance,
    Kept,
    Magnitude,
    Random,
    masked,
    select_edges,
    select_nodes,
)
from pruning.to_prune import drawn, filled, perceptron  # noqa: E402

X = drawn(300, 6)


def refused(sentence, choose=select_nodes, network=None, layer="0", keep=2, selector=None, inputs=None, **options):
    network = perceptron() if network is None else network
    with pytest.raises(ParameterError, match=sentence) as error:
        choose(network, layer, keep, Random() if selector is None else selector, inputs, **options)
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 500


@pytest.mark.parametrize(
    "keep, sentence",
    [
        (0, r"whole number from 1 to 9, or a fraction, .* decimal point > 0 and <= 1, of the 9 nodes.*Got 0"),
        (10, r"a count, a whole number from 1 to 9.*Got 10 instead"),
        (-1, r"Got -1 instead"),
        (0.0, r"Got 0.0 instead"),
        (1.5, r"Got 1.5 instead"),
        (2.0, r"Got 2.0 instead; as a count it is 2"),
        (0.05, r"Got 0.05, which keeps none of them; 1 keeps one"),
        (float("nan"), r"Got nan instead"),
        (True, r"Got True instead"),
        ("3", r"Got '3' instead"),
        (None, r"Got None instead"),
        ([0.5, 12], r"Got 12 instead"),
        ([], r"at least one count or fraction. Got none"),
        (np.array([]), r"at least one count or fraction. Got none"),
    ],
)
def test_keep_out_of_range(keep, sentence):
    refused(sentence, keep=keep)


def test_keep_of_edges_is_of_each_unit():
    refused("from 1 to 6, .* of the 6 edges into a unit of '0'. Got 7 instead", choose=select_edges, keep=7)


@pytest.mark.parametrize("choose", [select_nodes, select_edges])
def test_layers_that_are_not_there_or_not_layers(choose):
    named = nn.Sequential()
    named.add_module("hidden", nn.Linear(6, 9))
    named.add_module("act", nn.ReLU())
    named.add_module("output", nn.Linear(9, 2))
    refused(r"has no layer 'hiden'; .* 'hidden', 'output'. Did you mean 'hidden'\?", choose, named, "hiden")
    refused(r"'act' must be a Linear or a Conv1d, Conv2d or Conv3d.*Got ReLU instead.*'hidden'", choose, named, "act")
    refused("has no layer 'a'; those that can be pruned are none", choose, nn.Sequential(nn.ReLU()), "a")
    transposed = nn.Sequential(nn.ConvTranspose2d(2, 3, 3), nn.ReLU())
    refused("Got ConvTranspose2d instead; those that can be pruned are none", choose, transposed)
    refused("has no layer 3;", choose, layer=3)


@pytest.mark.parametrize("choose", [select_nodes, select_edges])
def test_layers_in_two_places(choose):
    layer = nn.Linear(6, 6)
    refused("'0' must stand in one place.*'2' shares; copy.deepcopy", choose, nn.Sequential(layer, nn.ReLU(), layer))
    tied = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    tied[2].weight = tied[0].weight
    refused("'2' must stand in one place.*'0' shares", choose, tied, "2")


def test_networks_with_a_seed_axis_and_what_is_no_network():
    mlp = MLP([drawn(3, 4, 6), drawn(3, 2, 4)], [None, None])
    refused(r"Got an MLP of 3 seed\(s\); practicum.pruning.as_module\(network, 0\)", network=mlp)
    refused(r"Got an Ensemble of 1; network.networks\[0\]", network=Ensemble([perceptron()], shape=(6,)))
    refused("Pruning takes an nn.Module. Got dict", network={})


@pytest.mark.parametrize("selector", [DPP(), GreedyMAP()], ids=repr)
def test_no_inputs_where_they_are_needed(selector):
    name = type(selector).__name__
    refused(f"{name} needs the 'inputs' of the network, because it compares activations. Got none", selector=selector)
    refused(f"{name} needs the 'inputs' .* weighted inputs", choose=select_edges, selector=selector)


@pytest.mark.parametrize("choose", [select_nodes, select_edges])
def test_inputs_that_do_not_fit(choose):
    options = {"choose": choose, "selector": DPP()}
    refused(r"must be what Sequential takes. Got examples of shape \(5,\)", inputs=drawn(30, 5), **options)
    refused("at least one sample", inputs=drawn(0, 6), **options)
    refused("Got 'x.npy'", inputs="x.npy", **options)


def test_numbers_that_are_not_finite():
    bad = X.clone()
    bad[7, 2] = float("nan")
    refused("kernel of the nodes of '0' must be finite. Got NaN or infinity", selector=DPP(), inputs=bad)
    refused("must be finite. Got numbers that are not", choose=select_edges, selector=DPP(), inputs=bad)
    network = perceptron()
    network[0].weight.data[1, 1] = float("inf")
    for choose in (select_nodes, select_edges):
        refused("weights of layer '0' hold a number that is not finite", choose, network, selector=Magnitude())
    overflowing = filled(nn.Sequential(nn.Linear(6, 4), nn.Identity(), nn.Linear(4, 1)))
    overflowing[0].weight.data *= 1e200
    refused("kernel of the nodes of '0' must be finite", network=overflowing, selector=DPP(), inputs=X)


def test_more_than_the_rank_without_a_jitter():
    network = filled(nn.Sequential(nn.Linear(6, 9), nn.Identity(), nn.Linear(9, 2)))
    network[0].bias.data.zero_()
    options = {"network": network, "keep": 8, "inputs": X}
    linear = DPP(similarity="linear", jitter=0)
    refused(
        "DPP can keep at most 6 of the 9 nodes of '0', the numerical rank.*Got 8 instead.*jitter",
        selector=linear,
        **options,
    )
    greedy = GreedyMAP(similarity="linear", jitter=0)
    refused("must be <= 6, the numerical rank of this kernel.*jitter", selector=greedy, **options)
    assert select_nodes(network, "0", 8, DPP(similarity="linear"), X).count == 8


def test_edges_whose_signals_are_not_known():
    grouped = filled(nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.ReLU()))
    deep = filled(nn.Sequential(nn.Conv3d(2, 3, 2), nn.ReLU()))
    for network, inputs in ((grouped, drawn(5, 4, 6, 6)), (deep, drawn(5, 2, 4, 4, 4))):
        refused(
            r"Conv1d and Conv2d without groups. Got Conv\dd.*Magnitude\(\)",
            select_edges,
            network,
            selector=DPP(),
            inputs=inputs,
        )


def test_other_slips():
    refused("'selector' parameter must be a selector.* Got .*Random.* instead; Random\\(\\) makes one", selector=Random)
    refused("'selector' parameter must be a selector.* Got 'dpp' instead", selector="dpp")
    refused("'seed' parameter must be a whole number >= 0. Got -1", seed=-1)
    refused("'draws' parameter must be a whole number >= 1. Got 0", draws=0)
    refused("'workers' parameter must be a whole number >= 1. Got 0", choose=select_edges, workers=0)
    refused("must name a module of Sequential. Got 'soft'", selector=DPP(), inputs=X, activation="soft")
    refused(
        "must have one output a node of layer '0', 9 in all. Got .*\\(300, 5\\)",
        selector=DPP(),
        inputs=X,
        activation="2",
    )
    refused("Importance chooses nodes", choose=select_edges, selector=Importance())


@pytest.mark.parametrize(
    "kept, sentence",
    [
        ("0", "'kept' parameter must be a Kept"),
        (Kept("0", "nodes", torch.ones(8, dtype=torch.bool)), r"mask of nodes of '0' must be .* shape \(9,\)"),
        (Kept("0", "edges", torch.ones(9, 6)), "must be a tensor of torch.bool"),
        (Kept("4", "nodes", torch.ones(9, dtype=torch.bool)), "has no layer '4'"),
    ],
)
def test_masks_that_do_not_fit(kept, sentence):
    network = perceptron()
    with pytest.raises(ParameterError, match=sentence):
        masked(network, kept)

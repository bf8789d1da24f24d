"""Ranks for Torch-Pruning: groups of residual networks by what their readers see, lowest first, in real removals."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tp = pytest.importorskip(
        "torch_pruning", reason="Torch-Pruning is not installed: pip install torch-pruning, which wants torch"
    )

from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import CNN  # noqa: E402
from practicum.pruning import DPP, GreedyMAP, GreedyMAPImportance, Kernel, greedy_map, select_nodes  # noqa: E402
from pruning.test_removal_residual import Residual  # noqa: E402
from pruning.test_select_kernels import direct  # noqa: E402
from pruning.to_prune import check_same, drawn, filled, perceptron, snapshot  # noqa: E402

X = drawn(40, 3, 8, 8)


def group_of(network, layer, inputs, channels=None):
    graph = tp.DependencyGraph()
    module = network.get_submodule(layer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph.build_dependency(network.requires_grad_(True), example_inputs=inputs[:2])
    outputs = graph.get_pruner_of_module(module).prune_out_channels
    return graph.get_pruning_group(module, outputs, list(range(len(module.weight))) if channels is None else channels)


def seen(network, readers, inputs):
    """What modules see, (samples, channels), one after the other; above a Flatten each of 16 positions is a sample."""
    rows = []

    def hook(_module, given):
        x = given[0].detach()
        x = x.unflatten(1, (-1, 16)) if x.ndim == 2 else x
        rows.append(x.movedim(1, -1).reshape(-1, x.shape[1]))

    handles = [network.get_submodule(name).register_forward_pre_hook(hook) for name in readers]
    network(inputs)
    for handle in handles:
        handle.remove()
    return torch.cat(rows)


def ranks(L):
    """The first that greedy search takes scores 1, the last 1/n."""
    scores = np.empty(len(L))
    scores[greedy_map(Kernel(L), len(L))] = np.arange(len(L), 0, -1) / len(L)
    return scores


@pytest.mark.parametrize(
    "layer, readers",
    [
        ("block1.conv1", ["block1.conv2"]),
        ("stem", ["block1.conv1", "block2.conv1", "block2.shortcut"]),
        ("block1.conv2", ["block1.conv1", "block2.conv1", "block2.shortcut"]),
        ("block2.conv2", ["head"]),
        ("block2.shortcut", ["head"]),
    ],
)
def test_scores_are_ranks_of_what_readers_see(layer, readers):
    network = filled(Residual())
    group = group_of(network, layer, X)
    before = snapshot(network)
    scores = GreedyMAPImportance(network, X)(group)
    check_same(before, snapshot(network))
    channels = [int(channel) for channel in group[0].idxs]
    L = direct(seen(network, readers, X)[:, channels], GreedyMAP())
    np.testing.assert_allclose(scores.numpy(), ranks(L), rtol=1e-6)


def test_ranks_of_what_layers_give_would_be_found():
    """Power: the test above rejects kernels of what goes into the ReLU."""
    network = filled(Residual())
    scores = GreedyMAPImportance(network, X)(group_of(network, "block1.conv1", X))
    given = network.block1.conv1(network.stem(X)).detach().movedim(1, -1).reshape(-1, 6)
    assert not np.allclose(scores.numpy(), ranks(direct(given, GreedyMAP())))


def test_a_group_of_some_channels_is_scored_alone():
    network = filled(Residual())
    scores = GreedyMAPImportance(network, X)(group_of(network, "block2.conv2", X, [6, 1, 3]))
    L = direct(seen(network, ["head"], X)[:, [6, 1, 3]], GreedyMAP())
    np.testing.assert_allclose(scores.numpy(), ranks(L), rtol=1e-6)


def test_in_a_chain_what_stays_is_what_select_nodes_keeps():
    network, images = filled(CNN((2, 9, 9), (6, 5), 3)), drawn(40, 2, 9, 9)
    wanted = [select_nodes(network, layer, 3, GreedyMAP(), images).mask for layer in ("conv1", "conv2")]
    before = [network.get_submodule(layer).weight.detach().clone() for layer in ("conv1", "conv2")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pruner = tp.pruner.BasePruner(
            network,
            images[:2],
            importance=GreedyMAPImportance(network, images),
            pruning_ratio_dict={network.conv1: 0.5, network.conv2: 0.4},
            ignored_layers=[network.output],
        )
        pruner.step()
    assert torch.equal(network.conv1.weight, before[0][wanted[0]])
    # Torch-Pruning scores all groups before it removes from any.
    assert torch.equal(network.conv2.weight, before[1][wanted[1]][:, wanted[0]])


def test_a_residual_network_is_pruned_in_several_steps_and_still_answers():
    network = filled(Residual())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pruner = tp.pruner.BasePruner(
            network,
            X[:2],
            importance=GreedyMAPImportance(network, list(X.split(16))),
            pruning_ratio=0.5,
            iterative_steps=2,
            ignored_layers=[network.head],
        )
        widths = []
        for _ in range(2):
            pruner.step()
            widths.append((len(network.stem.weight), len(network.block2.conv2.weight)))
    assert widths[1] == (3, 4)
    assert widths[0][0] > 3
    assert network(X).shape == (40, 4)
    assert torch.isfinite(network(X)).all()


def test_a_group_that_nobody_reads_has_no_score():
    network = filled(Residual())
    assert GreedyMAPImportance(network, X)(group_of(network, "head", X)) is None


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (({}, X), "Pruning takes an nn.Module. Got dict"),
        ((perceptron(), (x for x in X)), r"gone through once a group. Got a generator.*list\(inputs\)"),
        ((perceptron(), X, DPP()), r"GreedyMAPImportance ranks by a GreedyMAP. Got DPP\(\) instead"),
    ],
)
def test_slips_get_a_sentence(arguments, sentence):
    with pytest.raises(ParameterError, match=sentence):
        GreedyMAPImportance(*arguments)


def test_bad_inputs_get_a_sentence():
    network = filled(Residual())
    group = group_of(network, "stem", X)
    with pytest.raises(ParameterError, match="must be what Residual takes"):
        GreedyMAPImportance(network, drawn(4, 2, 8, 8))(group)
    bad = X.clone()
    bad[0, 0, 0, 0] = float("nan")
    with pytest.raises(ParameterError, match="must be finite"):
        GreedyMAPImportance(network, bad)(group)
    assert isinstance(network.stem, nn.Conv2d)

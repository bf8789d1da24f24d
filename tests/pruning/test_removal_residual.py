"""Residual networks: within a block as anywhere; nodes that are added to others, by Torch-Pruning, everywhere."""

import sys

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.pruning import compact, reweight  # noqa: E402
from pruning.residual import INSIDE, STREAM, Residual  # noqa: E402
from pruning.test_removal import check, each  # noqa: E402
from pruning.to_prune import check_same, drawn, filled, nodes, snapshot  # noqa: E402

X = drawn(40, 3, 8, 8)


def test_within_a_block_nothing_else_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    network = filled(Residual())
    check(compact(network, INSIDE), network, {"block1.conv2": each}, INSIDE, X)
    wanted, found = network.block1.conv2(inside(network)), reweight(network, INSIDE, X)
    lost = (found.block1.conv2(inside(found)) - wanted).square().mean()
    assert lost < 0.9 * (network.block1.conv2(inside(network) * INSIDE.mask[:, None, None]) - wanted).square().mean()


def inside(network):
    block = network.block1
    return torch.relu(block.bn1(block.conv1(network.stem(X))))


@pytest.mark.parametrize("name", STREAM)
def test_nodes_that_are_added_to_others_go_everywhere(name):
    pytest.importorskip("torch_pruning", reason="Torch-Pruning, an optional package, is not installed")
    network = filled(Residual())
    kept, columns = STREAM[name]
    found = compact(network, kept, inputs=X[:2])
    check(found, network, columns, kept, X)
    assert sum(p.numel() for p in found.parameters()) < sum(p.numel() for p in network.parameters())
    assert found.get_submodule(name).out_channels == kept.count
    again = compact(found, INSIDE)  # and what is left can be pruned on
    assert again.block1.conv1.out_channels == 3


def test_the_original_is_as_it_was():
    pytest.importorskip("torch_pruning", reason="Torch-Pruning, an optional package, is not installed")
    network = filled(Residual()).train()
    network.block2.eval()
    network.block1.requires_grad_(False)
    network(X).sum().backward()
    calls = []
    network.stem.register_forward_hook(lambda *_: calls.append(1))
    before, random = snapshot(network), torch.get_rng_state()
    found = compact(network, STREAM["stem"][0], inputs=X)
    check_same(before, snapshot(network))
    assert not calls
    assert torch.equal(random, torch.get_rng_state())
    assert [part.training for part in found.modules()] == before[3]
    assert {name: p.requires_grad for name, p in found.named_parameters()} == before[2]
    assert all(p.grad is None for p in found.parameters())
    for name in ("running_mean", "running_var"):
        assert torch.equal(getattr(found.block1.bn1, name), getattr(network.block1.bn1, name)), name


def test_without_a_batch_or_without_the_package_it_says_so(monkeypatch):
    network, kept = filled(Residual()), STREAM["stem"][0]
    begin = r"^The nodes of 'stem' are combined with other values by 'add' before a layer hears them\. Torch-Pruning "
    with pytest.raises(ParameterError, match=begin + r"may follow them: install it \(pip install torch-pruning\), and"):
        compact(network, kept)
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(ParameterError, match=begin + r"may follow them, and it is not installed; run pip install"):
        compact(network, kept, inputs=X)
    with pytest.raises(ParameterError, match="are combined with other values by 'add'"):
        reweight(network, kept, X)


def test_a_norm_over_all_nodes_is_noticed():
    """Torch-Pruning makes it smaller, and what is left then has another mean: no network without these nodes."""
    pytest.importorskip("torch_pruning", reason="Torch-Pruning, an optional package, is not installed")
    network = filled(Residual(lambda: nn.GroupNorm(1, 6)))
    with pytest.raises(ParameterError, match="does not answer like the one in which nobody hears them"):
        compact(network, STREAM["stem"][0], inputs=X)


def test_where_all_nodes_stay_nothing_changes():
    pytest.importorskip("torch_pruning", reason="Torch-Pruning, an optional package, is not installed")
    network = filled(Residual())
    assert torch.equal(compact(network, nodes("stem", *range(6), of=6), inputs=X)(X), network(X))


def test_a_batch_that_does_not_fit_is_one_sentence():
    pytest.importorskip("torch_pruning", reason="Torch-Pruning, an optional package, is not installed")
    network = filled(Residual())
    with pytest.raises(ParameterError, match="Torch-Pruning cannot follow them either") as caught:
        compact(network, STREAM["stem"][0], inputs=X[:, :2])
    assert "\n" not in str(caught.value)

"""Smaller networks answer as those in which nobody hears the removed nodes, and keep everything else."""

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from practicum.networks import CNN, MLP  # noqa: E402
from practicum.pruning import compact, reweight  # noqa: E402
from practicum.pruning.masks import masked  # noqa: E402
from practicum.pruning.sequential import as_module  # noqa: E402
from pruning.to_prune import check_same, drawn, filled, nodes, perceptron, snapshot  # noqa: E402

X = drawn(200, 6)
FIRST, SECOND = nodes("0", 0, 2, 3, 7, of=9), nodes("2.0", 1, 4, of=5)
ACTIVATIONS = [nn.ReLU, nn.Sigmoid, nn.Tanh, nn.LeakyReLU, nn.Softplus, nn.Identity, lambda: nn.PReLU(9)]


def unheard(network, columns, mask):
    """The network whose layers do not hear the removed nodes: `columns` says which are those of a mask of nodes."""
    network = deepcopy(network)
    for name, places in columns.items():
        network.get_submodule(name).weight.data[:, places(~mask)] = 0
    return network


def each(mask):
    return mask


def check(found, network, columns, kept, x, tolerance=1e-13):
    """Equal to the masked one up to roundings, which is far from the whole one and from one with other nodes."""
    wanted = unheard(network, columns, kept.mask)(x)
    scale = float(wanted.detach().abs().max())
    torch.testing.assert_close(found(x), wanted, rtol=0, atol=tolerance * scale)
    for wrong in (network, unheard(network, columns, kept.mask.roll(1))):
        assert float((wrong(x) - found(x)).detach().abs().max()) > 1e-3 * scale


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_perceptrons_of_the_users_own(activation):
    network = filled(
        nn.Sequential(nn.Linear(6, 9), nn.Sequential(nn.BatchNorm1d(9), activation()), nn.Dropout(), nn.Linear(9, 3))
    )
    kept = FIRST
    found = compact(network, kept)
    check(found, network, {"3": each}, kept, X)
    assert (found[0].out_features, found[1][0].num_features, found[3].in_features) == (4, 4, 4)
    assert found[0].weight.shape == (4, 6)
    assert torch.equal(found[0].weight, network[0].weight[kept.mask])
    assert torch.equal(found[0].bias, network[0].bias[kept.mask])
    for name in ("weight", "bias", "running_mean", "running_var"):
        assert torch.equal(getattr(found[1][0], name), getattr(network[1][0], name)[kept.mask]), name
    assert found[1][0].num_batches_tracked == 7
    assert torch.equal(found[3].weight, network[3].weight[:, kept.mask])
    assert torch.equal(found[3].bias, network[3].bias)


def test_batchnorm_goes_on_learning_as_if_the_nodes_had_never_been_there():
    network, kept = perceptron(nn.ReLU), FIRST
    found, whole = compact(network, kept).train(), unheard(network, {"2.0": each}, kept.mask).train()
    found[2][2].p = whole[2][2].p = 0.0
    torch.testing.assert_close(found(X), whole(X), rtol=0, atol=1e-13)
    assert torch.equal(found[1][0].running_var, whole[1][0].running_var[kept.mask])
    assert found[1][0].num_batches_tracked == 8


@pytest.mark.parametrize("affine", [True, False])
def test_norms_of_pictures(affine):
    norm = nn.InstanceNorm2d(6, affine=affine, track_running_stats=affine)
    network = filled(nn.Sequential(nn.Conv2d(2, 6, 3), norm, nn.Tanh(), nn.Conv2d(6, 2, 2)))
    kept = nodes("0", 0, 2, 3, of=6)
    found = compact(network, kept)
    check(found, network, {"3": each}, kept, drawn(20, 2, 9, 9))
    assert found[1].num_features == 3


def test_layers_one_after_the_other():
    network = perceptron()
    found = compact(compact(network, FIRST), SECOND)
    wanted = unheard(unheard(network, {"2.0": each}, FIRST.mask), {"3": each}, SECOND.mask)
    torch.testing.assert_close(found(X), wanted(X), rtol=0, atol=1e-13)
    assert [tuple(p.shape) for p in found.parameters()] == [(4, 6), (4,), (4,), (4,), (2, 4), (2,), (3, 2), (3,)]
    again = compact(compact(network, SECOND), FIRST)
    assert torch.equal(found(X), again(X))


@pytest.mark.parametrize("normalisation", [None, "before", "after"])
@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3"])
def test_our_cnn(normalisation, layer):
    network = filled(CNN((2, 9, 9), (5, 6, 4), 3, strides=(1, 2, 2), normalisation=normalisation))
    size = len(network.get_submodule(layer).weight)
    kept, x = nodes(layer, 0, 3, of=size), drawn(30, 2, 9, 9)
    above = {"conv1": ("conv2", each), "conv2": ("conv3", each), "conv3": ("output", nine)}[layer]
    found = compact(network, kept)
    check(found, network, dict([above]), kept, x)
    assert found.channels == tuple(2 if f"conv{n}" == layer else c for n, c in enumerate((5, 6, 4), 1))
    assert found.sizes[1:-1] == found.channels
    assert found.layers(x).outputs.shape == (1, 30, 3)


def nine(mask):
    """Each channel has 3 x 3 positions below the Flatten, side by side."""
    return torch.from_numpy(np.kron(mask.numpy(), np.ones(9)) > 0)


class Forward(nn.Module):
    """A forward of the user's own: functions, reshapes, two heads, an activation that PyTorch does not have."""

    def __init__(self, way):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6)
        self.left, self.right, self.way = nn.Linear(6 * 9, 2), nn.Conv2d(6, 2, 3, padding=1), way

    def forward(self, x):
        x = torch.exp(-(self.norm(self.first(x)) ** 2)) + 0.5  # 0 becomes 1.5
        x = nn.functional.max_pool2d(x, 2)
        flat = {
            "view": lambda: x.view(x.size(0), -1), "shape": lambda: x.reshape(x.shape[0], -1),
            "size": lambda: x.view(x.size()[0], -1), "flatten": lambda: torch.flatten(x, 1),
        }[self.way]()  # fmt: skip
        return self.left(flat) + self.right(x).mean((2, 3))


@pytest.mark.parametrize("way", ["view", "shape", "size", "flatten"])
def test_a_forward_with_functions_reshapes_and_two_heads(way):
    network, kept, x = filled(Forward(way)), nodes("first", 1, 2, 5, of=6), drawn(30, 1, 8, 8)
    check(compact(network, kept), network, {"left": nine, "right": each}, kept, x)


def test_rows_of_vectors_are_flattened_vector_by_vector():
    network = filled(nn.Sequential(nn.Linear(6, 9), nn.Sigmoid(), nn.Flatten(), nn.Linear(36, 2)))
    check(compact(network, FIRST), network, {"3": lambda mask: mask.repeat(4)}, FIRST, drawn(20, 4, 6))


def test_one_network_of_an_mlp():
    weights = [drawn(2, 9, 6), drawn(2, 3, 9)]
    network = as_module(MLP(weights, [drawn(2, 9), drawn(2, 3)], activation="erf", normalisation="after").eval(), 1)
    check(compact(network, FIRST), network, {"3": each}, FIRST, X)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Sigmoid])
def test_masked_and_reweighted_networks_become_smaller_too(activation):
    network = perceptron(activation)
    for smaller in (masked(network, FIRST), reweight(network, FIRST, X)):
        found = compact(smaller, FIRST)
        torch.testing.assert_close(found(X), smaller(X), rtol=0, atol=1e-12)
        assert not any(part._forward_hooks for part in found.modules())
    # A mask of another layer stays where it is.
    both = compact(masked(network, SECOND), FIRST)
    torch.testing.assert_close(both(X), masked(compact(network, FIRST), SECOND)(X), rtol=0, atol=1e-13)


def test_masks_of_torch_become_zeros():
    network = perceptron(nn.ReLU)
    prune.random_unstructured(network[2][0], "weight", amount=0.5)
    found = compact(network, FIRST)
    plain = perceptron(nn.ReLU)
    plain[2][0].weight.data.mul_(network[2][0].weight_mask)
    assert torch.equal(found(X), compact(plain, FIRST)(X))
    assert prune.is_pruned(network)
    assert not prune.is_pruned(found)


def test_everything_kept_is_the_same_network():
    network = perceptron()
    assert torch.equal(compact(network, nodes("0", *range(9), of=9))(X), network(X))


def test_the_original_is_as_it_was():
    network = perceptron().train()
    network[2].eval()
    network[3].bias.requires_grad_(False)
    network(X).sum().backward()
    calls = []
    network[1].register_forward_hook(lambda *_: calls.append(1))
    before, random = snapshot(network), torch.get_rng_state()
    found = compact(network, FIRST)
    check_same(before, snapshot(network))
    assert not calls
    assert torch.equal(random, torch.get_rng_state())
    assert [part.training for part in found.modules()] == before[3]
    assert {name: p.requires_grad for name, p in found.named_parameters()} == before[2]
    assert all(p.grad is None for p in found.parameters())
    assert not any(part._forward_hooks for part in found.modules())
    assert not {p.data_ptr() for p in network.state_dict().values()} & {
        p.data_ptr() for p in found.state_dict().values()
    }
    found(X).sum().backward()  # it can learn on

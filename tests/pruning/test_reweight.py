"""Reweighting against least squares on all activations at once, by NumPy; and no other weights do better."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from practicum.pruning import Reweighting, compact, reweight  # noqa: E402
from practicum.pruning.kept import Kept  # noqa: E402
from practicum.pruning.masks import masked  # noqa: E402
from pruning.to_prune import check_same, drawn, edges, filled, nodes, perceptron, snapshot  # noqa: E402

X = drawn(400, 6, seed=3)
NODES = nodes("0", 0, 2, 3, 7, of=9)
EDGES = edges("2.0", 5, 9)


def numbers(value):
    return value.detach().numpy()


def fitted(seen, stays, wanted, intercept=True, ridge=0.0):
    """What least squares on all samples at once, in an orthogonal factorization, makes of `wanted` (P, n)."""
    seen = np.where(stays, seen, 0.0)
    weights = np.zeros((seen.shape[1], wanted.shape[1]))
    middle = seen.mean(0) if intercept else np.zeros(seen.shape[1])
    centre = wanted.mean(0) if intercept else np.zeros(wanted.shape[1])
    rows = np.vstack([seen[:, stays] - middle[stays], ridge**0.5 * np.eye(stays.sum())])
    aims = np.vstack([wanted - centre, np.zeros((stays.sum(), wanted.shape[1]))])
    weights[stays] = np.linalg.lstsq(rows, aims, rcond=1e-12)[0]
    return (seen - middle) @ weights + centre


def check_nodes(found, network, x=X, kept=NODES):
    """The next layer receives what is nearest to what it received."""
    seen, wanted, got = numbers(network[:2](x)), numbers(network[2][0](network[:2](x))), found[2][0](found[:2](x))
    np.testing.assert_allclose(numbers(got), fitted(seen, numbers(kept.mask), wanted), rtol=0, atol=1e-8)


def check_edges(found, network, x=X, kept=EDGES):
    """Each unit receives what is nearest to what it received."""
    seen, got = numbers(network[:2](x)), numbers(found[2][0](found[:2](x)))
    wanted = numbers(network[2][0](network[:2](x)))
    for unit, mask in enumerate(numbers(kept.mask)):
        best = fitted(seen, mask, wanted[:, [unit]])
        np.testing.assert_allclose(got[:, [unit]], best, rtol=0, atol=1e-8, err_msg=str(unit))
    assert (found[2][0].weight[~kept.mask] == 0).all()


CHECKS = {"nodes": (check_nodes, NODES), "edges": (check_edges, EDGES)}


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Sigmoid, nn.LeakyReLU])
def test_it_is_least_squares(kind, activation):
    network = perceptron(activation)
    check, kept = CHECKS[kind]
    check(reweight(network, kept, X, ridge=0), network)


@pytest.mark.parametrize("kind", CHECKS)
def test_the_ridge_that_is_the_default_changes_nothing_that_matters(kind):
    """It moves what is received by less than 1e-6, and the mean square that is lost by the square of that."""
    network, (_, kept) = perceptron(), CHECKS[kind]
    found, best = reweight(network, kept, X), reweight(network, kept, X, ridge=0)
    torch.testing.assert_close(found(X), best(X), rtol=0, atol=1e-6)
    wanted = network[2][0](network[:2](X))
    lost, least = ((n[2][0](n[:2](X)) - wanted).square().mean().item() for n in (found, best))
    assert least * (1 - 1e-12) <= lost <= least * (1 + 1e-10)


def bias_forgotten(network, kept, x):
    found = reweight(network, kept, x, ridge=0)
    found[2][0].bias.data.copy_(network[2][0].bias)
    return found


def from_masked_weights(network, kept, x):
    """The weights to be folded are 0 already."""
    return reweight(masked(network, kept), kept, x, ridge=0)


def still_active(network, kept, x):
    """Removed nodes go on sending the sigmoid of 0."""
    found = reweight(network, kept, x, ridge=0)
    column = network[2][0].weight.data
    found[2][0].weight.data[:, ~kept.mask] = column[:, ~kept.mask]
    return found


@pytest.mark.parametrize(
    "wrong, kind",
    [(bias_forgotten, "nodes"), (bias_forgotten, "edges"), (from_masked_weights, "nodes"),
     (from_masked_weights, "edges"), (still_active, "nodes")],
)  # fmt: skip
def test_slips_fail_the_check(wrong, kind):
    network = perceptron()
    check, kept = CHECKS[kind]
    with pytest.raises(AssertionError):
        check(wrong(network, kept, X), network)


@pytest.mark.parametrize("kind", CHECKS)
def test_no_other_weights_are_better(kind):
    network, (_, kept) = perceptron(), CHECKS[kind]
    wanted, found = network[2][0](network[:2](X)), reweight(network, kept, X)
    layer, given = found[2][0], found[:2](X)
    least = (layer(given) - wanted).square().sum(0)
    listens = layer.weight.detach() != 0
    for trial in range(20):
        other = perceptron()[2][0]
        other.weight.data.copy_(layer.weight + 0.01 * listens * drawn(5, 9, seed=trial))
        other.bias.data.copy_(layer.bias + 0.01 * drawn(5, seed=trial))
        assert ((other(given) - wanted).square().sum(0) > least).all()


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("ridge", [1e-3, 0.3])
def test_the_ridge_is_relative_to_the_mean_diagonal(kind, ridge):
    """Correction c of the kept weights minimizes |lost - X c|^2 + penalty |c|^2, X centred."""
    network, (_, kept) = perceptron(), CHECKS[kind]
    seen, old = numbers(network[:2](X)), numbers(network[2][0].weight)
    found = reweight(network, kept, X, ridge=ridge)
    penalty = ridge * ((seen - seen.mean(0)) ** 2).sum() / 9
    got = numbers(found[2][0](found[:2](X)))
    for unit, mask in enumerate(np.broadcast_to(numbers(kept.mask), (5, 9))):
        lost = np.where(mask, 0, seen) @ old[unit]
        stays = seen[:, mask] @ old[unit, mask] + numbers(network[2][0].bias)[unit]
        best = stays + fitted(seen, mask, lost[:, None], ridge=penalty)[:, 0]
        np.testing.assert_allclose(got[:, unit], best, atol=1e-10)


@pytest.mark.parametrize("kind", CHECKS)
def test_a_layer_without_bias_gets_no_constant(kind):
    network, (_, kept) = perceptron(), CHECKS[kind]
    network[2][0].register_parameter("bias", None)
    found = reweight(network, kept, X, ridge=0)
    seen, wanted = numbers(network[:2](X)), numbers(network[2][0](network[:2](X)))
    got = numbers(found[2][0](found[:2](X)))
    for unit, mask in enumerate(np.broadcast_to(numbers(kept.mask), (5, 9))):
        best = fitted(seen, mask, wanted[:, [unit]], intercept=False)
        np.testing.assert_allclose(got[:, [unit]], best, atol=1e-8)
    assert found[2][0].bias is None


@pytest.mark.parametrize("kind", CHECKS)
def test_batches_do_not_matter(kind):
    network, (_, kept) = perceptron(), CHECKS[kind]
    x = drawn(3000, 6)  # more than go through at once
    whole = reweight(network, kept, x)
    loader = DataLoader(TensorDataset(x, torch.zeros(3000)), batch_size=77)
    for batches in (x.numpy(), (part for part in x.split(1)), loader):
        found = reweight(network, kept, batches)
        assert torch.equal(found[2][0].weight, whole[2][0].weight)
        assert torch.equal(found[2][0].bias, whole[2][0].bias)
    other = reweight(network, kept, x[:1500])  # half of the data is another fit
    assert not torch.allclose(other[2][0].weight, whole[2][0].weight, rtol=1e-3)


@pytest.mark.parametrize("kind", CHECKS)
def test_many_masks_of_one_layer_need_the_data_once(kind):
    network, (_, kept) = perceptron(), CHECKS[kind]
    many = Reweighting(network, kept.layer, (part for part in X.split(50)), kind=kind)
    for mask in (kept.mask, ~kept.mask):
        other = Kept(kept.layer, kind, mask)
        found, alone = many(other, ridge=1e-3), reweight(network, other, X, ridge=1e-3)
        for name, values in alone.state_dict().items():
            assert torch.equal(values, found.state_dict()[name]), name
    network[2][0].weight.data.zero_()  # what it has seen stays
    assert torch.equal(many(other, ridge=1e-3)(X), alone(X))


def test_a_large_mean_costs_no_digits():
    network, x = perceptron(nn.Identity, norm=False), X + 1e6
    kept = edges("0", 9, 6)
    found = reweight(network, kept, x, ridge=0)
    for unit, mask in enumerate(numbers(kept.mask)):
        best = fitted(numbers(x), mask, numbers(network[0](x))[:, [unit]])
        np.testing.assert_allclose(numbers(found[0](x))[:, [unit]], best, atol=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 1e-10])
def test_copies_share_what_is_lost(ridge):
    """Of three copies one goes: each of the others takes half of its weight, and nothing is lost."""
    network = perceptron(norm=False)
    for values in (network[0].weight, network[0].bias):
        values.data[[4, 8]] = values.data[1].clone()
    kept = nodes("0", 0, 1, 2, 3, 4, 5, 6, 7, of=9)
    found, old = reweight(network, kept, X, ridge=ridge), network[2][0].weight
    torch.testing.assert_close(found(X), network(X), rtol=0, atol=1e-8)
    tolerance = 1e-8 if ridge == 0 else 1e-4  # roundings of the Gram matrix, 1e-16, over the ridge
    for place in (1, 4):
        torch.testing.assert_close(found[2][0].weight[:, place], old[:, place] + old[:, 8] / 2, rtol=0, atol=tolerance)


def test_inputs_that_never_change_and_units_without_edges():
    network, x = perceptron(), X.clone()
    x[:, 2] = 0.7
    kept = edges("0", 9, 6)
    kept.mask[0], kept.mask[1] = False, torch.tensor([False, False, True, False, False, False])
    found = reweight(network, kept, x)
    expected = network[0](x).mean(0)
    torch.testing.assert_close(found[0](x)[:, :2], expected[:2].expand(400, 2), rtol=0, atol=1e-8)


def test_removed_nodes_are_gone_and_can_be_taken_out():
    network = perceptron()
    found = reweight(network, NODES, X)
    gone = ~NODES.mask
    for values in (found[0].weight, found[0].bias, found[1][0].weight, found[1][0].bias, found[2][0].weight.T):
        assert (values[gone] == 0).all()
        assert (values[NODES.mask] != 0).all()
    torch.testing.assert_close(compact(found, NODES)(X), found(X), rtol=0, atol=1e-12)


def test_single_precision():
    network = perceptron().float()
    found = reweight(network, NODES, X)
    assert found[0].weight.dtype == torch.float32
    seen, wanted = (numbers(part(X.float())).astype(float) for part in (network[:2], network[:2] + network[2][:1]))
    best = fitted(seen, numbers(NODES.mask), wanted)
    np.testing.assert_allclose(numbers((found[:2] + found[2][:1])(X.float())), best, atol=1e-5)


@pytest.mark.parametrize(
    "kept, teacher",
    [(NODES, None), (EDGES, None), (nodes("2.0", 1, 2, of=5), lambda x: x[:, :3]), (EDGES, lambda x: x[:, :3])],
)
def test_the_original_is_as_it_was(kept, teacher):
    network = perceptron().train()
    network[1].eval()  # modes may differ
    network[0].weight.requires_grad_(False)
    network(X).sum().backward()
    calls = []
    network[2].register_forward_hook(lambda *_: calls.append(1))
    network[0].register_forward_pre_hook(lambda *_: calls.append(2))
    before, random = snapshot(network), torch.get_rng_state()
    found = reweight(network, kept, X, teacher=teacher)
    check_same(before, snapshot(network))
    assert not calls
    assert torch.equal(random, torch.get_rng_state())
    assert [part.training for part in found.modules()] == before[3]
    assert {name: p.requires_grad for name, p in found.named_parameters()} == before[2]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in found.modules())
    theirs = {p.data_ptr() for p in network.state_dict().values()}
    assert not theirs & {p.data_ptr() for p in found.state_dict().values()}


def test_any_mask_of_torch_is_taken():
    """What torch.nn.utils.prune has masked can be reweighted with the mask that it has."""
    from torch.nn.utils import prune

    network = perceptron()
    prune.custom_from_mask(network[0], "weight", torch.ones(9, 6))
    check_edges(reweight(network, EDGES, X, ridge=0), network)


class Branches(nn.Module):
    """Two layers hear the nodes of the first, one of them below a reshape."""

    def __init__(self):
        super().__init__()
        self.below, self.left, self.right = nn.Linear(6, 9), nn.Linear(9, 3), nn.Linear(9, 3)

    def forward(self, x):
        x = torch.tanh(self.below(x))
        return self.left(x) * self.right(x.view(x.size(0), -1))


def test_all_that_hear_a_node_are_reweighted():
    network = filled(Branches())
    found = reweight(network, Kept("below", "nodes", NODES.mask), X)
    seen = numbers(torch.tanh(network.below(X)))
    for side in ("left", "right"):
        wanted, got = (numbers(n.get_submodule(side)(torch.tanh(n.below(X)))) for n in (network, found))
        np.testing.assert_allclose(got, fitted(seen, numbers(NODES.mask), wanted), atol=1e-8)

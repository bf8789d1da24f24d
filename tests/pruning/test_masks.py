"""Masked networks: what is removed emits nothing, the original stays, and nothing else changes."""

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import CNN  # noqa: E402
from practicum.pruning import GreedyMAP, masked, select_nodes  # noqa: E402
from practicum.pruning.sequential import Erf  # noqa: E402
from pruning.to_prune import check_same, drawn, edges, filled, nodes, perceptron, snapshot  # noqa: E402

X = drawn(50, 6)
FIRST = nodes("0", 0, 3, 7, of=9)
ACTIVATIONS = [nn.Sigmoid, nn.ReLU, nn.Tanh, nn.Softplus, nn.Hardsigmoid, Erf, nn.PReLU, nn.GELU]


def after(network, steps, x):
    for step in network[:steps]:
        x = step(x)
    return x


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_pruned_nodes_emit_nothing_and_the_others_what_they_did(activation, norm):
    network = perceptron(activation, norm=norm)
    before = snapshot(network)
    found = masked(network, FIRST)
    check_same(before, snapshot(network))
    hidden, seen = after(network, 2, X), after(found, 2, X)
    assert (seen[:, ~FIRST.mask] == 0).all()
    assert torch.equal(seen[:, FIRST.mask], hidden[:, FIRST.mask])
    assert torch.equal(found(X), network[2:](hidden * FIRST.mask))


def test_zeros_in_the_weights_alone_leave_a_sigmoid_talking():
    """Power: what torch.nn.utils.prune does, and the published code, differs from the network without the nodes."""
    network = perceptron(norm=False)
    wanted = network[2:](after(network, 2, X) * FIRST.mask)
    half = deepcopy(network)
    half[0].weight.data[~FIRST.mask] = 0
    assert bool(((half(X) - wanted).abs() > 0.01).any())
    half[0].bias.data[~FIRST.mask] = 0
    assert (after(half, 2, X)[:, ~FIRST.mask] == 0.5).all()
    assert bool(((half(X) - wanted).abs() > 0.01).any())
    torch.testing.assert_close(masked(network, FIRST)(X), wanted, rtol=0, atol=1e-14)


def test_a_hook_is_only_there_where_something_is_made_of_0():
    for activation in (nn.ReLU, nn.Tanh, Erf):
        assert not any(part._forward_hooks for part in masked(perceptron(activation), FIRST).modules())
    assert masked(perceptron(nn.Sigmoid), FIRST)[1][1]._forward_hooks


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_file_of_weights_holds_all_of_it_where_the_next_layer_is_known(activation):
    found = masked(perceptron(activation), FIRST)
    loaded = perceptron(activation, seed=5)
    loaded.load_state_dict(found.state_dict())
    torch.testing.assert_close(loaded(X), found(X), rtol=0, atol=1e-14)


def test_copies_and_other_precisions_stay_silent():
    found = masked(perceptron(), FIRST)
    for copy in (deepcopy(found), deepcopy(found).float(), masked(found, nodes("2.0", 1, 2, of=5))):
        hidden = after(copy, 2, X.to(copy[0].weight))
        assert (hidden[:, ~FIRST.mask] == 0).all()
        assert (hidden[:, FIRST.mask] != 0).all()


def test_several_choices_in_one_layer_and_in_many():
    network, other = perceptron(), nodes("0", 0, 1, 3, 4, of=9)
    found = masked(network, [FIRST, other, nodes("2.0", 1, of=5), edges("3", 3, 5)])
    both = FIRST.mask & other.mask
    assert torch.equal(after(found, 2, X) != 0, both.expand(50, 9))
    assert (found[3].weight[~edges("3", 3, 5).mask] == 0).all()
    hidden = network[2][1](network[2][0](after(network, 2, X) * both)) * torch.tensor([0.0, 1, 0, 0, 0]).double()
    cut = network[3].weight * edges("3", 3, 5).mask
    torch.testing.assert_close(found(X), nn.functional.linear(hidden, cut, network[3].bias), rtol=0, atol=1e-14)


@pytest.mark.parametrize("layer, shape", [("0", (9, 6)), ("3", (3, 5))])
def test_pruned_edges_are_zeros_and_nothing_else_changes(layer, shape):
    network, kept = perceptron(), edges(layer, *shape)
    before = snapshot(network)
    found = masked(network, kept)
    check_same(before, snapshot(network))
    for name, values in network.state_dict().items():
        wanted = values * kept.mask if name == f"{layer}.weight" else values
        assert torch.equal(found.state_dict()[name], wanted)


def test_inplace_changes_the_network_itself():
    network = perceptron()
    wanted = masked(network, FIRST)(X)
    assert masked(network, FIRST, inplace=True) is network
    assert torch.equal(network(X), wanted)


@pytest.mark.parametrize("normalisation", [None, "before", "after"])
def test_channels_emit_nothing_at_any_position(normalisation):
    network = filled(CNN((2, 9, 9), (6, 5), 3, normalisation=normalisation))
    images = drawn(10, 2, 9, 9)
    for layer, width in (("conv1", 6), ("conv2", 5)):
        kept = nodes(layer, 0, 3, of=width)
        seen = masked(network, kept).layers(images).post[int(layer[-1]) - 1][0]
        assert (seen[:, ~kept.mask] == 0).all()
        wanted = network.layers(images).post[int(layer[-1]) - 1][0]
        assert torch.equal(seen[:, kept.mask], wanted[:, kept.mask])


class Functional(nn.Module):
    """Sigmoids as functions, which have no place for a hook, or one module for both."""

    def __init__(self, shared):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 9), nn.Linear(9, 5), nn.Linear(5, 2)
        self.act = nn.Sigmoid() if shared else None

    def forward(self, x):
        act = torch.sigmoid if self.act is None else self.act
        return self.c(act(self.b(act(self.a(x)))))


@pytest.mark.parametrize("shared", [True, False])
def test_where_there_is_no_place_for_a_hook_the_weights_out_of_nodes_are_cut(shared):
    network = filled(Functional(shared))
    found = masked(network, nodes("a", 0, 3, of=9))
    hidden = torch.sigmoid(network.a(X)) * nodes("a", 0, 3, of=9).mask
    torch.testing.assert_close(found(X), network.c(torch.sigmoid(network.b(hidden))), rtol=0, atol=1e-14)


class Residual(nn.Module):
    """The nodes of "inside" are added to others: nobody knows their outgoing weights."""

    def __init__(self, act):
        super().__init__()
        self.stem, self.inside, self.out = nn.Linear(6, 9), nn.Linear(9, 9), nn.Linear(9, 2)
        self.norm, self.act = nn.BatchNorm1d(9), act

    def forward(self, x):
        x = torch.tanh(self.stem(x))
        return self.out(x + self.act(self.norm(self.inside(x))))


@pytest.mark.parametrize("act", [nn.Sigmoid(), nn.ReLU()])
def test_nodes_that_are_added_to_others_emit_nothing_either(act):
    network = filled(Residual(act))
    kept = nodes("inside", 0, 3, of=9)
    x = torch.tanh(network.stem(X))
    wanted = network.out(x + network.act(network.norm(network.inside(x))) * kept.mask)
    torch.testing.assert_close(masked(network, kept)(X), wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("inplace", [False, True])
def test_a_function_before_a_sum_gets_a_sentence_and_nothing_has_changed(inplace):
    network = filled(Residual(torch.sigmoid))
    before = snapshot(network)
    choices = [nodes("stem", 1, of=9), nodes("inside", 0, of=9)]
    with pytest.raises(ParameterError, match=r"nodes of layer 'inside' cannot be kept from emitting.*nn.Sigmoid\(\)"):
        masked(network, choices, inplace=inplace)
    check_same(before, snapshot(network))


class Branching(nn.Module):
    """A forward that cannot be traced."""

    def __init__(self):
        super().__init__()
        self.a, self.act, self.b = nn.Linear(6, 9), nn.Sigmoid(), nn.Linear(9, 2)

    def forward(self, x):
        return self.b(self.act(self.a(x if float(x.sum()) > 0 else -x)))


def test_the_user_may_name_the_activation_where_forward_cannot_be_traced():
    network = filled(Branching())
    kept = nodes("a", 0, 3, of=9)
    with pytest.raises(ParameterError, match=r"forward of Branching cannot be traced.*activation='...'"):
        masked(network, kept)
    found = masked(network, kept, activation="act")
    assert (found.act(found.a(X))[:, ~kept.mask] == 0).all()
    chosen = select_nodes(network, "a", 4, GreedyMAP(), X, activation="act")
    traced = nn.Sequential(network.a, network.act, network.b)
    inputs = X if float(X.sum()) > 0 else -X
    assert torch.equal(chosen.mask, select_nodes(traced, "0", 4, GreedyMAP(), inputs).mask)
    with pytest.raises(ParameterError, match=r"'activation' parameter must name a module of Branching\. Got 'at'"):
        masked(network, kept, activation="at")
    with pytest.raises(ParameterError, match=r"belongs to one choice\. Got 2"):
        masked(network, [kept, kept], activation="act")


def test_pruned_by_torch_a_copy_can_be_masked_and_the_network_itself_not():
    network = perceptron()
    prune.l1_unstructured(network[0], "weight", 0.5)
    zeros = network[0].weight == 0
    found = masked(network, FIRST)
    assert torch.equal(found[0].weight == 0, zeros | ~FIRST.mask[:, None])
    with pytest.raises(ParameterError, match=r"weight of layer '0' must be a plain parameter.*prune.remove"):
        masked(network, FIRST, inplace=True)


def test_silent_nodes_get_no_gradient_through_a_hook():
    found = masked(perceptron(norm=False), FIRST).train()
    found(X).sum().backward()
    assert (found[0].weight.grad[~FIRST.mask] == 0).all()
    assert (found[0].weight.grad[FIRST.mask] != 0).any()

"""What cannot be reweighted is refused in one sentence that says why and what to do."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import TensorDataset  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import MLP  # noqa: E402
from practicum.pruning import Reweighting, reweight  # noqa: E402
from practicum.pruning.kept import Kept  # noqa: E402
from pruning.to_prune import drawn, edges, nodes, perceptron  # noqa: E402

X = drawn(50, 6)
NODES, EDGES = nodes("0", 0, 2, 3, 7, of=9), edges("2.0", 5, 9)


def broken():
    network = perceptron()
    network[0].weight.data[0, 0] = float("nan")
    return network


def twice():
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(6, 2)).double()


class Again(nn.Module):
    """A layer that computes in two places, and one that computes in none."""

    def __init__(self):
        super().__init__()
        self.first, self.idle, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.first(self.first(x)))


@pytest.mark.parametrize(
    "change, text",
    [
        ({"inputs": drawn(50, 7)}, r"inputs must be what Sequential takes. Got examples of shape \(7,\)"),
        ({"inputs": X[:0]}, "at least one sample"),
        ({"inputs": iter([])}, "at least one sample"),
        ({"inputs": "data"}, "must be a tensor"),
        ({"inputs": TensorDataset(X)}, "DataLoader"),
        ({"inputs": X / 0}, "must be finite. Got numbers that are not; look for NaN"),
        ({"network": broken()}, "not finite"),
        ({"ridge": -1e-3}, "'ridge' parameter of reweight must be a number >= 0.* Got -0.001 instead"),
        ({"ridge": float("nan")}, "Got nan instead"),
        ({"ridge": float("inf")}, "Got inf instead"),
        ({"ridge": "small"}, "Got 'small' instead"),
        ({"ridge": True}, "Got True instead"),
        ({"kept": "0"}, "must be a Kept of nodes or of edges. Got str"),
        ({"kept": Kept("0", "units", NODES.mask)}, "Got Kept of 'units' instead"),  # pyright: ignore[reportArgumentType]
        ({"kept": nodes("5", 0, of=9)}, "has no layer '5'"),
        ({"kept": nodes("0", of=9)}, "At least one node of '0' must stay"),
        ({"kept": edges("0", 6, 9)}, r"torch.bool of shape \(9, 6\). Got torch.bool of shape \(6, 9\)"),
        ({"kept": nodes("3", 1, of=3)}, "outputs of the network, which must stay"),
        ({"network": MLP([drawn(1, 9, 6)], [None])}, "as_module"),
        ({"network": twice(), "kept": edges("0", 6, 6)}, "must stand in one place"),
        ({"network": Again().double(), "kept": edges("first", 6, 6)}, r"once in a pass.* Got 2 time\(s\)"),
        ({"network": Again().double(), "kept": edges("idle", 6, 6)}, r"once in a pass.* Got 0 time\(s\)"),
        ({"network": Again().double(), "kept": nodes("first", 1, of=6)}, r"once in a pass.* Got 2 time\(s\)"),
        ({"network": perceptron(lambda: nn.LayerNorm(9), norm=False)}, "a LayerNorm of whose numbers"),
    ],
)
def test_what_does_not_go_is_one_sentence(change, text):
    given = {"network": perceptron(), "kept": NODES, "inputs": X, **change}
    with pytest.raises(ParameterError, match=text) as caught:
        reweight(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "kept, text", [(EDGES, "Got edges of '2.0' instead"), (nodes("2.0", 1, of=5), "nodes of '2.0'")]
)
def test_what_has_been_seen_for_one_layer_is_not_used_for_another(kept, text):
    many = Reweighting(perceptron(), "0", X, kind="nodes")
    with pytest.raises(ParameterError, match=f"has seen what nodes of '0' need.*{text}"):
        many(kept)
    with pytest.raises(
        ParameterError, match=r"'kind' parameter of Reweighting must be 'nodes' or 'edges'. Got 'units'"
    ):
        Reweighting(perceptron(), "0", X, kind="units")  # pyright: ignore[reportArgumentType]


def test_a_gram_matrix_that_no_memory_holds_is_refused():
    from practicum.pruning._folding import Moments

    with pytest.raises(ParameterError, match=r"The Gram matrix of what a layer sees \(numbers = 10000000\) needs .* G"):
        Moments().add(torch.zeros(1, 10_000_000))

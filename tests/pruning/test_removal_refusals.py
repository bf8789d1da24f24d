"""What cannot be removed is refused in one sentence that says why and what to do."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import parametrize  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import MLP, Ensemble  # noqa: E402
from practicum.pruning import compact  # noqa: E402
from practicum.pruning.kept import Kept  # noqa: E402
from pruning.to_prune import drawn, edges, nodes, perceptron  # noqa: E402

FIRST = nodes("0", 0, 2, 3, 7, of=9)


def twice(layer=None):
    layer = layer or nn.Linear(6, 6)
    return nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(6, 2))


def tied():
    network = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.Linear(6, 2))
    network[2].weight = network[0].weight
    return network


class Sized(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 6, 3), nn.Linear(6 * 36, 2)

    def forward(self, x):
        return self.last(self.first(x).view(-1, 6 * 36))


class Asking(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.first(x) if x.sum() > 0 else x)


SIX = nodes("first", 1, of=6)


@pytest.mark.parametrize(
    "network, kept, text",
    [
        (perceptron(), edges("0", 9, 6), r"Only nodes can be removed.*count\(network, input_shape\)"),
        (perceptron(), nodes("3", 0, of=3), "outputs of the network, which must stay"),
        (perceptron(), nodes("4", 0, of=3), "has no layer '4'"),
        (perceptron(), nodes("1.1", 0, of=3), "must be a Linear or a Conv1d"),
        (perceptron(), nodes("0", of=9), "At least one node of '0' must stay"),
        (perceptron(), nodes("0", 1, of=8), r"of shape \(9,\)\. Got torch.bool of shape \(8,\)"),
        (perceptron(), Kept("0", "nodes", torch.ones(9)), "torch.bool of shape .* Got torch.float32"),
        (perceptron(), Kept("0", "nodes", np.ones(9, bool)), "Got ndarray"),  # pyright: ignore[reportArgumentType]
        (perceptron(), "0", "must be a Kept of nodes or of edges. Got str"),
        (nn.Linear(6, 9), FIRST, "has no layer '0'"),
        (Ensemble([perceptron()], shape=(6,)), FIRST, r"network.networks\[0\]"),
        (MLP([drawn(1, 9, 6), drawn(1, 2, 9)], [None, None]), FIRST, r"as_module\(network, 0\)"),
        (twice(), nodes("0", 1, of=6), "must stand in one place"),
        (tied(), nodes("0", 1, of=6), "must stand in one place"),
        (Sized(), SIX, r"sizes that are written down; a reshape should be nn.Flatten.* install it"),
        (Asking(), SIX, "forward of Asking cannot be traced"),
        (nn.Sequential(nn.Linear(6, 9), nn.LayerNorm(9), nn.Linear(9, 2)), FIRST, "a LayerNorm of whose numbers"),
        (nn.Sequential(nn.Linear(6, 9), nn.Softmax(1), nn.Linear(9, 2)), FIRST, "are mixed by '1'"),
        (nn.Sequential(nn.Conv2d(1, 6, 1), nn.Linear(6, 2)), nodes("0", 1, of=6), "put an nn.Flatten before it"),
        (nn.Sequential(nn.Conv2d(2, 6, 1, groups=2), nn.Conv2d(6, 2, 1)), nodes("0", 1, of=6), "belong to 2 groups"),
        (nn.Sequential(nn.Conv2d(2, 6, 1), nn.Conv2d(6, 6, 1, groups=3)), nodes("0", 1, of=6), "groups see some each"),
        (nn.Sequential(nn.Linear(6, 9), nn.Linear(8, 2)), FIRST, "9 nodes of '0' do not fit the 8 entries of '1'"),
    ],
)  # fmt: skip
def test_what_does_not_go_is_one_sentence(network, kept, text):
    with pytest.raises(ParameterError, match=text) as caught:
        compact(network, kept)
    assert "\n" not in str(caught.value)


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


MIXING = {
    "groups": lambda x: nn.functional.group_norm(x, 2),
    "shuffled": nn.ChannelShuffle(2),
    "rolled": lambda x: x.roll(1, 1),
    "summed": lambda x: x.cumsum(1),
    "largest": lambda x: x * (x == x.amax(1, keepdim=True)),
    "halves": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "random": lambda x: nn.functional.dropout(x, 0.5, training=True),
    "batch": lambda x: x.flatten(0, 1).unsqueeze(0),
}


@pytest.mark.parametrize("kind", MIXING)
@pytest.mark.parametrize("nodes_in_all", [4, 6, 32])
def test_whatever_mixes_nodes_is_noticed(kind, nodes_in_all):
    """Also with few nodes, of which one random set could be just a group."""
    size = nodes_in_all
    network = nn.Sequential(nn.Conv2d(2, size, 1), Lambda(MIXING[kind]), nn.Conv2d(size, 2, 1))
    with pytest.raises(ParameterError, match=r"are mixed by|are combined with other values by"):
        compact(network, nodes("0", 0, 2, of=size))


def test_rows_are_one_picture_to_an_instance_norm():
    network = nn.Sequential(nn.Linear(6, 9), nn.InstanceNorm1d(9), nn.Linear(9, 2))
    with pytest.raises(ParameterError, match="are mixed by '1'"):
        compact(network, FIRST)


def test_whatever_works_on_each_number_is_taken():
    network = nn.Sequential(nn.Conv2d(2, 4, 1), Lambda(lambda x: x.exp_().sub_(0.3).clamp_max(2.0)), nn.Conv2d(4, 2, 1))
    assert compact(network, nodes("0", 0, 2, of=4))[2].in_channels == 2


def test_weights_that_are_computed_are_told_apart():
    network = perceptron()
    parametrize.register_parametrization(network[0], "weight", nn.Identity())
    with pytest.raises(
        ParameterError, match=r"weights of '0' are computed from other parameters.*remove_parametrizations"
    ):
        compact(network, FIRST)

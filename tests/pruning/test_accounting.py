"""Parameters and multiply-adds against counts by hand, PyTorch's own counter, and what the theory counts."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import CNN, MLP, Ensemble  # noqa: E402
from practicum.pruning import compact, compare_counts, count, reweight  # noqa: E402
from practicum.pruning.kept import Kept  # noqa: E402
from practicum.pruning.masks import masked  # noqa: E402
from pruning.to_prune import check_same, drawn, edges, filled, nodes, perceptron, snapshot  # noqa: E402

TOTALS = ("parameters", "effective_parameters", "multiply_adds", "effective_multiply_adds")


def totals(found):
    return tuple(int(found[name].sum()) for name in TOTALS)


def test_a_perceptron_by_hand():
    found = count(perceptron(), 6)
    assert list(found.layer.values) == ["0", "1.0", "2.0", "3"]
    assert list(found.parameters.values) == [6 * 9 + 9, 2 * 9, 9 * 5 + 5, 5 * 3 + 3]
    assert list(found.multiply_adds.values) == [54, 9, 45, 15]
    assert list(found.effective_parameters.values) == list(found.parameters.values)
    assert all(found[name].attrs["long_name"] for name in TOTALS)
    assert found.uncounted == ""


def test_a_convolutional_network_by_hand():
    found = count(filled(CNN((2, 9, 9), (5, 6), 3, strides=(1, 2), normalisation="before")), (2, 9, 9))
    assert list(found.layer.values) == ["conv1", "norm1", "conv2", "norm2", "output"]
    assert list(found.parameters.values) == [5 * 2 * 9 + 5, 10, 6 * 5 * 9 + 6, 12, 6 * 25 * 3 + 3]
    assert list(found.multiply_adds.values) == [90 * 81, 5 * 81, 270 * 25, 6 * 25, 450]


@pytest.mark.parametrize(
    "network, shape",
    [
        (nn.Sequential(nn.Linear(7, 9, bias=False), nn.ReLU(), nn.Linear(9, 4)), 7),
        (nn.Sequential(nn.Linear(7, 9), nn.Tanh()), (5, 7)),
        (nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, stride=2), nn.ReLU(), nn.Conv2d(6, 4, 3, groups=2)), (2, 11, 8)),
        (nn.Sequential(nn.Conv1d(2, 6, 3, dilation=2), nn.ReLU(), nn.Conv1d(6, 4, 3)), (2, 30)),
        (nn.Sequential(nn.Conv3d(2, 3, 2), nn.Flatten(), nn.Linear(3 * 8, 2)), (2, 3, 3, 3)),
    ],
)
def test_pytorch_counts_as_many(network, shape):
    """Its counter sees the products themselves, each as two operations."""
    found = count(network, shape)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *((shape,) if isinstance(shape, int) else shape)))
    assert 2 * int(found.multiply_adds.sum()) == counter.get_total_flops()
    assert int(found.parameters.sum()) == sum(p.numel() for p in network.parameters())


def committee(inputs=20, students=6):
    """Without biases, as in the theory."""
    first, last = nn.Linear(inputs, students, bias=False), nn.Linear(students, 1, bias=False)
    return filled(nn.Sequential(first, nn.Tanh(), last))


@pytest.mark.parametrize("k", [1, 4])
def test_k_nodes_are_k_of_the_inputs_plus_one(k):
    network, kept = committee(), nodes("0", *range(k), of=6)
    wanted = k * (20 + 1)
    assert totals(count(compact(network, kept), 20)) == (wanted,) * 4
    for smaller in (masked(network, kept), reweight(network, kept, drawn(100, 20))):
        assert totals(count(smaller, 20)) == (6 * 21, wanted, 6 * 21, wanted)


def test_e_edges_a_unit_are_all_units_with_their_outgoing_weights():
    network, e = committee(), 7
    mask = torch.stack([torch.randperm(20, generator=torch.Generator().manual_seed(i)) < e for i in range(6)])
    found = count(masked(network, Kept("0", "edges", mask)), 20)
    assert totals(found) == (126, 6 * e + 6, 126, 6 * e + 6)


def test_nodes_and_edges_of_equal_size():
    """e = (kN + k - K) / K edges a unit are as many parameters as k nodes: N = 20, K = 6, k = 2 gives 6."""
    network = committee()
    mask = torch.arange(20).repeat(6, 1) < (2 * 20 + 2 - 6) // 6
    found = [totals(count(masked(network, kept), 20))[1] for kept in (nodes("0", 1, 2, of=6), Kept("0", "edges", mask))]
    assert found == [42, 42]


def test_a_fifth_of_the_first_layer_is_half_of_the_whole():
    """784-500-500-10: 20 % of the first layer's weights leave 51 % of those of both hidden layers."""
    network = nn.Sequential(
        *(nn.Linear(784, 500, bias=False), nn.Sigmoid(), nn.Linear(500, 500, bias=False), nn.Sigmoid()),
        nn.Linear(500, 10, bias=False),
    )
    mask = (torch.arange(784) < 157).expand(500, 784)
    found = compare_counts(network, masked(network, Kept("0", "edges", mask)), 784)
    assert list(found.network.values) == ["before", "after"]
    assert float(found.parameters_left.sel(layer="0")) == 157 / 784
    assert float(found.parameters_left.sel(layer="2")) == 1
    hidden = found.sel(layer=["0", "2"])
    assert float(hidden.effective_parameters.sel(network="after").sum()) / 642_000 == pytest.approx(0.512, abs=5e-4)
    assert float(found.parameters_left_of_whole) == (500 * 157 + 250_000 + 5000) / 647_000
    assert float(found.multiply_adds_left_of_whole) == float(found.parameters_left_of_whole)
    before, after = (found.sel(network=name) for name in ("before", "after"))
    assert int(before.parameters.sum()) == int(after.parameters.sum()) == 647_000


def test_nodes_of_a_convolution_before_and_after():
    network = filled(CNN((2, 9, 9), (5, 6), 3, strides=(1, 2), normalisation="after"))
    found = compare_counts(network, compact(network, nodes("conv2", 0, 5, of=6)), (2, 9, 9))
    assert found.parameters_left.to_series().round(4).to_dict() == {
        "conv1": 1, "norm1": 1, "conv2": round(2 / 6, 4), "norm2": round(2 / 6, 4), "output": round(153 / 453, 4),
    }  # fmt: skip
    assert float(found.multiply_adds_left.sel(layer="output")) == pytest.approx(2 / 6)
    assert list(found.parameters.sel(network="after").values) == [95, 10, 92, 4, 153]


def test_layers_that_only_one_network_has():
    before = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    after = nn.Sequential(nn.Linear(4, 3), nn.Identity(), nn.Linear(3, 2))
    found = compare_counts(before, after, 4)
    assert found.parameters.to_pandas().to_dict("list") == {"0": [15, 15], "1": [8, 0], "2": [0, 8]}
    assert found.parameters_left.isnull().values.tolist() == [False, False, True]
    assert float(found.parameters_left_of_whole) == 1


def test_zeros_and_masks_of_torch():
    network = perceptron()
    kept = edges("2.0", 5, 9)
    prune.custom_from_mask(network[2][0], "weight", kept.mask)
    network[3].bias.data[1] = 0
    found = count(network, 6)
    assert list(found.effective_parameters.values) == [63, 18, kept.count + 5, 17]
    assert list(found.effective_multiply_adds.values) == [54, 9, kept.count, 15]
    assert list(found.parameters.values) == [63, 18, 50, 18]


class Odd(nn.Module):
    """A layer in two places, one that shares its weight, a parameter of its own, and one that does not compute."""

    def __init__(self):
        super().__init__()
        self.first, self.tied, self.idle = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.tied.weight, self.shift = self.first.weight, nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.tied(self.first(self.first(x))) + self.shift


def test_what_is_shared_counts_once_and_what_computes_twice_twice():
    found = count(Odd(), 4)
    assert found.parameters.to_series().to_dict() == {"network": 4, "first": 20, "tied": 4, "idle": 20}
    assert found.multiply_adds.to_series().to_dict() == {"network": 0, "first": 32, "tied": 16, "idle": 0}
    assert found.uncounted == "network"


def test_the_network_is_as_it_was():
    network = perceptron().train()
    network(drawn(20, 6)).sum().backward()
    calls = []
    network[0].register_forward_hook(lambda *_: calls.append(1))
    before = snapshot(network)
    compare_counts(network, network, 6)
    check_same(before, snapshot(network))
    assert not calls


@pytest.mark.parametrize(
    "network, shape, text",
    [
        (perceptron(), 7, r"'input_shape' .* Got \(7,\) instead, and the network says"),
        (perceptron(), (1, 0), r"'input_shape' parameter must be a whole number >= 1. Got 0"),
        (perceptron(), "6", "'input_shape' parameter must be a whole number"),
        (perceptron(), 2.5, "'input_shape' parameter must be a whole number"),
        (MLP([drawn(1, 3, 6)], [None]), 6, "as_module"),
        (Ensemble([perceptron()], shape=(6,)), 6, r"networks\[0\]"),
        ("network", 6, "takes an nn.Module. Got str"),
    ],
)
def test_what_does_not_go_is_one_sentence(network, shape, text):
    with pytest.raises(ParameterError, match=text) as caught:
        count(network, shape)
    assert "\n" not in str(caught.value)

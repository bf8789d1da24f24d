"""Selectors that look at weights: which are the largest, whatever their sign, and with which odds they are drawn."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import CNN  # noqa: E402
from practicum.pruning import Importance, Magnitude, SoftMagnitude, select_edges, select_nodes  # noqa: E402
from pruning.to_prune import filled, perceptron  # noqa: E402


def largest(scores, k):
    return set(np.argsort(-np.asarray(scores), kind="stable")[:k].tolist())


def chosen(kept):
    return set(kept.mask.nonzero()[:, 0].tolist())


@pytest.mark.parametrize("layer", ["0", "2.0"])
def test_magnitude_of_nodes_and_edges(layer):
    network = perceptron()
    weight = network.get_submodule(layer).weight.detach().numpy()
    for k in range(1, len(weight)):
        assert chosen(select_nodes(network, layer, k, Magnitude())) == largest((weight**2).sum(1), k)
    rows = [set(row.nonzero()[:, 0].tolist()) for row in select_edges(network, layer, 2, Magnitude()).mask]
    assert rows == [largest(np.abs(w), 2) for w in weight]
    assert rows != [largest(w, 2) for w in weight]  # power: signed weights are told apart


def test_importance_is_the_norm_of_outgoing_weights_and_not_their_signed_sum():
    network = perceptron(norm=False)
    out = network.get_submodule("2.0").weight.detach().numpy()
    differ = 0
    for k in range(1, 9):
        found = chosen(select_nodes(network, "0", k, Importance()))
        assert found == largest((out**2).sum(0), k)
        differ += found != largest(out.sum(0), k)
    assert differ >= 4  # power: what the published code does is told apart


def test_importance_of_one_output_is_absolute():
    """The node with the most negative weight is the most important; ranked by signed weights it were the least."""
    network = filled(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1, bias=False)))
    network[2].weight.data = torch.tensor([[0.1, -5.0, 2.0, -0.2]]).double()
    assert chosen(select_nodes(network, "0", 1, Importance())) == {1}
    assert chosen(select_nodes(network, "0", 2, Importance())) == {1, 2}


def test_importance_of_channels_counts_all_their_positions_above_a_flatten():
    network = filled(CNN((2, 9, 9), (6, 5), 3))
    positions = network.output.weight.shape[1] // 5
    out = network.output.weight.detach().reshape(3, 5, positions)
    assert positions > 1
    for k in range(1, 5):
        assert chosen(select_nodes(network, "conv2", k, Importance())) == largest((out**2).sum((0, 2)), k)
        inside = network.conv2.weight.detach()
        assert chosen(select_nodes(network, "conv1", k, Importance())) == largest((inside**2).sum((0, 2, 3)), k)


def test_importance_sums_over_all_layers_that_hear_a_node():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.left, self.right = nn.Linear(4, 6), nn.Linear(6, 2), nn.Linear(6, 3)

        def forward(self, x):
            hidden = torch.tanh(self.below(x))
            return torch.cat([self.left(hidden), self.right(hidden)], 1)

    network = filled(Two())
    both = sum((part.weight.detach().numpy() ** 2).sum(0) for part in (network.left, network.right))
    for k in range(1, 6):
        assert chosen(select_nodes(network, "below", k, Importance())) == largest(both, k)


def test_importance_says_where_it_cannot_be_known():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.c(x + torch.relu(self.b(torch.relu(self.a(x)))))

    network = filled(Residual())
    assert select_nodes(network, "a", 2, Importance()).count == 2
    with pytest.raises(ParameterError, match=r"nodes of 'b' are combined .* by 'add'.*Magnitude\(\) looks at"):
        select_nodes(network, "b", 2, Importance())
    with pytest.raises(ParameterError, match="nodes of 'c' are outputs of the network"):
        select_nodes(network, "c", 1, Importance())
    with pytest.raises(ParameterError, match=r"Importance chooses nodes.*take Magnitude\(\) for edges"):
        select_edges(network, "a", 1, Importance())


def test_equal_weights_keep_the_first():
    network = filled(nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1)))
    network[0].weight.data.fill_(-1.0)
    assert chosen(select_nodes(network, "0", 2, Magnitude())) == {0, 1}
    assert select_edges(network, "0", 3, Magnitude()).mask.tolist() == [[True] * 3 + [False] * 2] * 4


def test_soft_magnitude_draws_by_squares():
    """Counts of all pairs of six edges against products of squared weights, at 1e-3; odds of absolute weights fail."""
    network = filled(nn.Sequential(nn.Linear(6, 1), nn.ReLU(), nn.Linear(1, 1)))
    w = np.abs(network[0].weight.detach().numpy()[0])
    draws, pairs = 20_000, list(combinations(range(6), 2))
    found = np.stack(
        [kept.mask[0].numpy() for kept in select_edges(network, "0", 2, SoftMagnitude(), seed=3, draws=draws)]
    )
    counts = np.array([(found[:, i] & found[:, j]).sum() for i, j in pairs])
    assert counts.sum() == draws

    def expected(odds):
        products = np.array([odds[i] * odds[j] for i, j in pairs])
        return draws * products / products.sum()

    assert expected(w**2).min() > 5
    assert stats.chisquare(counts, expected(w**2)).pvalue > 1e-3
    assert stats.chisquare(counts, expected(w)).pvalue < 1e-9


def test_soft_magnitude_of_tiny_weights_is_that_of_large_ones():
    network = filled(nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 1)))
    before = select_edges(network, "0", 2, SoftMagnitude(), draws=5)
    network[0].weight.data *= 2.0**-600  # squared, they are no doubles
    after = select_edges(network, "0", 2, SoftMagnitude(), draws=5)
    assert all(torch.equal(a.mask, b.mask) for a, b in zip(before, after))


def test_soft_magnitude_cannot_keep_weights_of_0():
    network = filled(nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 1)))
    network[0].weight.data[1, 2:] = 0.0
    assert not select_edges(network, "0", 2, SoftMagnitude()).mask[1, 2:].any()
    with pytest.raises(ParameterError, match=r"at most 2 of the 6 edges into unit 1 of '0'.*Got 3 instead; Magnitude"):
        select_edges(network, "0", 3, SoftMagnitude())


def test_a_selector_of_ones_own():
    """What the how-to page promises: a `choose`, and what it reads."""
    from practicum.pruning import Selector

    class Last(Selector):
        reads = "incoming"

        def choose(self, items, sizes, draws, seed):
            masks = np.zeros((len(sizes), draws, items.count), bool)
            for mask, k in zip(masks, sizes):
                mask[:, np.argsort(items.incoming)[:k]] = True
            return masks

    network = perceptron()
    weight = network[0].weight.detach().numpy()
    assert chosen(select_nodes(network, "0", 2, Last())) == largest(-(weight**2).sum(1), 2)

"""What selecting and reweighting say that they need is what they take, and the largest that is named is the largest."""

import pytest

from measuring import agrees, largest_named, peak, pretend

torch = pytest.importorskip("torch")

from practicum import ParameterError  # noqa: E402
from practicum.pruning import DPP, Random, _needs, reweight, select_edges, select_nodes  # noqa: E402
from practicum.pruning.dpp.kernel import Kernel  # noqa: E402
from practicum.pruning.dpp.sampling import sample_dpp, sample_kdpp  # noqa: E402

COMMON = """
import torch
from practicum.pruning import DPP, GreedyMAP, Random, reweight, select_edges, select_nodes
def f(inputs, nodes, select=select_nodes, selector=DPP(), draws=1, fitted=False):
    network = torch.nn.Sequential(torch.nn.Linear(inputs, nodes), torch.nn.ReLU(), torch.nn.Linear(nodes, 3)).double()
    x = torch.randn(100, inputs).double()
    kept = select(network, "0", 0.5, selector, x, draws=draws)
    return reweight(network, kept, x) if fitted else kept
small = lambda: (f(10, 10), f(10, 3, select_edges), f(10, 10, selector=Random(), fitted=True))
"""
WORK = {
    "nodes": ("large = lambda: f(10, 2000)", _needs.choices(1, 1, 2000, 1, signals=True)),
    "greedy": ("large = lambda: f(10, 2500, selector=GreedyMAP())", _needs.choices(1, 1, 2500, 1, signals=True)),
    "edges": ("large = lambda: f(2000, 3, select_edges)", _needs.choices(1, 1, 2000, 3, signals=True)),
    "draws": (
        "large = lambda: f(10, 500, selector=Random(), draws=20_000)",
        _needs.choices(20_000, 1, 500, 1, signals=False),
    ),
    "fit": ("large = lambda: f(10, 3000, selector=Random(), fitted=True)", _needs.fit(3000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_the_estimate_is_what_is_taken(name):
    work, estimate = WORK[name]
    measured = peak(COMMON + work)
    assert agrees(estimate, measured)
    assert not agrees(_needs.choices(1, 1, 500, 1, signals=True), measured)  # of a usual layer


def network(inputs: int, nodes: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(inputs, nodes), torch.nn.ReLU(), torch.nn.Linear(nodes, 2)).double()


@pytest.mark.parametrize("select, units", [(select_nodes, 1), (select_edges, 6)], ids=["nodes", "edges"])
def test_the_largest_that_is_named_passes_and_the_next_does_not(select, units, monkeypatch):
    student = network(6, 6)
    pretend(monkeypatch, 2**20)
    with pytest.raises(ParameterError, match=r"This selection \(draws = 1000000000, .* largest 'draws'") as caught:
        select(student, "0", 3, Random(), draws=10**9)
    found = largest_named(str(caught.value))
    assert _needs.choices(found, 1, 6, units, signals=False) <= 2**20
    assert len(select(student, "0", 3, Random(), draws=found)) == found
    with pytest.raises(ParameterError, match=f"is {found}\\."):
        select(student, "0", 3, Random(), draws=found + 1)


def test_a_layer_whose_kernel_does_not_fit(monkeypatch):
    pretend(monkeypatch, 2**20)
    student, inputs = network(3, 300), torch.ones(4, 3).double()
    with pytest.raises(ParameterError, match=r"items = 300.* the largest 'items' .* is 1\d\d\."):
        select_nodes(student, "0", 3, DPP(), inputs)
    kept = select_nodes(student, "0", 3, Random())
    with pytest.raises(ParameterError, match=r"Gram matrix of what a layer sees \(numbers = 300\) .* is 209\."):
        reweight(student, kept, inputs)


def test_subsets_that_do_not_fit():
    kernel = Kernel([[1.0, 0.2], [0.2, 1.0]])
    with pytest.raises(ParameterError, match=r"This sample \(draws = 1000000000000, size = 1\) .* largest 'draws'"):
        sample_kdpp(kernel, 1, 10**12)
    with pytest.raises(ParameterError, match=r"This sample \(draws = 1000000000000, items = 2\) .* largest 'draws'"):
        sample_dpp(kernel, 10**12)

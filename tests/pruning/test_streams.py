"""Blocks of one size from batches of any, and one sentence for what is no data."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.pruning._streams import _ENTRIES, _ROWS, blocks, run  # noqa: E402
from pruning.to_prune import drawn, perceptron  # noqa: E402

LIKE = torch.zeros(0, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(3,), (40, 50), (1, 1)])
@pytest.mark.parametrize("samples, batch", [(1, 1), (2500, 3000), (2500, 77), (2500, 1), (1024, 1024)])
def test_blocks_hold_all_samples_in_order_and_one_size(shape, samples, batch):
    x = torch.arange(samples).view(-1, *[1] * len(shape)).expand(samples, *shape).double()
    rows = max(1, min(_ROWS, _ENTRIES // x[0].numel()))
    found = list(blocks(x.split(batch), LIKE))
    assert [len(block) for block in found[:-1]] == [rows] * (len(found) - 1)
    assert 0 < len(found[-1]) <= rows
    assert torch.equal(torch.cat(found), x)


def test_precision_follows_the_network_and_whole_numbers_stay():
    (block,) = blocks(drawn(4, 3).float(), LIKE)
    assert block.dtype == torch.float64
    (block,) = blocks(torch.ones(4, 3, dtype=torch.int64), LIKE)
    assert block.dtype == torch.int64


def test_memory_is_bounded_by_the_block():
    """A stream is never held as a whole: at most a block and a batch are waiting."""
    alive = []

    def stream():
        for number in range(50):
            alive.append(number)
            yield torch.zeros(100, 3)

    taken = []
    for block in blocks(stream(), LIKE):
        taken.append(len(block))
        assert len(alive) * 100 - sum(taken) <= 1024 + 100
    assert sum(taken) == 5000


def test_a_module_is_shown_what_goes_in_and_comes_out_as_in_evaluation():
    network = perceptron().train()
    seen = []
    run(network, network[2], drawn(50, 6), lambda given, output: seen.append((given, output)))
    assert network.training
    network.eval()
    hidden = network[1](network[0](drawn(50, 6)))
    (given, output) = seen[0]
    assert torch.equal(given, hidden)
    assert torch.equal(output, network[2](hidden))
    assert not output.requires_grad
    assert not network[2]._forward_hooks


@pytest.mark.parametrize(
    "inputs, sentence",
    [
        (drawn(5, 4), r"Got examples of shape \(4,\) \(torch.float64\), and the network says: mat1 and mat2"),
        (drawn(0, 6), "at least one sample"),
        ([], "at least one sample"),
        (drawn(6), r"A batch of inputs must be a tensor \(samples, ...\). Got \(6,\)"),
        ([[1.0, 2.0]], "A batch of inputs must be a tensor .*Got float"),
        ("data", "must be a tensor .* or batches, such as a DataLoader. Got 'data'"),
        (3, "must be a tensor .* or batches, such as a DataLoader. Got 3"),
        (TensorDataset(drawn(5, 6)), r"single examples; torch.utils.data.DataLoader\(inputs, batch_size=256\)"),
        ([drawn(5, 6), drawn(5, 7)], r"examples of all batches must have one shape. Got \(7,\) after \(6,\)"),
        (torch.ones(5, 6, dtype=torch.int64), "the network says"),
    ],
)
def test_what_is_no_data_gets_a_sentence(inputs, sentence):
    network = perceptron()
    with pytest.raises(ParameterError, match=sentence):
        run(network, network[0], inputs, lambda given, output: None)
    assert not network[0]._forward_hooks


def test_a_loader_of_pairs_gives_its_inputs():
    loader = DataLoader(TensorDataset(drawn(30, 6), torch.zeros(30)), batch_size=8)
    assert torch.equal(torch.cat(list(blocks(loader, LIKE))), drawn(30, 6))


def test_a_module_that_computes_twice_or_never_gets_a_sentence():
    network = nn.Sequential(nn.Linear(6, 6), nn.ReLU()).double()
    twice = nn.Sequential(network, network)
    for module, times in ((network[0], 2), (nn.Linear(1, 1), 0)):
        with pytest.raises(ParameterError, match=rf"must compute once in a pass.*Got {times} time\(s\)"):
            run(twice, module, drawn(5, 6), lambda given, output: None)

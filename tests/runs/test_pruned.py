"""Files of pruned networks: the same answers bit for bit, no code in them, and one sentence for what does not go."""

import json

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

from practicum import ParameterError, StorageError  # noqa: E402
from practicum.networks import CNN, MLP  # noqa: E402
from practicum.pruning import compact  # noqa: E402
from practicum.pruning.masks import masked  # noqa: E402
from practicum.pruning.sequential import as_module  # noqa: E402
from practicum.runs import load_network, load_pruned, save_network, save_pruned  # noqa: E402
from practicum.runs._architecture import _ARGUMENTS  # noqa: E402
from practicum.runs.checkpoints import about_network  # noqa: E402
from pruning.residual import STREAM, Residual  # noqa: E402
from pruning.to_prune import drawn, filled, nodes, perceptron  # noqa: E402


def check_again(network, again, x):
    """The same numbers under the same names, and the same answers, bit for bit; smaller ones only if pruned."""
    before, after = network.state_dict(), again.state_dict()
    assert list(before) == list(after)
    for name, values in before.items():
        assert (values.dtype, values.shape) == (after[name].dtype, after[name].shape), name
        assert values.numpy().tobytes() == after[name].numpy().tobytes(), name
    assert not any(part.training for part in again.modules())
    for rows in (1, 7, len(x)):
        assert torch.equal(network.eval()(x[:rows]), again(x[:rows]))


PICTURES = drawn(20, 2, 9, 9)
PLAIN = {
    "sigmoid": (perceptron(), nodes("0", 0, 2, 7, of=9), drawn(50, 6)),
    "relu": (perceptron(nn.ReLU), nodes("2.0", 0, 2, of=5), drawn(50, 6)),
    "single": (perceptron(lambda: nn.LeakyReLU(1 / 3)).float(), nodes("0", 1, 3, of=9), drawn(50, 6).float()),
    "cnn": (filled(CNN((2, 9, 9), (5, 6), 3, strides=(1, 2))), nodes("conv1", 0, 3, of=5), PICTURES),
    "before": (filled(CNN((2, 9, 9), (5, 6), 3, normalisation="before")), nodes("conv2", 0, 3, of=6), PICTURES),
    "after": (filled(CNN((2, 9, 9), (5, 6), 3, normalisation="after")), nodes("conv2", 0, 3, of=6), PICTURES),
    "erf": (
        as_module(MLP([drawn(1, 9, 6), drawn(1, 2, 9)], [drawn(1, 9), None], activation="erf", normalisation="after")),
        nodes("0", 4, 5, of=9),
        drawn(50, 6),
    ),
    "pooled": (
        filled(nn.Sequential(
            nn.Conv2d(2, 6, (3, 2), padding="same", padding_mode="circular"), nn.PReLU(6),
            nn.MaxPool2d(2, ceil_mode=True), nn.Conv2d(6, 4, 3, stride=(2, 1), padding=1, bias=False),
            nn.AdaptiveAvgPool2d((2, None)), nn.Softplus(2.5), nn.Flatten(), nn.Linear(4 * 2 * 5, 3), nn.LogSoftmax(-1),
        )),
        nodes("0", 0, 5, of=6),
        PICTURES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_the_same_answers_come_back(tmp_path, name):
    network, kept, x = PLAIN[name]
    small = compact(network, kept)
    path = save_pruned(small, tmp_path / "deep" / "small", about={"seed": 3})
    assert path == tmp_path / "deep" / "small.safetensors"
    random = torch.get_rng_state()
    again = load_pruned(path)
    assert torch.equal(random, torch.get_rng_state())
    check_again(small, again, x)
    assert str(again) == str(small).replace("20.0", "20")  # JSON knows one kind of numbers
    assert again.get_submodule(kept.layer).weight.shape[0] == kept.count
    assert about_network(path)["seed"] == 3
    assert save_pruned(again, tmp_path / "b", about={"seed": 3}).read_bytes() == path.read_bytes()
    check_again(small, load_pruned(path, like=network), x)
    # It can be trained and pruned on.
    again.train()(x).sum().backward()
    assert all(p.grad is not None for p in again.parameters())


def test_a_residual_network_needs_one_of_its_class(tmp_path):
    pytest.importorskip("torch_pruning", reason="Torch-Pruning, an optional package, is not installed")
    network, x = filled(Residual()), drawn(20, 3, 8, 8)
    small = compact(network, STREAM["block2.conv2"][0], inputs=x)
    path = save_pruned(small, tmp_path / "a")
    with pytest.raises(ParameterError, match=r"the tensors of a Residual, and not its code; give load_pruned .* like="):
        load_pruned(path)
    other = Residual().double()
    before = {name: values.clone() for name, values in other.state_dict().items()}
    check_again(small, load_pruned(path, like=other), x)
    assert all(torch.equal(values, before[name]) for name, values in other.state_dict().items())
    with pytest.raises(ParameterError, match=r"the class and the depth of the one that was pruned. Got a Sequential"):
        load_pruned(path, like=perceptron())


def test_other_programs_read_the_file(tmp_path):
    small = compact(perceptron(), nodes("0", 0, 2, 7, of=9))
    tensors = load_file(save_pruned(small, tmp_path / "a"))
    plain = nn.Sequential(
        *(nn.Linear(6, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Sigmoid())),
        *(nn.Sequential(nn.Linear(3, 5), nn.Sigmoid(), nn.Dropout()), nn.Linear(5, 3)),
    ).double()
    plain.load_state_dict(tensors)
    assert torch.equal(plain.eval()(drawn(9, 6)), small(drawn(9, 6)))


def test_every_argument_of_a_module_is_one_that_it_keeps():
    """A default that the table forgets would come back as the default."""
    import inspect

    left = {"device", "dtype", "inplace", "init", "args", "kwargs"}  # where, and how; not what
    left |= {"min_value", "max_value"}  # what min_val and max_val were called once
    for kind, names in _ARGUMENTS.items():
        left_out = set(inspect.signature(kind).parameters) - left - set(names.split())
        # New PyTorch has BatchNorm with a factor and no shift; a file with one says that it needs its class.
        assert left_out <= ({"bias"} if "BatchNorm" in kind.__name__ else set()), kind


def changed_eps():
    network = CNN((1, 8, 8), (3,), 2, normalisation="before")
    network.norm1.eps = 1e-2
    return network


class Own(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + 1


@pytest.mark.parametrize("network", [changed_eps(), Own(nn.Linear(2, 2)), nn.Sequential(Own(nn.Linear(2, 2)))])
def test_what_the_file_could_not_say_is_not_said(tmp_path, network):
    path = save_pruned(network, tmp_path / "a")
    assert about_network(path)["architecture"] is None
    with pytest.raises(ParameterError, match="and not its code"):
        load_pruned(path)
    x = drawn(4, 1, 8, 8).float() if isinstance(network, CNN) else drawn(4, 2).float()
    check_again(network, load_pruned(path, like=network), x)


def test_what_cannot_be_saved_is_one_sentence(tmp_path):
    shared = nn.Linear(3, 3)
    for network, text in (
        (masked(perceptron(), nodes("0", 1, of=9)), "cannot hold the hooks that silence masked nodes"),
        (nn.Sequential(shared, shared), "tensors of this Sequential cannot be saved"),
        (MLP([drawn(1, 3, 3)], [None]), "as_module"),
        ("network", "takes an nn.Module"),
    ):
        with pytest.raises(ParameterError, match=text) as caught:
            save_pruned(network, tmp_path / "a")
        assert "\n" not in str(caught.value)
    with pytest.raises(ParameterError, match=r"saved as \.safetensors"):
        save_pruned(perceptron(), tmp_path / "a.pt")
    assert not list(tmp_path.iterdir())


def test_files_by_other_hands_are_refused(tmp_path):
    mlp = save_network(MLP([drawn(1, 3, 3)], [None]), tmp_path / "mlp")
    with pytest.raises(StorageError, match="format 'mlp-1' and not pruned-1; load_network reads it"):
        load_pruned(mlp)
    ours = save_pruned(perceptron(), tmp_path / "ours")
    with pytest.raises(StorageError, match="format 'pruned-1'"):
        load_network(ours)
    save_file({"0.weight": torch.zeros(2, 2)}, tmp_path / "theirs.safetensors")
    with pytest.raises(StorageError, match="format None"):
        load_pruned(tmp_path / "theirs.safetensors")
    with pytest.raises(StorageError, match="cannot be read: no such file"):
        load_pruned(tmp_path / "none.safetensors")


def test_every_truncation_and_every_odd_architecture_is_noticed(tmp_path):
    network = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    path = save_pruned(network, tmp_path / "a")
    whole, tensors, metadata = path.read_bytes(), load_file(path), about_network(path)
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError) as caught:
            load_pruned(path)
        assert "\n" not in str(caught.value)
    linear, relu = metadata["architecture"]["parts"]
    for parts in (
        [linear, ["1", linear[1]]], [relu], [["0.1", linear[1]]], [3], 7,
        *([["0", {**linear[1], **more}]] for more in ({"kind": "system"}, {"in_features": 4}, {"in_features": "3"})),
        [["0", {**linear[1], "more": 1}]],
    ):  # fmt: skip
        odd = {**metadata, "architecture": {"kind": "Sequential", "parts": parts}}
        save_file(tensors, path, {"practicum": json.dumps(odd)})
        with pytest.raises(StorageError, match="cannot be built"):
            load_pruned(path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    network = perceptron()
    network[0].bias.data[1] = float("nan")
    path = save_pruned(network, tmp_path / "a")
    with pytest.raises(ParameterError, match=r"not finite in 0\.bias"):
        load_pruned(path)

"""What hooks see: of our networks and of users' modules, against the modules called by hand."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks.cnn import CNN  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.specialization.activations import record  # noqa: E402
from specialization.made import inputs, network  # noqa: E402


class Residual(nn.Module):
    """A block that uses one in-place ReLU twice, as torchvision's ResNets do."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.skip, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(4, 2)

    def forward(self, x):
        y = self.norm(self.second(self.relu(self.first(x))))
        y += self.skip(x)
        return self.head(self.relu(y).mean((2, 3)))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.unused = nn.Linear(6, 5), nn.Linear(5, 2), nn.Linear(1, 1)

    def forward(self, x):
        return self.b(F.relu(self.a(x)))


def pictures(count=3, seed=0):
    return torch.randn(count, 3, 5, 5, generator=torch.Generator().manual_seed(seed))


def as_nodes(x):
    return x.movedim(1, -1).reshape(1, -1, x.shape[1])


def test_an_mlp_is_read_directly():
    students = network([6, 5, 7, 4], seeds=2)
    found = record(students, inputs())
    expected = students.layers(inputs())
    assert found.names == ("1", "2")
    assert all(torch.equal(a, b) for a, b in zip(found.values, expected.post))
    assert all(torch.equal(a, b) for a, b in zip(found.drives, expected.pre))
    assert torch.equal(found.outputs, expected.outputs)
    assert not found.values[0].requires_grad
    assert torch.equal(record(students, inputs(), ["2"]).values[0], expected.post[1])


def test_positions_of_a_convolution_are_samples():
    torch.manual_seed(0)
    module, x = Residual().eval(), pictures()
    first = module.first(x)
    found = record(module, x)
    assert found.names == ("relu", "relu (2)")
    assert [tuple(v.shape) for v in found.values] == [(1, 75, 4), (1, 75, 4)]
    assert torch.allclose(found.values[0], as_nodes(F.relu(first)), atol=1e-6)
    last = F.relu(module.norm(module.second(F.relu(first))) + module.skip(x))
    assert torch.allclose(found.values[1], as_nodes(last), atol=1e-6)
    assert torch.allclose(found.outputs[0], module(x), atol=1e-6)


def test_what_a_later_layer_does_in_place_is_not_seen():
    torch.manual_seed(0)
    module, x = Residual().eval(), pictures()
    found = record(module, x, ["first", "norm"])
    assert torch.allclose(found.values[0], as_nodes(module.first(x)), atol=1e-6)
    assert (found.values[0] < 0).any()  # the ReLU that follows works in place
    assert torch.allclose(found.values[1], as_nodes(module.norm(module.second(F.relu(module.first(x))))), atol=1e-6)


def test_modes_and_hooks_are_as_before():
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 2)).train()
    module[3].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    x = inputs().float()
    first, second = record(module, x), record(module, x)
    assert torch.equal(first.outputs, second.outputs)  # no dropout, no batch statistics
    assert [part.training for part in module] == [True, True, True, False, True]
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not any(part._forward_hooks for part in module.modules())
    with pytest.raises(ParameterError, match="has no layer"):
        record(module, x, ["nothing"])
    with pytest.raises(RuntimeError):
        record(module, x[:, :3])
    assert not any(part._forward_hooks for part in module.modules())


def test_an_ensemble_is_its_modules_side_by_side():
    torch.manual_seed(0)
    nets = [CNN((3, 5, 5), (4, 6), 2) for _ in range(2)]
    together, x = Ensemble(nets), pictures()
    found = record(together, x)
    assert found.names == ("1", "2")
    assert found.outputs.shape == (2, 3, 2)
    for s, net in enumerate(nets):
        alone = record(net, x)
        assert all(torch.allclose(a[s], b[0], atol=1e-6) for a, b in zip(found.values, alone.values))
        assert all(torch.allclose(a[s], b[0], atol=1e-6) for a, b in zip(found.drives, alone.drives))
        hooked = record(together, x, ["relu1", "relu2"])
        assert torch.allclose(hooked.values[1][s], alone.values[1][0], atol=1e-6)
        own = record(together, torch.stack([x, pictures(seed=1)]), ["relu1", "relu2"])
        assert torch.allclose(own.values[0][s], record(net, [x, pictures(seed=1)][s]).values[0][0], atol=1e-6)


def test_one_teacher_answers_the_inputs_of_every_seed():
    teacher, x = network([6, 5, 7, 4]), inputs(seeds=3)
    found = record(teacher, x)
    for s in range(3):
        alone = record(teacher, x[s])
        assert all(torch.allclose(a[s], b[0], atol=1e-14) for a, b in zip(found.values, alone.values))
        assert torch.allclose(found.outputs[s], alone.outputs[0], atol=1e-14)
    torch.manual_seed(0)
    single, pairs = Ensemble([CNN((3, 5, 5), (4,), 2)]), torch.stack([pictures(), pictures(seed=1)])
    found = record(single, pairs)
    assert [tuple(v.shape) for v in found.values] == [(2, 27, 4)]
    assert torch.allclose(found.values[0][1], record(single, pictures(seed=1)).values[0][0], atol=1e-6)


def test_a_users_teacher_answers_the_inputs_of_every_seed():
    """`fit` puts it into an Ensemble that does not know the shape of an example."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).double()
    x = inputs(seeds=3)
    found = record(Ensemble([module]), x)
    assert [tuple(v.shape) for v in found.values] == [(3, 40, 5)]
    for s in range(3):
        alone = record(module, x[s])
        assert torch.allclose(found.values[0][s], alone.values[0][0], atol=1e-14)
        assert torch.allclose(found.outputs[s], alone.outputs[0], atol=1e-14)
    assert (found.outputs[1] - found.outputs[0]).abs().max() > 0.1  # power


def test_an_ensemble_takes_inputs_of_as_many_seeds():
    modules = [nn.Sequential(nn.Linear(6, 5), nn.ReLU()).double() for _ in range(3)]
    with pytest.raises(ParameterError, match=r"S = 3 modules\. Got \(2, 40, 6\)"):
        record(Ensemble(modules), inputs(seeds=2))
    with pytest.raises(ParameterError, match=r"Got \(3, 6\)"):  # an example a seed, or three for all?
        record(Ensemble(modules), inputs(3))


def test_what_cannot_be_recorded():
    x = inputs().float()
    with pytest.raises(ParameterError, match=r"Residual has no layer 'frist'; it has first, .*Did you mean 'first'\?"):
        record(Residual(), pictures(), ["frist"])
    with pytest.raises(ParameterError, match=r"MLP has no layer '3'; it has 1, 2"):
        record(network([6, 5, 7, 4]), inputs(), ["3"])
    with pytest.raises(ParameterError, match=r"no activation function among its modules .*: a, b, unused"):
        record(Functional(), x)
    with pytest.raises(ParameterError, match="'unused' of Functional did not compute"):
        record(Functional(), x, ["a", "unused"])
    with pytest.raises(ParameterError, match="at least one sample"):
        record(Functional(), x[:0])
    with pytest.raises(ParameterError, match=r"'1' must give a tensor .* Got \(40,\)"):
        record(nn.Sequential(nn.Linear(6, 4), nn.Flatten(0)), x[:10], ["1"])
    for values in (x.numpy(), None, [1.0]):
        with pytest.raises(ParameterError, match="must be a tensor"):
            record(network([6, 5, 4]), values)
    with pytest.raises(ParameterError, match="Got tuple instead"):
        record(nn.Sequential(nn.LSTM(6, 4)), x, ["0"])

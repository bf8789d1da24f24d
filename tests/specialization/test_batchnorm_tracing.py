"""Positions of modules by tracing: known by construction, and by name for the same modules."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks.cnn import CNN  # noqa: E402
from practicum.networks.ensemble import Ensemble  # noqa: E402
from practicum.specialization import batchnorm  # noqa: E402
from practicum.specialization.batchnorm.tracing import by_tracing  # noqa: E402
from specialization.made import network  # noqa: E402


def conv(n, m, size=3, stride=1, groups=1):
    return nn.Conv2d(n, m, size, stride, size // 2, groups=groups, bias=False)


class Residual(nn.Module):
    """The basic block of ResNet; `dialect` says how the sum and the ReLUs are written."""

    def __init__(self, n, m, dialect="functional"):
        super().__init__()
        self.conv1, self.bn1 = conv(n, m, stride=1 + (n != m)), nn.BatchNorm2d(m)
        self.conv2, self.bn2 = conv(m, m), nn.BatchNorm2d(m)
        self.downsample = nn.Sequential(conv(n, m, 1, 2), nn.BatchNorm2d(m)) if n != m else None
        self.relu = nn.ReLU(inplace=True)
        self.dialect = dialect

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = x if self.downsample is None else self.downsample(x)
        if self.dialect == "functional":
            return F.relu(y + short)
        if self.dialect == "in place":
            y += short
            return self.relu(y)
        return torch.add(y, short).clamp(min=0)


class ResNet(nn.Module):
    def __init__(self, dialect="functional", branch=False):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 8), nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(Residual(8, 8, dialect), Residual(8, 8, dialect))
        self.layer2 = nn.Sequential(Residual(8, 16, dialect), Residual(16, 16, dialect))
        self.fc = nn.Linear(16, 10)
        self.branch = branch

    def forward(self, x):
        if self.branch and x.mean() > 100:  # a path that depends on the inputs cannot be traced symbolically
            return self.fc(x.flatten(1))
        x = F.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        x = self.layer2(self.layer1(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1))


class Inverted(nn.Module):
    """MobileNetV2's block, with torchvision's names."""

    def __init__(self, n, m):
        super().__init__()
        first = nn.Sequential(conv(n, 4 * n, 1), nn.BatchNorm2d(4 * n), nn.ReLU6())
        second = nn.Sequential(conv(4 * n, 4 * n, groups=4 * n), nn.BatchNorm2d(4 * n), nn.ReLU6())
        self.conv = nn.Sequential(first, second, conv(4 * n, m, 1), nn.BatchNorm2d(m))

    def forward(self, x):
        return x + self.conv(x) if self.conv[2].out_channels == x.shape[1] else self.conv(x)


class FixedInverted(Inverted):
    """The same, whose path does not ask the inputs."""

    def __init__(self, n, m):
        super().__init__(n, m)
        self.same = n == m

    def forward(self, x):
        return x + self.conv(x) if self.same else self.conv(x)


class Mobile(nn.Module):
    def __init__(self, block=FixedInverted):
        super().__init__()
        start = nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU6())
        end = nn.Sequential(conv(12, 40, 1), nn.BatchNorm2d(40), nn.ReLU6())
        self.features = nn.Sequential(start, block(8, 12), block(12, 12), end)

    def forward(self, x):
        return self.features(x).mean([2, 3])


def vgg(first=nn.BatchNorm2d, second=nn.ReLU):
    layers = []
    for n, m in ((3, 8), (8, 16), (16, 16)):
        layers += [conv(n, m), *(part(m) if part is nn.BatchNorm2d else part() for part in (first, second))]
        layers += [nn.MaxPool2d(2)] if m == 16 else [nn.Dropout()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 10))


RESNET = {
    "bn1": "before-relu",
    **{f"layer{i}.{j}.bn1": "before-relu" for i in (1, 2) for j in (0, 1)},
    **{f"layer{i}.{j}.bn2": "before-sum" for i in (1, 2) for j in (0, 1)},
    "layer2.0.downsample.1": "before-sum",
}
MOBILE = {
    "features.0.1": "before-relu",
    "features.1.conv.0.1": "before-relu",
    "features.1.conv.1.1": "before-relu",
    "features.1.conv.3": "linear",
    "features.2.conv.0.1": "before-relu",
    "features.2.conv.1.1": "before-relu",
    "features.2.conv.3": "before-sum",
    "features.3.1": "before-relu",
}


@pytest.mark.parametrize("dialect", ["functional", "in place", "functions"])
@pytest.mark.parametrize("given", [False, True])
def test_a_resnet_however_it_is_written(dialect, given):
    """With a branch it can only be recorded."""
    inputs = torch.zeros(2, 3, 8, 8) if given else None
    assert by_tracing(ResNet(dialect, branch=given), inputs) == RESNET


def test_a_module_that_cannot_be_followed_is_read_by_its_names():
    module = ResNet(branch=True)
    assert by_tracing(module) == {}
    layers = batchnorm.report(module)
    assert dict(zip(layers.layer.values, layers.position.values)) == RESNET
    assert set(layers.evidence.values) == {"names", "custom"}
    traced = batchnorm.report(module, inputs=torch.zeros(2, 3, 8, 8))
    assert set(traced.evidence.values) == {"traced"}


def test_recording_leaves_the_module_as_it_was():
    module = ResNet(branch=True).train()
    module.layer1.eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    by_tracing(module, torch.randn(2, 3, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert [part.training for part in (module, module.layer1[0].bn1, module.layer2)] == [True, False, True]
    assert module.conv1.weight.grad is None


@pytest.mark.parametrize(("block", "inputs"), [(FixedInverted, None), (Inverted, torch.zeros(2, 3, 6, 6))])
def test_inverted_residuals(block, inputs):
    assert by_tracing(Mobile(block), inputs) == MOBILE


@pytest.mark.parametrize("module", [ResNet(), Mobile(), vgg()])
def test_names_say_what_tracing_says(module):
    from practicum.specialization.batchnorm.naming import by_name
    from practicum.specialization.batchnorm.norms import norms
    from practicum.specialization.batchnorm.reading import state_of

    state = state_of(module.state_dict(), "the state dict")
    named = {name: position for name, (position, _) in by_name(state, norms(state)).items()}
    assert named == by_tracing(module)


@pytest.mark.parametrize(
    ("activation", "position"),
    [
        (nn.ReLU(), "before-relu"),
        (nn.ReLU6(), "before-relu"),
        (nn.LeakyReLU(0.1), "before-relu"),
        (nn.PReLU(), "before-relu"),
        (nn.Hardtanh(0.0, 3.0), "before-relu"),
        (nn.Hardtanh(), "before-other"),
        (nn.GELU(), "before-other"),
        (nn.SiLU(), "before-other"),
        (nn.Tanh(), "before-other"),
        (nn.Identity(), "linear"),
        (nn.Sequential(nn.Dropout(), nn.MaxPool2d(2), nn.ReLU()), "before-relu"),
    ],
)
def test_what_follows_decides(activation, position):
    module = nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), activation, conv(8, 8))
    assert by_tracing(module) == {"1": position}


def test_after_relu():
    module = vgg(first=nn.ReLU, second=nn.BatchNorm2d)
    assert set(by_tracing(module).values()) == {"after-relu"}
    # The running means of what a ReLU gives say the same, once they are wide enough and have seen data.
    wide = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Linear(32, 2))
    wide.train()(torch.randn(200, 5, generator=torch.Generator().manual_seed(1)))
    layers = batchnorm.report(wide.state_dict())
    assert (layers.position.item(), layers.evidence.item()) == ("after-relu", "running mean")


class Odd(nn.Module):
    """A constant that is added to one norm, a gate on another, a module called twice, one that is never called."""

    def __init__(self):
        super().__init__()
        self.shifted, self.gated, self.twice, self.unused = (nn.BatchNorm1d(4) for _ in range(4))
        self.gate = nn.Linear(4, 4)

    def forward(self, x):
        y = torch.relu(self.shifted(x) + 0.5)
        z = self.gated(y)
        z = z * torch.sigmoid(self.gate(z)) + y
        return torch.relu(self.twice(z)) + self.twice(y)


class Squeezed(nn.Module):
    """A block whose channels are gated by what an average over the picture says."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = conv(4, 4), nn.BatchNorm2d(4)
        self.fc = conv(4, 4, 1)

    def forward(self, x):
        y = self.bn(self.conv(x))
        return torch.relu(x + y * torch.sigmoid(self.fc(F.adaptive_avg_pool2d(y, 1))))


def test_a_gate_is_no_nonlinearity_of_its_own():
    assert by_tracing(Squeezed()) == {"bn": "before-sum"}


def test_norms_without_running_statistics_or_without_weights():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.ReLU())
    assert batchnorm.report(module).position.item() == "before-relu"
    module.append(nn.BatchNorm1d(4, affine=False))
    assert batchnorm.report(module).layer.values.tolist() == ["1"]
    with pytest.raises(ParameterError, match=r"'2' normalises without a weight and a bias of its own \(affine=False\)"):
        batchnorm.report(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4, affine=False)))


def test_odd_ways():
    expected = {"shifted": "unknown", "gated": "before-sum", "twice": "unknown", "unused": "unknown"}
    assert by_tracing(Odd()) == expected
    layers = batchnorm.report(Odd())
    assert dict(zip(layers.layer.values, layers.position.values)) == expected
    assert layers.evidence.values.tolist() == ["", "traced", "", ""]


@pytest.mark.parametrize("normalisation", ["before", "after"])
def test_cnn_and_ensembles_of_it(normalisation):
    position = {"before": "before-relu", "after": "after-relu"}[normalisation]
    cnn = CNN((1, 8, 8), (4, 6), 3, normalisation=normalisation)
    layers = batchnorm.report(cnn)
    assert layers.layer.values.tolist() == ["norm1", "norm2"]
    assert set(layers.position.values) == {position}
    assert set(layers.evidence.values) == {"traced"}
    assert layers.zero.values.tolist() == [1, 1]
    other = CNN((1, 8, 8), (4, 6), 3, normalisation=normalisation)
    with torch.no_grad():
        other.norm2.bias.copy_(torch.tensor([-1.0, -2.0, 0.0, 3.0, -1.0, -1.0]))
    both = batchnorm.report(Ensemble([cnn, other]))
    assert both.negative.dims == ("seed", "layer")
    assert np.allclose(both.negative, [[0, 0], [0, 4 / 6]])
    assert both.channels.values.tolist() == [4, 6]
    assert set(both.position.values) == {position}


@pytest.mark.parametrize(
    ("normalisation", "activation", "position"),
    [
        ("before", "relu", "before-relu"),
        ("before", "leaky-relu", "before-relu"),
        ("before", "erf", "before-other"),
        ("before", "linear", "linear"),
        ("after", "relu", "after-relu"),
        ("after", "erf", "linear"),
    ],
)
def test_perceptrons_side_by_side(normalisation, activation, position):
    mlp = network((3, 5, 4, 2), seeds=3, activation=activation, normalisation=normalisation)
    with torch.no_grad():
        mlp.norms[1].bias[2] = torch.tensor([-1.0, -1.0, 1.0, 0.0])
    layers = batchnorm.report(mlp, keep=["beta"])
    assert layers.layer.values.tolist() == ["norms.0", "norms.1"]
    assert set(layers.position.values) == {position}
    assert np.allclose(layers.negative, [[0, 0], [0, 0], [0, 0.5]])
    assert layers.beta.shape == (3, 2, 5)
    assert np.isnan(layers.beta.values[:, 1, 4]).all()
    totals = batchnorm.by_position(layers)
    assert np.allclose(totals.negative.sel(position="all"), [0, 0, 2 / 9])
    assert np.allclose(totals.negative.sel(position=position), [0, 0, 2 / 9])


def test_a_perceptron_inside_another_module():
    module = nn.Sequential(network((3, 5, 2), activation="relu", normalisation="before"))
    assert by_tracing(module) == {"0.norms.0": "before-relu"}

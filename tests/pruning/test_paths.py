"""What follows a layer: operations that treat each node by itself, modules and functions alike, and where they end."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.pruning._paths import applied, steps_after  # noqa: E402
from pruning.to_prune import check_same, drawn, filled, perceptron, snapshot  # noqa: E402


class Snake(nn.Module):
    """An activation of the user's own."""

    def forward(self, x):
        return x + torch.sin(x) ** 2


class Line(nn.Module):
    """A layer, whatever comes next, and another layer."""

    def __init__(self, layer, following, last):
        super().__init__()
        self.layer, self.last, self.following = layer, last, following

    def forward(self, x):
        return self.last(self.following(self.layer(x)))


def shuffled(x):
    return x.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)


DENSE = [
    (nn.Sequential(nn.ReLU(), nn.Dropout(), nn.BatchNorm1d(8)), 3),
    (Snake(), 1),
    (lambda x: torch.erf(x / 2**0.5), 2),
    (lambda x: F.leaky_relu(x, 0.1).clamp(max=1.0).sigmoid(), 3),
    (lambda x: F.dropout(F.relu(x), 0.5), 1),  # random in evaluation too
    (nn.Identity(), 1),
    (nn.Sequential(nn.LayerNorm(8), nn.ReLU()), 0),
    (nn.Sequential(nn.Tanh(), nn.Softmax(-1), nn.ReLU()), 1),
    (lambda x: torch.tanh(x).flip(-1), 1),
    (lambda x: x * torch.sigmoid(x), 0),  # used twice
    (lambda x: x / x.norm(dim=-1, keepdim=True), 0),
]
PICTURES = [
    (nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)), 3),
    (nn.Sequential(nn.AvgPool2d(2), nn.Sigmoid()), 2),  # the activation after the pooling counts
    (lambda x: F.max_pool2d(F.relu(x), 2), 2),
    (lambda x: F.adaptive_avg_pool2d(torch.tanh(x), 1), 2),
    (nn.Sequential(nn.ReLU(), nn.GroupNorm(2, 8), nn.ReLU()), 1),
    (nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU()), 1),  # a layer with weights of its own
    (lambda x: shuffled(torch.relu(x)), 1),
    (lambda x: torch.relu(x).flatten(1), 1),
]


@pytest.mark.parametrize("following, steps", DENSE)
def test_after_a_linear_layer(following, steps):
    network = Line(nn.Linear(6, 8), following, nn.Linear(8, 2)).double()
    network = filled(network) if isinstance(following, nn.Module) else network.eval()
    before = snapshot(network)
    found = steps_after(network, "layer")
    check_same(before, snapshot(network))
    assert len(found) == steps
    if isinstance(following, nn.Sequential) and steps == len(following):
        x = drawn(20, 8)
        with torch.no_grad():
            assert torch.equal(applied(found, x.clone()), following(x.clone()))


@pytest.mark.parametrize("following, steps", PICTURES)
def test_after_a_convolution(following, steps):
    network = Line(nn.Conv2d(3, 8, 3), following, nn.Identity()).double().eval()
    found = steps_after(network, "layer")
    assert len(found) - (found[-1].name == "last" if found else 0) == steps


def test_modules_that_compute_twice_are_no_place_for_a_hook():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self.act = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2), nn.ReLU()

        def forward(self, x):
            return self.c(self.act(self.b(self.act(self.a(x)))))

    (step,) = steps_after(filled(Shared()), "a")
    assert step.module is None
    (step,) = steps_after(filled(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))), "0")
    assert isinstance(step.module, nn.ReLU)


def test_training_mode_is_no_hindrance_and_stays():
    network = perceptron().train()
    before = snapshot(network)
    assert [step.name for step in steps_after(network, "2.0")] == ["2.1", "2.2"]
    check_same(before, snapshot(network))


def test_a_layer_that_computes_not_once_gets_a_sentence():
    class Twice(nn.Module):
        def __init__(self, times):
            super().__init__()
            self.a, self.times = nn.Linear(4, 4), times

        def forward(self, x):
            for _ in range(self.times):
                x = torch.relu(self.a(x))
            return x

    for times in (0, 2):
        with pytest.raises(
            ParameterError, match=f"must compute once in a pass.*Got {times} times in the forward of Twice"
        ):
            steps_after(Twice(times), "a")
    with pytest.raises(ParameterError, match=r"must be a part of a network\. Got a Linear alone"):
        steps_after(nn.Linear(3, 4), "")

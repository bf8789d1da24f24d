"""Data sets of features: preimages that are known, the limits of what is claimed, and one sentence for the rest."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import (  # noqa: E402  # noqa: E402
    CNN,
    MLP,
    Data,
    Ensemble,
    GaussianInputs,
    SeparatedTeacher,
    Students,
    Training,
    fit,
    make_data,
)
from practicum.robustness.features import feature_dataset, features, invert_features  # noqa: E402
from robustness.linear_students import INPUTS, SEEDS, drawn, linear, nonlinear  # noqa: E402


def invertible(activation="linear", seeds=SEEDS):
    """Hidden nodes that say all about the inputs: a matrix of singular values from 1/2 to 2, which is known."""
    u, _, v = torch.linalg.svd(drawn(seeds, INPUTS, INPUTS))
    weight = u @ torch.diag(torch.linspace(0.5, 2, INPUTS, dtype=torch.float64)) @ v
    return MLP([weight, drawn(seeds, 3, INPUTS)], [drawn(seeds, INPUTS), drawn(seeds, 3)], activation=activation)


@pytest.mark.parametrize("activation", ["linear", "leaky-relu"])
def test_the_preimage_of_a_linear_layer_is_found(activation):
    """The matrix is invertible, so there is one; it is solved for by linear algebra."""
    model = invertible(activation)
    if activation == "leaky-relu":
        model.slope = 0.5
    wanted = drawn(SEEDS, 6, INPUTS, seed=5)
    goals = features(model, wanted).detach()
    if activation == "linear":
        solved = torch.linalg.solve(model.weights[0], (goals - model.biases[0].unsqueeze(1)).mT).mT
        torch.testing.assert_close(solved.detach(), wanted)
    found = invert_features(model, goals, drawn(SEEDS, 6, INPUTS, seed=6), steps=1500, step_size=0.2)
    torch.testing.assert_close(found.inputs, wanted, rtol=0, atol=1e-9)
    assert (found.distances < 1e-9).all()
    assert (found.before > 0.1).all()
    torch.testing.assert_close(found.distances, (features(model, found.inputs) - goals).detach().norm(dim=-1))
    # Power: another aim has another preimage.
    other = invert_features(model, goals + 0.01, drawn(SEEDS, 6, INPUTS, seed=6), steps=1500, step_size=0.2)
    assert (other.inputs - wanted).abs().amax(-1).min() > 1e-3


def test_steps_have_the_length_that_is_said_and_only_come_nearer():
    model, goals, start = invertible(), drawn(SEEDS, 6, INPUTS, seed=5) * 10, drawn(SEEDS, 6, INPUTS, seed=6)
    distances, before = [], start
    for steps in range(1, 6):
        found = invert_features(model, goals, start, steps=steps, step_size=0.1)
        moved = (found.inputs - before).norm(dim=-1)
        torch.testing.assert_close(moved, torch.full_like(moved, 0.1), rtol=1e-9, atol=0)  # far from the aim none fails
        before = found.inputs
        distances.append(found.distances)
    assert (torch.stack(distances).diff(dim=0) < 0).all()
    # The first step is that of steepest descent, here in closed form.
    w = model.weights[0].detach()
    rest = features(model, start).detach() - goals
    slope = rest @ w
    one = invert_features(model, goals, start, steps=1, step_size=0.1).inputs
    torch.testing.assert_close(one, start - 0.1 * slope / slope.norm(dim=-1, keepdim=True), rtol=1e-9, atol=1e-12)


def test_seeds_are_side_by_side_and_modes_are_kept():
    model = nonlinear(3, normalisation="before")
    with torch.no_grad():
        model(drawn(SEEDS, 50, INPUTS))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    starts, aims = drawn(SEEDS, 8, INPUTS, seed=5), drawn(SEEDS, 8, INPUTS, seed=6)
    model.eval()
    goals = features(model, aims).detach()
    model.train()
    found = invert_features(model, goals, starts, steps=30)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert (found.distances.mean(1) < 0.6 * found.before.mean(1)).all()  # 7 nodes of 5 inputs, 3 units of way
    alone = invert_features(model.select([1]), goals[1:2], starts[1:2], steps=30)
    torch.testing.assert_close(alone.inputs, found.inputs[1:2], rtol=1e-9, atol=1e-11)
    shared = invert_features(model, goals, starts[0], steps=3).inputs
    torch.testing.assert_close(shared, invert_features(model, goals, starts[:1].expand(SEEDS, -1, -1), steps=3).inputs)


def test_features_of_modules_are_those_of_their_layers():
    torch.manual_seed(0)
    net = CNN((1, 6, 6), (3, 4), 2).double()
    images = drawn(5, 1, 6, 6)
    seen = net.layers(images).post[-1]  # (1, samples, channels), position after position
    wanted = seen.view(5, -1, 4).transpose(1, 2).flatten(1)
    torch.testing.assert_close(features(net, images), wanted)
    torch.testing.assert_close(features(net, images, layer="flatten"), wanted)
    torch.testing.assert_close(features(Ensemble([net]), images)[0], wanted)
    first = net.layers(images).pre[0].view(5, -1, 3).transpose(1, 2).flatten(1)
    torch.testing.assert_close(features(net, images, layer="conv1"), first)
    model = nonlinear(3)
    torch.testing.assert_close(features(model, drawn(4, INPUTS)), model.layers(drawn(4, INPUTS)).post[-1])
    assert not net.output._forward_pre_hooks
    assert not net.conv1._forward_hooks


@pytest.mark.parametrize("kind", ["MLP", "Sequential", "Ensemble", "CNN"])
def test_a_data_set_of_features(kind):
    """Of any model: what it sees in the examples comes near to what it is to see, and the teacher labels them."""
    torch.manual_seed(1)
    shape = (1, 4, 4) if kind == "CNN" else (INPUTS,)
    plain = lambda: nn.Sequential(nn.Linear(INPUTS, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    model = {
        "MLP": lambda: nonlinear(3, activation="erf", seeds=2),
        "Sequential": plain,
        "Ensemble": lambda: Ensemble([plain(), plain()], shape=shape),
        "CNN": lambda: CNN(shape, (3,), 3).double(),
    }[kind]()
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), 3)).double()
    inputs = np.random.default_rng(0).standard_normal((20, *shape))
    found = feature_dataset(model, inputs, teacher, steps=100, step_size=0.2)
    lead = (2,) if kind in ("MLP", "Ensemble") else ()
    assert found.inputs.shape == (*lead, 20, *shape)
    assert found.outputs.shape == (*lead, 20, 3)
    assert found.labels.shape == found.differs.shape == found.inversion.distances.shape == (*lead, 20)
    assert found.disagreement.shape == lead
    given = torch.as_tensor(inputs)
    with torch.no_grad():
        rest = (features(model, found.inputs) - features(model, given)).norm(dim=-1)
        asked = teacher(found.inputs.reshape(-1, *shape)).view(*lead, 20, 3)
        truth = teacher(given).argmax(-1)
    torch.testing.assert_close(rest, found.inversion.distances)
    assert (rest < 0.5 * found.inversion.before).float().mean() > 0.6
    torch.testing.assert_close(found.outputs, asked)
    assert torch.equal(found.labels, asked.argmax(-1))
    assert torch.equal(found.differs, found.labels != truth)
    torch.testing.assert_close(found.disagreement, found.differs.double().mean(-1))
    known = feature_dataset(model, inputs, teacher, labels=(truth + 1) % 3, steps=100, step_size=0.2)
    assert torch.equal(known.differs, found.labels != (truth + 1) % 3)
    assert torch.equal(known.inputs, found.inputs)


def test_each_begins_as_another_one():
    model, teacher = nonlinear(3), nonlinear(3, seed=2)
    inputs = drawn(SEEDS, 11, INPUTS)
    found = feature_dataset(model, inputs, teacher, steps=1, step_size=1e-9)
    begin = (found.inputs.unsqueeze(2) - inputs.unsqueeze(1)).norm(dim=-1).argmin(-1)  # the example it is
    assert all(sorted(row.tolist()) == list(range(11)) for row in begin)
    assert (begin != torch.arange(11)).all()
    other = feature_dataset(model, inputs, teacher, steps=1, step_size=1e-9, seed=1)
    assert not torch.allclose(other.inputs, found.inputs)
    two = feature_dataset(model, inputs[:, :2], teacher, steps=1, step_size=1e-9)
    torch.testing.assert_close(two.inputs, inputs[:, [1, 0]], rtol=0, atol=1e-8)


def test_one_output_is_a_sign():
    model, teacher = nonlinear(1), nonlinear(1, seed=2)
    found = feature_dataset(model, drawn(30, INPUTS), teacher, steps=5)
    assert torch.equal(found.labels, (found.outputs.squeeze(-1) > 0).long())
    assert torch.equal(found.differs, found.labels != (teacher(drawn(30, INPUTS)).squeeze(-1) > 0).long())
    assert 0 < found.disagreement.mean() < 1


def test_the_twin_of_the_teacher_never_disagrees():
    """Features that the teacher itself uses fix its outputs; those of an untrained student do not."""
    teacher = SeparatedTeacher(inputs=8, hidden=4, outputs=4, decay=0.0).build(range(2))
    inputs = make_data(GaussianInputs(dimension=8, scale=2.0), teacher, range(2), 100, 1).inputs
    own = feature_dataset(teacher, inputs, teacher, steps=500, step_size=0.2)
    reached = own.inversion.distances < 1e-6
    assert reached.float().mean() > 0.3  # the others end where a node does not fire that should
    assert not own.differs[reached].any()
    torch.testing.assert_close(own.outputs[reached], teacher(inputs).detach()[reached], rtol=0, atol=1e-4)
    student = Students(multiple=2).build(teacher, range(2))
    assert (feature_dataset(student, inputs, teacher, steps=500, step_size=0.2).disagreement > 0.1).all()


def test_students_learn_from_it():
    teacher = SeparatedTeacher(inputs=8, hidden=4, outputs=4, decay=0.0).build(range(2))
    data = make_data(GaussianInputs(dimension=8), teacher, range(2), 100, 100)
    model = Students(multiple=2).build(teacher, range(2))
    made = feature_dataset(model, data.inputs, teacher, steps=20)
    students = Students(multiple=2).build(teacher, range(2))
    found = fit(
        teacher, students, Data(made.inputs, data.held_out), Training(epochs=20, learning_rate=0.1), seeds=range(2)
    )
    assert (found.loss.values[-1] < 0.5 * found.loss.values[0]).all()


# ---- one sentence


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda m, g, x: invert_features(m, g, x, steps=0), "'steps' parameter must be a whole number >= 1"),
        (lambda m, g, x: invert_features(m, g, x, step_size=0.0), "'step_size' parameter .* must be > 0"),
        (lambda m, g, x: invert_features(m, g[:, :3], x), "one example for each start"),
        (lambda m, g, x: invert_features(m, g * torch.nan, x), "must be finite"),
        (lambda m, g, x: invert_features(m, g, x, layer="norms"), "features of an MLP are those of its last hidden"),
        (lambda m, g, x: features(linear(3), x), "Got an MLP without one"),
        (
            lambda m, g, x: features(nn.Sequential(nn.Linear(5, 2)), x[0].float(), layer="1"),
            "has no layer '1'. It has 0",
        ),
        (lambda m, g, x: features(nn.Tanh(), x[0]), "has no Linear"),
        (lambda m, g, x: feature_dataset(m, x[:, :1], m), "at least 2 inputs"),
        (lambda m, g, x: feature_dataset(m, x, nonlinear(3, seeds=2)), "cannot answer the inputs|one for all"),
        (lambda m, g, x: feature_dataset(m, x, m, labels=[1, 2]), "'labels' must be 4 classes"),
        (lambda m, g, x: feature_dataset(m, x, m, labels=[0.5] * 4), "'labels' must be 4 classes"),
        (lambda m, g, x: feature_dataset(m.select([0]), x[0], nonlinear(3, seeds=2)), "one for all"),
    ],
)
def test_what_does_not_fit(call, match):
    model, inputs = nonlinear(3), drawn(SEEDS, 4, INPUTS)
    with pytest.raises(ParameterError, match=match) as raised:
        call(model, features(model, inputs), inputs)
    assert "\n" not in str(raised.value)

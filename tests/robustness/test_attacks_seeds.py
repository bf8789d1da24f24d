"""Students attacked side by side are those attacked one by one, and no attack leaves a trace in a network."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum.networks import Ensemble  # noqa: E402
from practicum.networks.cnn import CNN  # noqa: E402
from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from robustness.attack_networks import drawn, perceptrons  # noqa: E402

D, C, S, ROWS = 8, 5, 4, 60
RADII = [0.1, 0.4]
CASES = [
    PGD(),
    PGD(norm="l2", restarts=3, steps=5),
    FGSM(norm="l2"),
    RandomNoise(tries=2),
    APGD(steps=15, restarts=3),
    TargetedAPGD(norm="l2", steps=8),
    Worst(attacks=(APGD(steps=8, restarts=2), TargetedAPGD(steps=5), PGD(steps=3))),
    PGD(oracle=True, loss="margin", margin=0.2),
    PGD(oracle=True, loss="kl", norm="l2"),
    APGD(oracle=True, loss="mse", steps=15),
    Worst(attacks=(FGSM(loss="mse"), PGD(loss="mse"))),
]


def compare(many, one, index, *, to=1e-5):
    """To rounding: products of stacked matrices are summed in another order."""
    assert torch.equal(many.success[:, index], one.success.squeeze(1))
    torch.testing.assert_close(many.loss[:, index], one.loss.squeeze(1), rtol=to, atol=to)
    torch.testing.assert_close(many.inputs[:, index], one.inputs.squeeze(1), rtol=0, atol=to)


@pytest.mark.parametrize("attack", CASES, ids=repr)
@pytest.mark.parametrize("own", [False, True])
def test_side_by_side_and_one_by_one(attack, own):
    """One teacher and the same inputs for all, or one teacher and inputs of its own for each."""
    students = perceptrons(D, 12, C, seeds=S, normalisation="before")
    teachers = perceptrons(D, 9, C, seeds=S if own else 1, seed=5, activation="erf")
    inputs = drawn(S, ROWS, D) if own else drawn(ROWS, D)
    many = attack(students, inputs, RADII, teacher=teachers, seed=3)
    assert 0 < many.success.double().mean() < 1 or attack.loss == "mse"
    for index in range(S):
        teacher = teachers.select([index]) if own else teachers
        one = attack(students.select([index]), inputs[index] if own else inputs, RADII, teacher=teacher, seed=3)
        compare(many, one, index)
    with pytest.raises(AssertionError):  # power: another student's
        compare(many, one, 0)


@pytest.mark.parametrize("attack", [PGD(), APGD(steps=10, restarts=2), TargetedAPGD(steps=5)], ids=repr)
@pytest.mark.parametrize("own", [False, True])
def test_labels_of_all_and_labels_of_each(attack, own):
    students, inputs = perceptrons(D, 12, C, seeds=S), drawn(ROWS, D)
    labels = np.random.default_rng(1).integers(0, C, (S, ROWS) if own else ROWS)
    many = attack(students, inputs, RADII, labels=labels)
    for index in range(S):
        one = attack(students.select([index]), inputs, RADII, labels=labels[index] if own else labels)
        compare(many, one, index)
    wrong = np.roll(labels, 1, -1)
    other = attack(students.select([index]), inputs, RADII, labels=wrong[index] if own else wrong)
    with pytest.raises(AssertionError):
        compare(many, other, index)


def test_teachers_of_any_kind_and_one_for_many_students():
    students, inputs = perceptrons(D, 12, C, seeds=S), drawn(ROWS, D)
    module = nn.Sequential(nn.Linear(D, C), nn.Tanh()).double()
    attack = PGD(oracle=True, loss="mse")
    many = attack(students, inputs, 0.3, teacher=module)
    for index in range(S):
        compare(many, attack(students.select([index]), inputs, 0.3, teacher=module), index)
    each = Ensemble([copy.deepcopy(module) for _ in range(S)], shape=(D,))
    found = attack(students, inputs, 0.3, teacher=each)
    torch.testing.assert_close(found.inputs, many.inputs, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "attack", [PGD(steps=5), APGD(norm="l2", steps=5), Worst(attacks=(PGD(steps=2), FGSM()))], ids=repr
)
def test_convolutions_side_by_side(attack):
    """In float64, since a sign decides where a step goes."""
    networks = [CNN((1, 6, 6), (4, 6), C, normalisation="before").double().eval() for _ in range(3)]
    inputs, labels = drawn(20, 1, 6, 6), np.arange(20) % C
    many = attack(Ensemble(networks), inputs, RADII, labels=labels)
    assert many.inputs.shape == (2, 3, 20, 1, 6, 6)
    for index, network in enumerate(networks):
        compare(many, attack(network, inputs, RADII, labels=labels), index, to=1e-9)


class Busy(nn.Module):
    """With everything that an attack might disturb."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.dropout, self.last = nn.Dropout(0.5), nn.Linear(64, C)
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)
        self.modes = set()

    def forward(self, inputs):
        self.modes.add(self.training)
        return self.last(self.dropout(torch.relu(self.norm(self.first(inputs)))).flatten(1)) * self.frozen


@pytest.mark.parametrize("attack", [*CASES[:6], PGD(oracle=True), PGD(oracle=True, loss="kl")], ids=repr)
def test_no_trace(attack):
    torch.manual_seed(1)
    student, teacher = Busy().train(), Busy().train()
    student.norm.eval()  # a mode of its own
    student(torch.randn(5, 1, 6, 6)).sum().backward()
    teacher.last.weight.requires_grad_(False)
    inputs = torch.randn(10, 1, 6, 6, requires_grad=True)
    kept = inputs.detach().clone()
    student.modes.clear()
    networks = (student, teacher)
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    modes = [[module.training for module in network.modules()] for network in networks]
    wanted = [[p.requires_grad for p in network.parameters()] for network in networks]
    grads = [p.grad.clone() if p.grad is not None else None for p in student.parameters()]
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    ones = attack(student, inputs, RADII, teacher=teacher)
    twos = attack(student, inputs, RADII, teacher=teacher)
    assert torch.equal(ones.inputs, twos.inputs)
    assert student.modes == {False}
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    for network, state, mode, want in zip(networks, before, modes, wanted):
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
        assert [module.training for module in network.modules()] == mode
        assert [p.requires_grad for p in network.parameters()] == want
    assert all(p.grad is None for p in teacher.parameters())
    for p, grad in zip(student.parameters(), grads):
        assert (p.grad is None) == (grad is None)
        assert grad is None or torch.equal(p.grad, grad)
    assert inputs.grad is None
    assert torch.equal(inputs, kept)
    assert not ones.inputs.requires_grad
    assert not ones.loss.requires_grad


@pytest.mark.parametrize("attack", CASES, ids=repr)
def test_no_trace_in_perceptrons(attack):
    students, teacher = (
        perceptrons(D, 12, C, seeds=2, normalisation="after").train(),
        perceptrons(D, 9, C, seed=5).train(),
    )
    before = copy.deepcopy(students.state_dict())
    inputs = drawn(ROWS, D)
    kept = inputs.clone()
    attack(students, inputs, RADII, teacher=teacher)
    assert all(torch.equal(value, before[name]) for name, value in students.state_dict().items())
    assert all(module.training for network in (students, teacher) for module in network.modules())
    assert all(p.requires_grad and p.grad is None for p in students.parameters())
    assert torch.equal(inputs, kept)


def test_modes_come_back_after_a_failure():
    class Failing(nn.Linear):
        def forward(self, inputs):
            raise KeyError("nobody is home")

    student = nn.Sequential(Failing(D, C), nn.Dropout()).train()
    with pytest.raises(KeyError):
        PGD()(student, drawn(3, D), 0.1, labels=[0, 1, 2])
    assert all(module.training for module in student.modules())


def test_within_no_grad_and_inference():
    module, inputs, labels = nn.Sequential(nn.Linear(D, C), nn.Tanh()).double(), drawn(ROWS, D), np.arange(ROWS) % C
    usual = PGD()(module, inputs, 0.3, labels=labels)
    with torch.no_grad():
        assert torch.equal(PGD()(module, inputs, 0.3, labels=labels).inputs, usual.inputs)
    with torch.inference_mode():
        for attack in (PGD(), TargetedAPGD(steps=3)):
            assert attack(module, inputs.clone(), 0.3, labels=labels).success.shape == (1, ROWS)
        assert torch.equal(PGD()(module, inputs.clone(), 0.3, labels=labels).inputs, usual.inputs)

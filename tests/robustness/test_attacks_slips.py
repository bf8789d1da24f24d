"""Whatever does not fit in a call of an attack is one sentence: the value, the bound, why, and what works."""

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import Ensemble  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst  # noqa: E402
from robustness.attack_networks import drawn, perceptrons  # noqa: E402

D, C, ROWS = 5, 4, 6
STUDENT, X = perceptrons(D, 8, C), drawn(ROWS, D)
Y = STUDENT(X)[0].argmax(-1)
BASIS = np.eye(D)[:, :2]
NAN, INF = float("nan"), float("inf")


class Own(nn.Module):
    """A module that computes any function of its inputs and a weight (D, C)."""

    def __init__(self, function):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(D, C, dtype=torch.float64))
        self.function = function

    def forward(self, inputs):
        return self.function(inputs, inputs @ self.weight)


def spoilt(value, where=1):
    network = perceptrons(D, 8, C)
    with torch.no_grad():
        network.weights[where][0, 1, 0] = value
    return network


def inputs_with(value):
    found = X.clone()
    found[3, 2] = value
    return found


SLIPS = [
    # radii
    ({"epsilons": -0.1}, "'epsilons' of PGD must be finite numbers >= 0", "Got -0.1"),
    ({"epsilons": NAN}, "'epsilons' of PGD must be finite", "Got nan"),
    ({"epsilons": [0.1, INF]}, "'epsilons' of PGD must be finite", "inf"),
    ({"epsilons": []}, "at least one", "Got []"),
    ({"epsilons": None}, "'epsilons' of PGD must be", "Got None"),
    ({"epsilons": "0.1"}, "'epsilons' of PGD must be", "Got '0.1'"),
    ({"epsilons": True}, "'epsilons' of PGD must be", "Got True"),
    ({"epsilons": [[0.1]]}, "'epsilons' of PGD must be", "Got [[0.1]]"),
    ({"epsilons": [0.1, [0.2]]}, "'epsilons' of PGD must be", "[0.1, [0.2]]"),
    ({"epsilons": 1j}, "'epsilons' of PGD must be", "Got 1j"),
    ({"epsilons": 1e300}, "'epsilons' of PGD must be at most", "overflow"),
    # inputs
    ({"inputs": inputs_with(NAN)}, "inputs of PGD must be finite", "Row 3 is not; drop it"),
    ({"inputs": inputs_with(-INF)}, "inputs of PGD must be finite", "Row 3"),
    ({"inputs": "mnist"}, "inputs of PGD must be an array of real numbers", "Got str"),
    ({"inputs": None}, "inputs of PGD must be an array", "Got NoneType"),
    ({"inputs": X + 1j}, "inputs of PGD must be an array of real numbers", "Tensor"),
    ({"inputs": [[1.0, 2.0], [3.0]]}, "inputs of PGD must be an array", "Got list"),
    ({"inputs": X[0]}, "inputs of PGD must have shape (B, ...)", "a single input x is x[None]"),
    ({"inputs": 3.0}, "inputs of PGD must have shape (B, ...)", "Got ()"),
    ({"inputs": X[:0]}, "at least one row", "Got (0, 5)"),
    ({"inputs": X[:, :3]}, "must have 5 columns", "3)"),
    ({"inputs": X.expand(3, ROWS, D)}, "must be those of 1 students, or the same for all", "those of 3 seeds"),
    # networks
    ({"student": None}, "'student' of PGD must be a network", "Got NoneType"),
    ({"student": "mlp"}, "'student' of PGD must be a network", "Got str"),
    ({"student": lambda x: x}, "'student' of PGD must be a network", "build()"),
    ({"teacher": "t"}, "'teacher' of PGD must be a network", "Got str"),
    ({"student": perceptrons(D, 8, C, dtype=torch.bfloat16)}, "of float32 or float64", "torch.bfloat16"),
    ({"student": spoilt(NAN)}, "loss of an attack must be finite", "row 0"),
    ({"student": spoilt(INF)}, "loss of an attack must be finite", "a student that diverged"),
    ({"student": spoilt(NAN), "attack": RandomNoise()}, "loss of an attack must be finite", "row 0"),
    ({"student": Own(lambda x, z: z[:, 0])}, "student must have outputs of shape (1, C)", "of shape (1,)"),
    ({"student": Own(lambda x, z: z[..., None])}, "student must have outputs of shape (1, C)", "(1, 4, 1)"),
    ({"student": Own(lambda x, z: z[:, :0])}, "student must have outputs of shape (1, C)", "(1, 0)"),
    ({"student": Own(lambda x, z: (z, z))}, "student must have outputs of shape (1, C)", "Got tuple"),
    ({"student": Own(lambda x, z: {"logits": z})}, "student must have outputs of shape (1, C)", "Got dict"),
    ({"student": Own(lambda x, z: z.numpy())}, "student must have outputs of shape (1, C)", "Got ndarray"),
    ({"student": Own(lambda x, z: z.long())}, "a row of real numbers", "torch.int64"),
    ({"student": Own(lambda x, z: z.sum(0, keepdim=True).expand(2, -1))}, "on 1 inputs", "(2, 4)"),
    ({"student": Own(lambda x, z: z.detach())}, "do not depend on its inputs in a way", "leave out detach()"),
    ({"student": Own(lambda x, z: (z > 0).double())}, "do not depend on its inputs in a way", "no direction"),
    ({"student": Own(lambda x, z: x.sub_(1)[:, :C])}, "must not change its inputs in place", "x = x - 1"),
    ({"student": Own(lambda x, z: x.sub_(1)[:, :C]), "attack": RandomNoise()}, "must not change its inputs", "x -= 1"),
    ({"student": nn.Linear(4, C).double()}, "student cannot answer inputs of shape (1, 5)", "cannot be multiplied"),
    ({"student": Ensemble([nn.Linear(D, C).double()])}, "need an axis of seeds", "give the Ensemble its shape="),
    ({"student": Ensemble([nn.Linear(4, C).double()], shape=(4,))}, "(B, 4) or (S, B, 4)", "Got (6, 5)"),
    # what is right
    ({"labels": None}, "PGD needs a teacher, because there are no labels", "teacher=... or labels=..."),
    ({"labels": None, "attack": PGD(oracle=True)}, "PGD needs a teacher, because it is the oracle", "pass teacher="),
    ({"attack": PGD(loss="mse"), "labels": None}, "loss='mse' compares with it", "pass teacher="),
    ({"attack": PGD(loss="kl")}, "loss='kl' compares with it", "pass teacher="),
    ({"attack": PGD(oracle=True), "teacher": STUDENT}, "takes 'labels' or oracle=True", "drop one of them"),
    ({"attack": PGD(loss="mse"), "teacher": STUDENT}, "takes 'labels' or loss='mse'", "drop one of them"),
    ({"labels": Y[:3]}, "'labels' of PGD must have shape (6,)", "Got (3,)"),
    ({"labels": Y.expand(2, ROWS)}, "'labels' of PGD must have shape (6,), one an input, or (1, 6)", "Got (2, 6)"),
    ({"labels": 3}, "'labels' of PGD must have shape (6,)", "Got ()"),
    ({"labels": Y.double()}, "'labels' of PGD must be whole numbers", "Got float64"),
    ({"labels": Y > 1}, "'labels' of PGD must be whole numbers", "Got bool"),
    ({"labels": list("abcdef")}, "'labels' of PGD must be whole numbers", "<U1"),
    ({"labels": [[0], [1, 2]]}, "'labels' of PGD must be whole numbers", "another kind"),
    ({"labels": nn.functional.one_hot(Y, C).double()}, "'labels' of PGD must be whole numbers", "argmax"),
    ({"labels": Y + 1 + C}, f"from 0 to {C - 1}, because the student has {C} outputs", "Got labels from"),
    ({"labels": Y - C}, f"from 0 to {C - 1}", "Got labels from -"),
    ({"student": perceptrons(D, 8, 1)}, "needs at least 2 outputs", "take loss='mse'"),
    ({"student": perceptrons(D, 8, 2), "attack": PGD(loss="dlr")}, "needs at least 3 outputs", "loss='margin'"),
    ({"student": perceptrons(D, 8, 3), "attack": TargetedAPGD()}, "needs at least 4 outputs", "has 3"),
    ({"student": perceptrons(D, 8, 3), "attack": Worst()}, "Worst with loss='cross-entropy' needs at least 4", "has 3"),
    ({"teacher": perceptrons(D, 8, 3)}, "Teacher and student must have the same outputs", "3 of the teacher and 4"),
    ({"teacher": perceptrons(D, 8, C, dtype=torch.float32)}, "of one precision", "teacher.to(student.dtype)"),
    ({"teacher": nn.Linear(D, C)}, "of one precision", "torch.float32 of the teacher"),
    ({"teacher": perceptrons(D, 8, C, seeds=3)}, "one teacher for all students, or one a student", "3 teachers and 1"),
    ({"teacher": perceptrons(6, 8, C)}, "must have 6 columns", "5)"),
    ({"teacher": nn.Linear(6, C).double()}, "teacher cannot answer inputs", "cannot be multiplied"),
    # where perturbations may lie
    ({"attack": PGD(box=(0, 1))}, "inputs of PGD must lie in its box (0.0, 1.0)", "set box=None"),
    ({"attack": PGD(side="inside")}, "takes a 'subspace' together with a 'side'", "no subspace"),
    ({"subspace": BASIS}, "takes a 'subspace' together with a 'side'", "give the attack a side"),
    ({"attack": PGD(side="inside"), "subspace": 2 * BASIS}, "must be orthonormal", "numpy.linalg.qr"),
    ({"attack": PGD(side="inside"), "subspace": NAN * BASIS}, "must be orthonormal", "numpy.linalg.qr"),
    ({"attack": PGD(side="inside"), "subspace": BASIS[:4]}, "'subspace' of PGD must have shape (5, r)", "Got (4, 2)"),
    ({"attack": PGD(side="inside"), "subspace": BASIS[:, 0]}, "'subspace' of PGD must have shape (5, r)", "Got (5,)"),
    ({"attack": PGD(side="inside"), "subspace": BASIS[:, :0]}, "'subspace' of PGD must have shape", "Got (5, 0)"),
    ({"attack": PGD(side="inside"), "subspace": "U"}, "'subspace' of PGD must be an array of numbers", "Got str"),
    ({"attack": PGD(side="outside"), "subspace": np.eye(D)}, "smaller than the whole space", "5 columns"),
    # the rest
    ({"seed": -1}, "'seed' parameter must be a whole number >= 0", "Got -1"),
    ({"seed": "a", "attack": FGSM()}, "'seed' parameter must be a whole number >= 0", "Got 'a'"),
    ({"objective": 3}, "'objective' of PGD must be a function", "Got 3"),
    ({"objective": lambda z, t, y: z.sum()}, "'objective' of an attack must return a tensor of shape (1, 6)", "Got ()"),
    ({"objective": lambda z, t, y: 1.0}, "'objective' of an attack must return a tensor", "Got float"),
    ({"objective": lambda z, t, y: z[..., 0].detach()}, "must depend on the outputs", "leave out detach()"),
]


@pytest.mark.parametrize("changes, bound, rest", SLIPS)
def test_a_call_that_does_not_fit_is_one_sentence(changes, bound, rest):
    student, inputs, attack = STUDENT.double(), X, PGD(steps=3)
    call = {"student": student, "inputs": inputs, "epsilons": 0.1, "labels": Y, "attack": attack, **changes}
    with pytest.raises(ParameterError) as caught:
        call.pop("attack")(call.pop("student"), call.pop("inputs"), call.pop("epsilons"), **call)
    said = str(caught.value)
    assert bound in said
    assert rest in said
    assert "\n" not in said
    assert re.match(r"[A-Z]", said)
    assert said.endswith(".")
    assert len(said) < 400


@pytest.mark.parametrize("attack", [PGD(steps=3), APGD(steps=3), FGSM(), TargetedAPGD(steps=2)], ids=repr)
def test_a_gradient_that_is_no_number(attack):
    """Of the square root at 0, at once; the loss is a number there."""
    root = Own(lambda x, z: torch.sqrt(z.abs() * 0) + z)
    with pytest.raises(ParameterError, match=r"gradient of an attack must be finite.*row 0, though the loss is"):
        attack(root, X, 0.1, labels=Y % 2)


def test_a_gradient_that_is_no_number_after_some_steps():
    """Where a start has a slope, but a step leads to a place without."""

    def branches(x, z):
        return torch.where(z > 0, (z * (z > 0)).sqrt(), z)  # what is not taken has the slope inf, times 0

    inputs = torch.full((ROWS, D), 0.2, dtype=torch.float64)
    labels = torch.zeros(ROWS, dtype=torch.int64)
    with pytest.raises(ParameterError, match="gradient of an attack must be finite"):
        PGD(steps=10)(Own(branches), inputs, 0.3, labels=labels)


def test_a_diverged_student_among_others_is_named():
    students = perceptrons(D, 8, C, seeds=3)
    with torch.no_grad():
        students.weights[0][1] = NAN
    with pytest.raises(ParameterError, match="row 0 of seed 1"):
        PGD()(students, X, 0.1, labels=Y)


def test_errors_of_a_network_of_the_user_are_the_users():
    """A typing slip in a forward keeps its traceback."""
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        PGD()(Own(lambda x, z: x.foo), X, 0.1, labels=Y)


def test_inputs_of_many_kinds():
    """Lists, whole numbers, other precisions, arrays that must not be written to."""
    whole = np.arange(ROWS * D).reshape(ROWS, D) % 3
    labels = STUDENT.double()(torch.from_numpy(whole).double())[0].argmax(-1)
    usual = PGD()(STUDENT, whole.astype(float), 0.1, labels=labels)
    frozen = whole.astype(np.float32)
    frozen.flags.writeable = False
    for inputs in (whole.tolist(), whole.astype(np.uint8), torch.from_numpy(whole).float(), frozen):
        for given in (labels, labels.tolist(), labels.numpy().astype(np.uint8), labels.to(torch.int32)):
            found = PGD()(STUDENT, inputs, np.float32(0.1), labels=given)
            torch.testing.assert_close(found.inputs, usual.inputs, rtol=0, atol=1e-8)
    assert torch.equal(
        PGD()(STUDENT, whole, torch.tensor([0.1], dtype=torch.float64), labels=labels).inputs, usual.inputs
    )


def test_networks_without_weights_and_with_buffers_only():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("steps", torch.tensor(3))
            self.register_buffer("matrix", torch.eye(D, C, dtype=torch.float64))

        def forward(self, inputs):
            return inputs @ self.matrix

    found = PGD()(Fixed(), X, 0.1, labels=Y)
    assert found.inputs.dtype == torch.float64
    assert PGD()(nn.Flatten(), X.float(), 0.1, labels=Y).inputs.dtype == torch.float32
    assert (
        PGD(oracle=True)(
            nn.Flatten(), X, 0.1, teacher=MLP([torch.eye(D, dtype=torch.float64)[None]], [None])
        ).inputs.dtype
        == torch.float64
    )


def test_the_smallest_problems():
    """One row, one input, two classes, radius 0, one step."""
    student = perceptrons(1, 2)
    for attack in (PGD(steps=1), APGD(steps=1), FGSM(), RandomNoise(), PGD(steps=1, norm="l2"), PGD(oracle=True)):
        options = {"teacher": perceptrons(1, 2, seed=4)} if attack.oracle else {"labels": [0]}
        found = attack(student, [[0.3]], 0, **options)
        assert found.inputs.shape == (1, 1, 1, 1)
        assert found.inputs.item() == 0.3
        assert attack(student, [[0.3]], [0, 5.0], **options).distance[1].item() <= 5.0 * (1 + 1e-6)

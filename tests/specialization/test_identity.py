"""The gradient identity against automatic differentiation, on random networks; every wrong variant is seen."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.specialization import identity  # noqa: E402
from practicum.specialization.identity import Pull, gradient_identity, pulls  # noqa: E402
from specialization.made import inputs, network  # noqa: E402

BOUND = 1e-12


def pair(depth, **other):
    hidden = list(range(5, 5 + depth))
    return network([6, *hidden, 4], 1, **other), network([6, *(2 * m for m in hidden), 4], 2, **other)


@pytest.mark.parametrize(
    "activation, slope", [("relu", 0.0), ("leaky-relu", 0.1), ("leaky-relu", 1.7), ("linear", 0.0)]
)
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_the_identity_holds(depth, activation, slope):
    deviation = gradient_identity(*pair(depth, activation=activation, slope=slope), inputs())
    assert deviation.shape == (depth,)
    assert (deviation < BOUND).all()
    assert (deviation > 0).any()  # the two sides were computed apart


def _without_constant_node(pull):
    towards = pull.A[..., :-1] @ pull.teacher[..., :-1, None]
    against = pull.B[..., :-1] @ pull.student[..., :-1, None]
    return pull.gates * (towards - against)[..., :-1, 0]


def _transposed(pull):
    n, m = pull.A.shape[-2:]
    square = torch.zeros((*pull.A.shape[:-2], n, n), dtype=pull.A.dtype)
    square[..., :m] = pull.A
    padded = nn.functional.pad(pull.teacher, (0, n - m))
    return pull.gates * ((square.mT @ padded[..., None]) - (pull.B @ pull.student[..., None]))[..., :-1, 0]


WRONG = {
    "no constant node": _without_constant_node,
    "A transposed": _transposed,
    "the slope ignored": lambda p: torch.where(p.gates == 1, p.gradient, 0.0),
    "no gates": lambda p: p.gradient / p.gates,
    "the wrong sign": lambda p: -p.gradient,
    "B left out": lambda p: p.towards,
    "fan-outs of the mean sample": lambda p: (
        p._replace(A=p.A.mean(1, keepdim=True), B=p.B.mean(1, keepdim=True)).gradient
    ),
}


@pytest.mark.parametrize("variant", WRONG)
@pytest.mark.parametrize("depth", [2, 5])
def test_a_wrong_variant_fails(depth, variant, monkeypatch):
    class Wrong(Pull):
        gradient = property(lambda self: WRONG[variant](Pull(*self)))

    teacher, student = pair(depth)
    monkeypatch.setattr(identity, "Pull", Wrong)
    deviation = gradient_identity(teacher, student, inputs())
    assert deviation.max() > 1e-3
    if variant != "fan-outs of the mean sample":  # in the highest layer they are the same for all samples
        assert deviation.min() > 1e-3


@pytest.mark.parametrize("normalisation", ["before", "after"])
def test_batchnorm_is_folded_into_the_weights(normalisation):
    teacher, student = pair(3)[0], network([6, 10, 12, 14, 4], 2, normalisation=normalisation)
    student.train()
    for _ in range(3):
        student(3 + 2 * inputs())  # running moments that are not 0 and 1
    with torch.no_grad():
        for norm in student.norms:
            norm.weight.uniform_(0.5, 2.0, generator=torch.Generator().manual_seed(1))
            norm.bias.uniform_(-1, 1, generator=torch.Generator().manual_seed(2))
    assert (gradient_identity(teacher, student, inputs()) < BOUND).all()
    assert student.training


def test_many_seeds_and_one_teacher():
    teacher, students = network([6, 5, 7, 4], 1), network([6, 9, 8, 4], 2, seeds=3)
    assert (gradient_identity(teacher, students, inputs()) < BOUND).all()
    with torch.no_grad():
        students.weights[1][2] += 1e-3
    assert (gradient_identity(teacher, students, torch.stack([inputs(seed=s) for s in range(3)])) < BOUND).all()


@pytest.mark.parametrize("inplace", [False, True])
def test_a_users_sequential(inplace):
    torch.manual_seed(0)
    teacher = nn.Sequential(
        nn.Linear(6, 7), nn.ReLU(inplace), nn.Linear(7, 5), nn.ReLU(inplace), nn.Linear(5, 4, bias=False)
    )
    student = nn.Sequential(
        nn.Linear(6, 20),
        nn.LeakyReLU(0.2, inplace),
        nn.Dropout(0.5),
        nn.Linear(20, 30),
        nn.LeakyReLU(0.2, inplace),
        nn.Linear(30, 4),
    )
    assert (gradient_identity(teacher, student, inputs().float()) < BOUND).all()
    assert student[0].weight.dtype == torch.float32  # theirs stays as it was
    assert student.training


def test_a_student_that_is_the_teacher_has_no_gradient_and_the_identity_holds():
    teacher, _ = pair(3)
    assert (gradient_identity(teacher, teacher, inputs()) < BOUND).all()
    found = list(pulls(teacher, teacher, inputs()))
    assert [p.layer for p in found] == [3, 2, 1]
    assert max(float(p.gradient.abs().max()) for p in found) < BOUND


def test_the_matrices_are_what_they_are_called():
    """Two layers by hand: A = v v*, B = v v, whatever the sample; the constant node's fan-out is the output bias."""
    teacher, student = pair(1)
    (pull,) = pulls(teacher, student, inputs())
    v_star = torch.cat([teacher.weights[1][0], teacher.biases[1][0][:, None]], 1)
    v = torch.cat([student.weights[1][0], student.biases[1][0][:, None]], 1)
    assert torch.allclose(pull.A[0, 0], v.T @ v_star, atol=1e-14)
    assert torch.allclose(pull.B[0, 0], v.T @ v, atol=1e-14)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_sample_is_no_proof(bad):
    """No deviation is larger than a NaN, which would pass for an identity that holds."""
    x = inputs()
    x[3, 2] = bad
    with pytest.raises(ParameterError, match="Inputs must be finite"):
        gradient_identity(*pair(2), x)
    with pytest.raises(ParameterError, match="Inputs must be finite"):
        next(pulls(*pair(2), x))


def test_small_chunks_change_nothing(monkeypatch):
    monkeypatch.setattr(identity, "_ENTRIES", 1)
    assert (gradient_identity(*pair(2), inputs(5)) < BOUND).all()


def test_what_has_no_identity():
    teacher, student = pair(2)
    with pytest.raises(ParameterError, match=r"as many hidden layers\. Got 2 of the teacher and 3 of the student"):
        gradient_identity(teacher, pair(3)[1], inputs())
    with pytest.raises(ParameterError, match="as many inputs and outputs"):
        gradient_identity(teacher, network([6, 5, 6, 3]), inputs())
    with pytest.raises(ParameterError, match=r"'leaky-relu' or 'linear'\. Got 'erf'"):
        gradient_identity(teacher, network([6, 5, 6, 4], activation="erf"), inputs())
    with pytest.raises(ParameterError, match=r"needs an MLP or an nn\.Sequential of Linear and ReLU layers"):
        gradient_identity(teacher, nn.Conv2d(1, 1, 1), inputs())
    with pytest.raises(ParameterError, match="must have shape"):
        gradient_identity(teacher, student, inputs(d=5))
    with pytest.raises(ParameterError, match="at least one sample"):
        gradient_identity(teacher, student, inputs(0))
    with pytest.raises(ParameterError, match=r"an array or a tensor of numbers\. Got 'digits'"):
        gradient_identity(teacher, student, "digits")
    with torch.no_grad():
        student.weights[1][0, 0, 0] = float("nan")
    with pytest.raises(ParameterError, match="weights of the student hold a number that is not finite"):
        gradient_identity(teacher, student, inputs())

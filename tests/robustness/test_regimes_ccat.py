"""CCAT: targets against the formula, whom the attack looks at, and what students make of it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402
from practicum.robustness.attacks import PGD, RandomNoise  # noqa: E402
from practicum.robustness.regimes import CCAT  # noqa: E402
from practicum.robustness.regimes.ccat import cross_entropy  # noqa: E402
from robustness.linear_students import SEEDS, batch_for, drawn, linear, nonlinear  # noqa: E402


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("power", [1.0, 10.0])
def test_targets_against_the_formula(norm, power):
    """Of random points of the ball, at all distances."""
    student, teacher = nonlinear(4), nonlinear(4, seed=2)
    batch = batch_for(teacher, "cross-entropy")
    regime = CCAT(epsilon=0.3, power=power, attack=RandomNoise(norm=norm))
    inputs, wanted, _ = regime(student, teacher, batch)
    rest = (inputs - batch.inputs).numpy()
    distance = np.abs(rest).max(-1) if norm == "linf" else np.sqrt((rest**2).sum(-1))
    confidence = (1 - np.minimum(1, distance / 0.3)) ** power
    onehot = np.eye(4)[batch.targets.numpy()]
    expected = confidence[..., None] * onehot + (1 - confidence[..., None]) / 4
    np.testing.assert_allclose(wanted, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(wanted.sum(-1), 1, rtol=1e-12)
    if norm == "l2":  # power: the distance in the other norm
        other = (1 - np.abs(rest).max(-1) / 0.3) ** power
        assert np.isclose(other, confidence, rtol=0.1)[:, :20].mean() < 0.2


def test_confidence_at_the_centre_at_the_border_and_beyond():
    regime = CCAT(epsilon=0.2, power=2.0)
    distance = torch.tensor([0.0, 0.05, 0.1, 0.2, 0.7], dtype=torch.float64)
    torch.testing.assert_close(
        regime.confidence(distance), torch.tensor([1, 0.5625, 0.25, 0, 0], dtype=torch.float64), rtol=1e-12, atol=1e-15
    )
    found = regime.targets(torch.tensor([[2, 0]]), torch.tensor([[0.25, 1.0]]), 4)
    assert found.tolist() == [[[0.1875, 0.1875, 0.4375, 0.1875], [1, 0, 0, 0]]]


@pytest.mark.parametrize("rows, attacked", [(8, 4), (7, 3), (2, 1), (1, 0)])
def test_half_of_a_batch_is_attacked(rows, attacked):
    student, teacher = nonlinear(4), nonlinear(4, seed=2)
    batch = batch_for(teacher, "cross-entropy", rows=rows)
    inputs, wanted, loss = CCAT(epsilon=0.3)(student, teacher, batch)
    moved = (inputs != batch.inputs).any(-1)
    assert moved[:, :attacked].all()
    assert not moved[:, attacked:].any()
    assert torch.equal(wanted[:, attacked:], torch.nn.functional.one_hot(batch.targets[:, attacked:], 4).double())
    # With a one-hot target it is the cross-entropy of the training.
    outputs = student(inputs).detach()
    plain = torch.nn.functional.cross_entropy(
        outputs[:, attacked:].flatten(0, 1), batch.targets[:, attacked:].flatten()
    )
    torch.testing.assert_close(loss(outputs, wanted)[:, attacked:].mean(), plain)


def test_the_attack_makes_a_wrong_class_likely():
    """Of two classes the probability of the wrong one grows along the difference of their weights."""
    student, teacher = linear(2), linear(2, seed=2)
    batch = batch_for(teacher, "cross-entropy")
    regime = CCAT(epsilon=0.1, attack=PGD(steps=20, step_size=1.0, keep="last"))
    inputs, wanted, _ = regime(student, teacher, batch)
    half = inputs.shape[1] // 2
    w = (student.weights[0][:, :1] - student.weights[0][:, 1:]).detach()
    expected = batch.inputs + 0.1 * (2 * batch.targets.unsqueeze(-1) - 1) * w.sign()
    torch.testing.assert_close(inputs[:, :half], expected[:, :half], rtol=0, atol=1e-8)
    torch.testing.assert_close(wanted[:, :half], torch.full_like(wanted[:, :half], 0.5), rtol=0, atol=1e-9)


def test_the_gradient_by_hand():
    """softmax - target, and by finite differences."""
    outputs, wanted = drawn(2, 5, 4).requires_grad_(), drawn(2, 5, 4, seed=1).softmax(-1)
    (gradient,) = torch.autograd.grad(cross_entropy(outputs, wanted).sum(), outputs)
    torch.testing.assert_close(gradient, (outputs.softmax(-1) - wanted).detach(), rtol=1e-10, atol=1e-12)
    torch.autograd.gradcheck(lambda o: cross_entropy(o, wanted), outputs)


def test_students_learn_to_be_unsure_of_what_is_attacked():
    teacher = SeparatedTeacher(inputs=8, hidden=4, outputs=4, decay=0.0).build(range(2))
    data = make_data(GaussianInputs(dimension=8), teacher, range(2), 300, 200)
    training = Training(loss="cross-entropy", epochs=20, optimizer="adam", learning_rate=0.01)
    labels = teacher(data.held_out).argmax(-1)
    attack, clean, attacked = PGD(loss="confidence", steps=10), [], []
    for regime in (None, CCAT(epsilon=1.0)):
        students = Students(multiple=5).build(teacher, range(2))
        fit(teacher, students, data, training, seeds=range(2), regime=regime)
        points = attack(students, data.held_out, 1.0, labels=labels).inputs[0]
        for found, inputs in ((clean, data.held_out), (attacked, points)):
            found.append(students(inputs).detach().softmax(-1).amax(-1).mean(1))
    assert (attacked[0] > 0.8).all()  # a standard student is sure of its mistakes
    assert (attacked[1] < attacked[0] - 0.2).all()
    assert (clean[1] > 0.4).all()  # and yet it has learnt more than nothing, 1/4


def test_one_output_is_no_class():
    student, teacher = nonlinear(1), nonlinear(1, seed=2)
    batch = batch_for(teacher, "cross-entropy")
    with pytest.raises(ParameterError, match="CCAT needs at least 2 outputs, one a class"):
        CCAT(epsilon=0.1)(student, teacher, batch)
    made = SeparatedTeacher(inputs=5, hidden=3, outputs=1).build(range(SEEDS))
    data = make_data(GaussianInputs(dimension=5), made, range(SEEDS), 20, 20)
    with pytest.raises(ParameterError, match="needs at least 2 outputs"):
        fit(made, student, data, Training(loss="cross-entropy"), seeds=range(SEEDS), regime=CCAT(epsilon=0.1))

"""Deleting nodes: of students that need some and not others, by construction."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum import ParameterError  # noqa: E402
from practicum.networks.mlp import MLP  # noqa: E402
from practicum.specialization.deletion import delete, delete_unaligned  # noqa: E402
from specialization.made import copies, inputs, network  # noqa: E402

TEACHER = network([6, 3, 4], 4, activation="relu")


def student_with_all_classes(use=0.0):
    """Nodes 0-3 copy the teacher; 4 is random and acts on the outputs with `use`; 5 never fires; 6 always does."""
    student = copies(TEACHER, [0, 1, 1, 2], [2.0, 0.5, 3.0, 1.0], extra=3)
    with torch.no_grad():
        student.biases[0][0, 5:] = torch.tensor([-100.0, 100.0])
        student.weights[1][0, :, 4:] = use
        student.weights[1][0, :, 5] = 7.0  # of a dead node: nobody hears it
    return student


def test_the_four_classes():
    found = delete_unaligned(TEACHER, student_with_all_classes(), inputs(300))
    assert found.student_class.values[0, 0].tolist() == ["aligned"] * 4 + ["unaligned", "dead", "linear"]
    assert [found[name].item() for name in ("aligned", "unaligned", "dead", "linear")] == [4, 1, 1, 1]


def test_students_that_say_nothing_can_go():
    found = delete_unaligned(TEACHER, student_with_all_classes(), inputs(300))
    assert found.loss.item() < 1e-20
    assert found.loss_without_unaligned.item() < 1e-20
    assert found.loss_without_any_below.item() < 1e-20
    teacher_alone = (TEACHER(inputs(300)) - TEACHER.biases[1].unsqueeze(1)).square().mean().item()
    assert found.loss_without_aligned.item() == pytest.approx(teacher_alone)


def test_students_that_are_needed_are_missed():
    student = student_with_all_classes(use=0.1)
    x = inputs(300)
    with torch.no_grad():
        f = student.layers(x).post[0][0]
    found = delete_unaligned(TEACHER, student, x)
    random, linear = 0.1 * f[:, 4], 0.1 * f[:, 6]
    assert found.loss.item() == pytest.approx(float(((random + linear) ** 2).mean()))
    assert found.loss_without_unaligned.item() == pytest.approx(float((linear**2).mean()))
    assert found.loss_without_any_below.item() < 1e-20


def test_a_leaky_node_that_never_fires_is_linear_and_not_dead():
    teacher = network([6, 3, 4], 4, activation="leaky-relu", slope=0.5)
    student = copies(teacher, [0, 1, 2], [1.0, 1.0, 1.0], extra=1)
    with torch.no_grad():
        student.biases[0][0, 3], student.weights[1][0, :, 3] = -100.0, 0.3
        f = student.layers(inputs(300)).post[0][0, :, 3]
    found = delete_unaligned(teacher, student, inputs(300))
    assert found.student_class.values[0, 0].tolist() == ["aligned"] * 3 + ["linear"]
    assert found.loss_without_unaligned.item() == found.loss.item() == pytest.approx(float((0.09 * f**2).mean()))
    assert found.loss_without_any_below.item() < 1e-20


def test_a_node_that_batchnorm_makes_a_constant_is_needed():
    student = copies(TEACHER, [0, 1, 2], [1.0, 1.0, 1.0], extra=2)
    made = MLP(student.weights, student.biases, normalisation="after").eval()
    made.norms[0].epsilon = 0.0
    with torch.no_grad():
        made.biases[0][0, 3:] = -100.0
        made.weights[1][0, :, 3:] = 0.3
        made.norms[0].bias[0, 3] = 1.0
    found = delete_unaligned(TEACHER, made, inputs(300))
    assert found.student_class.values[0, 0].tolist() == ["aligned"] * 3 + ["linear", "dead"]
    assert found.loss_without_unaligned.item() == found.loss.item() == pytest.approx(0.09)
    assert found.loss_without_any_below.item() < 1e-20


def test_arrays_are_inputs_too():
    student, x = student_with_all_classes(use=0.1), inputs(300)
    assert delete_unaligned(TEACHER, student, x.numpy()).identical(delete_unaligned(TEACHER, student, x))


def test_deep_networks_and_many_seeds():
    teacher, students = network([6, 5, 7, 4], 1), network([6, 8, 9, 4], 2, seeds=3)
    x = inputs(200, seeds=3)
    found = delete_unaligned(teacher, students, x, threshold=0.6)
    assert found.student_class.shape == (3, 2, 9)
    assert (found.student_class.values[:, 0, 8] == "").all()
    total = found.aligned + found.unaligned + found.dead + found.linear
    assert (total.values == [8, 9]).all()
    alone = delete_unaligned(teacher, students.select([1]), x[1], threshold=0.6)
    for name in found.data_vars:
        a, b = found[name].values[1], alone[name].values[0]
        assert np.array_equal(a, b) if a.dtype.kind in "Ui" else np.allclose(a, b, rtol=1e-12)
    smaller = delete(students, [np.zeros((3, 8), bool), np.arange(27).reshape(3, 9) % 2 == 0])
    assert torch.equal(smaller.weights[1], students.weights[1])
    assert (smaller.weights[2][0, :, ::2] == 0).all()
    assert torch.equal(smaller.weights[2][0, :, 1::2], students.weights[2][0, :, 1::2])


def test_what_cannot_be_deleted():
    students = network([6, 5, 4])
    with pytest.raises(ParameterError, match=r"arrays of shapes \[\(1, 5\)\], one a hidden layer"):
        delete(students, [np.zeros((1, 6), bool)])
    with pytest.raises(ParameterError, match="deleted from an MLP"):
        delete(torch.nn.Linear(2, 2), [])
    with pytest.raises(ParameterError, match="as many layers as each other"):
        delete_unaligned(network([6, 5, 5, 4]), students, inputs())
    with pytest.raises(ParameterError, match="The threshold of a coverage"):
        delete_unaligned(TEACHER, students, inputs(), threshold=2)
    with pytest.raises(ParameterError, match=r"deleted from an MLP.* Got Linear"):
        delete_unaligned(TEACHER, torch.nn.Linear(6, 4), inputs())
    with pytest.raises(ParameterError, match=r"as many outputs as each other.* Got 4 and 5"):
        delete_unaligned(TEACHER, network([6, 5, 5]), inputs())
    with pytest.raises(ParameterError, match="Inputs must be finite"):
        delete_unaligned(TEACHER, students, inputs() / 0)
    with pytest.raises(ParameterError, match="at least one sample"):
        delete_unaligned(TEACHER, students, inputs(0))

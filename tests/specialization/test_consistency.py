"""Students that split a teacher node among them add up to it; students that do not are seen."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum import ParameterError  # noqa: E402
from practicum.specialization.consistency import fan_out_consistency  # noqa: E402
from practicum.specialization.correlation import correlate  # noqa: E402
from practicum.specialization.identity import gradient_identity  # noqa: E402
from specialization.made import copies, inputs, network  # noqa: E402

TEACHER = network([6, 3, 4], 4, activation="relu")
OF, SCALES, SHARES = [0, 1, 1, 2, 1], [2.0, 0.5, 3.0, 1.0, 0.1], [1.0, 0.2, 0.3, 1.0, 0.5]


def rho_of(teacher, student, x):
    return correlate(teacher.layers(x).post[0].detach(), student.layers(x).post[0].detach()).rho


def test_students_that_share_a_node_add_up_to_it():
    x = inputs(500)
    student = copies(TEACHER, OF, SCALES, SHARES, extra=2)
    assert torch.allclose(student(x), TEACHER(x), atol=1e-12)  # it is made as the test says
    found = fan_out_consistency(TEACHER, student, rho_of(TEACHER, student, x))
    assert found.teacher[0].tolist() == [*OF, -1, -1]
    assert found.scales[0, :5] == pytest.approx(SCALES)
    assert np.isnan(found.scales[0, 5:]).all()
    assert found.residual[0] == pytest.approx(np.zeros(3), abs=1e-13)
    assert found.weight_residual[0, :5] == pytest.approx(np.zeros(5), abs=1e-13)
    assert (gradient_identity(TEACHER, student, x) < 1e-12).all()


def test_a_missing_share_is_the_residual():
    x = inputs(500)
    student = copies(TEACHER, OF, SCALES, SHARES)
    with torch.no_grad():
        student.weights[1][0, :, 4] = 0  # half of what teacher node 1 says
        student.weights[1][0, :, 3] *= -1  # node 2 says the opposite
    found = fan_out_consistency(TEACHER, student, rho_of(TEACHER, student, x))
    assert found.residual[0] == pytest.approx([0, 0.5, 2], abs=1e-12)


def test_a_node_that_nobody_is_aligned_to():
    x = inputs(500)
    student = copies(TEACHER, [0, 1], [1.0, 1.0])
    found = fan_out_consistency(TEACHER, student, rho_of(TEACHER, student, x))
    assert found.residual[0] == pytest.approx([0, 0, 1], abs=1e-12)


def test_weights_that_are_only_nearly_parallel():
    x = inputs(500)
    student = copies(TEACHER, [0, 1, 2], [1.0, 1.0, 1.0])
    w = torch.cat([student.weights[0][0, 0], student.biases[0][0, :1]]).detach()
    across = torch.zeros_like(w)
    across[0], across[1] = -w[1], w[0]
    across *= 0.1 * w.norm() / across.norm()
    with torch.no_grad():
        student.weights[0][0, 0] += across[:6]
    found = fan_out_consistency(TEACHER, student, rho_of(TEACHER, student, x))
    assert found.weight_residual[0, 0] == pytest.approx(0.1 / np.sqrt(1.01))
    assert found.scales[0, 0] == pytest.approx(1)


def test_seeds_side_by_side():
    x = inputs(500)
    students = network([6, 8, 4], 3, seeds=2, activation="relu")
    rho = rho_of(TEACHER, students, x)
    together = fan_out_consistency(TEACHER, students, rho, 0.5)
    for s in range(2):
        alone = fan_out_consistency(TEACHER, students.select([s]), rho[s], 0.5)
        for a, b in zip(together, alone):
            assert np.array_equal(a[s], b[0], equal_nan=True)
    rho[1] = np.nan
    diverged = fan_out_consistency(TEACHER, students, rho, 0.5)
    assert np.isnan(diverged.residual[1]).all()
    assert np.array_equal(diverged.residual[0], together.residual[0])


def test_what_has_no_consistency():
    with pytest.raises(ParameterError, match="one hidden layer"):
        fan_out_consistency(network([6, 3, 3, 4]), network([6, 5, 3, 4]), np.ones((3, 5)))
    with pytest.raises(ParameterError, match="rho must have shape"):
        fan_out_consistency(TEACHER, network([6, 5, 4]), np.ones((5, 3)))

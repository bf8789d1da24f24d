"""Firing, observation and overlap, counted sample by sample and against what chance gives."""

import numpy as np
import pytest

from practicum import ParameterError
from practicum.specialization import activity as module
from practicum.specialization.activity import Activity, Overlap, off_diagonal_share


def counted(teacher, student):
    """The definition, with loops."""
    samples, m = teacher.shape
    n = student.shape[1]
    result = np.zeros((m, n))
    for j in range(m):
        for k in range(n):
            above = sum(1 for i in range(samples) if teacher[i, j] > 0 and student[i, k] > 0)
            below = sum(1 for i in range(samples) if teacher[i, j] <= 0 and student[i, k] > 0)
            result[j, k] = min(above, below) / samples
    return result


def drives(seed=0, lead=(), samples=60, m=3, n=5):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*lead, samples, m)), rng.standard_normal((*lead, samples, n)) + 0.5


def test_observation_is_counted(monkeypatch):
    teacher, student = drives()
    expected = counted(teacher, student)
    assert Activity().update(teacher, student).observation == pytest.approx(expected)
    assert Activity().update(teacher, np.maximum(student, 0)).observation == pytest.approx(expected)
    monkeypatch.setattr(module, "_ROWS", 7)
    stream = Activity().update(teacher[:20], student[:20]).update(teacher[20:], student[20:])
    assert stream.observation == pytest.approx(expected)
    assert not np.allclose(counted(-teacher, -student), expected)


def test_dead_linear_and_other_nodes():
    teacher, student = drives(lead=(2,))
    student[0, :, 1] = -1
    student[1, :, 2] = 3
    student[:, :, 3] = 0  # on the boundary is not firing
    found = Activity().update(teacher, student)
    assert found.dead.tolist() == [[False, True, False, True, False], [False, False, False, True, False]]
    assert found.linear.tolist() == [[False] * 5, [False, False, True, False, False]]
    assert found.student == pytest.approx((student > 0).mean(1))
    assert found.teacher == pytest.approx((teacher > 0).mean(1))
    # A linear student sees both sides of a boundary that cuts the data in half; a dead one sees nothing.
    assert found.observation[1, :, 2] == pytest.approx(np.minimum(found.teacher, 1 - found.teacher)[1])
    assert (found.observation[0, :, 1] == 0).all()


def test_a_copy_of_a_teacher_does_not_observe_it():
    """A student with the teacher's own boundary sees one side of it only: observation is about getting there."""
    teacher, _ = drives()
    assert np.diag(Activity().update(teacher, teacher).observation) == pytest.approx(np.zeros(3))


def test_tensors_give_what_arrays_give():
    torch = pytest.importorskip("torch")
    teacher, student = drives(lead=(2,))
    found = Activity().update(torch.from_numpy(teacher).float(), torch.from_numpy(student).float())
    assert found.observation == pytest.approx(Activity().update(teacher, student).observation)
    overlap = Overlap().update(torch.from_numpy(teacher))
    assert overlap.values == pytest.approx(Overlap().update(teacher).values)


def test_overlaps_of_independent_relu_nodes():
    """1/2 for the gates and 1/pi for the values, to 4 standard errors of 200 batches; a common cause is seen."""
    rng = np.random.default_rng(0)
    batches = rng.standard_normal((200, 400, 8))
    shares = {}
    for name, x in (("independent", batches), ("common", batches + 0.5 * rng.standard_normal((200, 400, 1)))):
        overlap = Overlap().update(np.maximum(x, 0))
        shares[name] = off_diagonal_share(overlap.gates), off_diagonal_share(overlap.values)
    for (share, wrong), truth in zip(zip(shares["independent"], shares["common"]), (1 / 2, 1 / np.pi)):
        error = share.std(ddof=1) / np.sqrt(200)
        assert abs(share.mean() - truth) < 4 * error + 1e-3  # a ratio of means of 400 samples is biased by 1/400
        assert wrong.mean() - truth > 20 * error


def test_overlap_by_hand():
    f = np.array([[1.0, 0.0], [2.0, 2.0], [0.0, 4.0]])
    overlap = Overlap().update(f[:1]).update(f[1:])
    assert overlap.values == pytest.approx(f.T @ f / 3)
    assert overlap.gates == pytest.approx(np.array([[2, 1], [1, 2]]) / 3)
    assert off_diagonal_share(overlap.gates) == pytest.approx(0.5)
    assert off_diagonal_share(overlap.values) == pytest.approx(4 / 12.5)
    assert Overlap().update(f, f - 3).gates == pytest.approx(np.array([[0, 0], [0, 1]]) / 3)


def test_what_cannot_be_counted():
    with pytest.raises(ParameterError, match="5 samples of the teacher and 6 of the student"):
        Activity().update(np.ones((5, 2)), np.ones((6, 2)))
    with pytest.raises(ParameterError, match="at least one sample"):
        Activity().student
    with pytest.raises(ParameterError, match="at least one sample"):
        Overlap().values
    with pytest.raises(ParameterError, match="at least two nodes"):
        off_diagonal_share(np.ones((1, 1)))

"""rho against numpy.corrcoef, in one go and as a stream; the single pass that it is not; constant and broken nodes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum import ParameterError
from practicum.specialization.correlation import Correlation, correlate

# Relative roundings of the data, times the digits that a stream of a few hundred samples may lose.
TOLERANCE = {"float32": 3e-6, "float64": 1e-14}


def activations(seed=0, samples=300, m=4, n=6, lead=(), offset=0.0, scale=1.0):
    rng = np.random.default_rng(seed)
    teacher = np.maximum(rng.standard_normal((*lead, samples, m)), 0)
    student = np.maximum(teacher @ rng.standard_normal((m, n)) + rng.standard_normal((*lead, samples, n)), 0)
    return scale * (teacher + offset), scale * (student + offset)


def reference(teacher, student):
    """numpy.corrcoef, seed by seed, in float64."""
    teacher, student = np.asarray(teacher, np.float64), np.asarray(student, np.float64)
    m = teacher.shape[-1]
    result = np.empty((*teacher.shape[:-2], m, student.shape[-1]))
    for index in np.ndindex(teacher.shape[:-2]):
        result[index] = np.corrcoef(teacher[index].T, student[index].T)[:m, m:]
    return result


def single_pass(teacher, student):
    """The formula that loses its digits: E[xy] - E[x] E[y], in the precision of the data."""
    n = teacher.dtype.type(len(teacher))
    a, b = teacher.sum(0) / n, student.sum(0) / n
    xx, yy = (teacher**2).sum(0) / n - a**2, (student**2).sum(0) / n - b**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (teacher.T @ student / n - np.outer(a, b)) / np.sqrt(np.outer(xx, yy))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
def test_rho_is_that_of_corrcoef(dtype, lead):
    teacher, student = (x.astype(dtype) for x in activations(lead=lead))
    assert np.abs(correlate(teacher, student).rho - reference(teacher, student)).max() < TOLERANCE[dtype]


@given(cuts=st.lists(st.integers(1, 299), unique=True, max_size=12), offset=st.sampled_from([0.0, 30.0]))
def test_a_stream_in_chunks_is_the_whole(cuts, offset):
    teacher, student = activations(offset=offset)
    stream, (left, right) = Correlation(), (Correlation(), Correlation())
    bounds = [0, *sorted(cuts), 300]
    for k, (a, b) in enumerate(pairwise(bounds)):
        stream.update(teacher[a:b], student[a:b])
        (left if k % 2 else right).update(teacher[a:b], student[a:b])
    expected = reference(teacher, student)
    assert stream.samples == 300
    assert np.abs(stream.rho - expected).max() < 1e-12
    assert np.abs(left.merge(right).rho - expected).max() < 1e-12
    assert np.abs(stream.student_variance - student.var(0)).max() < 1e-12
    assert np.abs(stream.student_mean - student.mean(0)).max() < 1e-12


def test_one_sample_at_a_time_in_float32_loses_nothing():
    teacher, student = (x.astype(np.float32) for x in activations(offset=300.0))
    stream = Correlation()
    for k in range(300):
        stream.update(teacher[k : k + 1], student[k : k + 1])
    assert np.abs(stream.rho - reference(teacher, student)).max() < TOLERANCE["float32"]


def test_a_large_mean_costs_nothing_here_and_everything_in_a_single_pass():
    """The power of the tests: at a mean of 1000 standard deviations a single pass in float32 is wrong by 0.1."""
    teacher, student = (x.astype(np.float32) for x in activations(offset=1000.0, samples=3000))
    expected = reference(teacher, student)
    assert np.abs(correlate(teacher, student).rho - expected).max() < TOLERANCE["float32"]
    wrong = np.abs(single_pass(teacher, student) - expected)
    assert not wrong.max() < 0.1  # NaN is wrong too
    exact = np.abs(single_pass(*activations(samples=3000)) - reference(*activations(samples=3000)))
    assert exact.max() < 1e-12  # where it is right, it is the same formula


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e-9, 1e6, 1e15])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rho_does_not_depend_on_the_scale(scale, dtype):
    teacher, student = (x.astype(dtype) for x in activations(scale=scale))
    result = correlate(teacher, student)
    assert not result.constant_student.any()
    assert np.abs(result.rho - reference(teacher, student)).max() < TOLERANCE[dtype]


def test_a_copy_has_rho_one_and_its_mirror_image_minus_one():
    teacher, _ = activations()
    rho = correlate(teacher, np.concatenate([0.3 * teacher, -2 * teacher + 7], axis=-1)).rho
    assert np.abs(np.diag(rho[:, :4]) - 1).max() < 1e-14
    assert np.abs(np.diag(rho[:, 4:]) + 1).max() < 1e-14
    assert np.abs(rho).max() <= 1.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e5])
def test_constant_nodes_have_rho_zero_and_are_flagged(dtype, value):
    teacher, student = (x.astype(dtype) for x in activations())
    student[:, 2] = value
    teacher[:, 1] = value
    stream = Correlation()
    for first in range(0, 300, 77):
        stream.update(teacher[first : first + 77], student[first : first + 77])
    assert stream.constant_student.tolist() == [k == 2 for k in range(6)]
    assert stream.constant_teacher.tolist() == [j == 1 for j in range(4)]
    assert (stream.rho[:, 2] == 0).all()
    assert (stream.rho[1] == 0).all()
    rows, columns = [0, 2, 3], [0, 1, 3, 4, 5]
    expected = reference(teacher[:, rows], student[:, columns])
    assert np.abs(stream.rho[np.ix_(rows, columns)] - expected).max() < TOLERANCE[dtype]


def test_a_node_that_fires_once_is_not_constant():
    teacher, student = activations()
    student[:, 0] = 0
    student[250, 0] = 1e-3
    stream = Correlation().update(teacher[:200], student[:200]).update(teacher[200:], student[200:])
    assert not stream.constant_student[0]
    assert np.abs(stream.rho - reference(teacher, student)).max() < 1e-13


def test_a_diverged_seed_leaves_the_others_alone():
    teacher, student = activations(lead=(3,))
    expected = correlate(teacher, student).rho
    student[1, 5:, 2] = np.nan
    student[1, 7, 3] = np.inf
    rho = correlate(teacher, student).rho
    assert np.isnan(rho[1][:, 2:4]).all()
    assert np.array_equal(rho[[0, 2]], expected[[0, 2]])


def test_one_teacher_serves_all_seeds():
    teacher, student = activations(lead=(3,))
    shared = np.broadcast_to(teacher[:1], teacher.shape)
    assert np.abs(correlate(teacher[:1], student).rho - reference(shared, student)).max() < 1e-13
    assert np.abs(correlate(teacher[0], student).rho - reference(shared, student)).max() < 1e-13


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors_give_what_arrays_give(dtype):
    torch = pytest.importorskip("torch")
    teacher, student = (x.astype(dtype) for x in activations(lead=(3,), offset=10.0))
    tensors = [torch.from_numpy(x).requires_grad_() for x in (teacher, student)]
    rho = correlate(*tensors).rho
    assert rho.dtype == np.float64
    assert np.abs(rho - correlate(teacher, student).rho).max() < TOLERANCE[dtype]
    assert np.abs(correlate(*(x.half() for x in tensors)).rho - rho).max() < 0.05  # half precision is widened


def test_booleans_and_integers_are_numbers_too():
    gates = np.random.default_rng(1).random((50, 3)) > 0.5
    assert np.abs(correlate(gates, gates.astype(int)).rho - np.corrcoef(gates.T)).max() < 1e-14


@pytest.mark.parametrize(
    "teacher, student, text",
    [
        (np.ones((5, 2)), np.ones((6, 2)), "5 samples of the teacher and 6 of the student"),
        (np.ones((2, 5, 2)), np.ones((3, 5, 2)), r"one teacher a student or one for all.* Got \(2,\) of the teacher"),
        (np.ones((0, 2)), np.ones((0, 2)), r"at least one sample and one node. Got \(0, 2\)"),
        (np.ones(5), np.ones((5, 2)), r"Activations of the teacher must have shape"),
        (np.array([["a", "b"]]), np.ones((1, 2)), "must be real numbers"),
    ],
)
def test_what_cannot_be_correlated(teacher, student, text):
    with pytest.raises(ParameterError, match=text):
        correlate(teacher, student)


def test_a_stream_keeps_its_nodes():
    with pytest.raises(ParameterError, match="it began with"):
        correlate(np.ones((5, 2)), np.ones((5, 2))).update(np.ones((5, 2)), np.ones((5, 3)))
    with pytest.raises(ParameterError, match="needs at least one sample"):
        Correlation().rho

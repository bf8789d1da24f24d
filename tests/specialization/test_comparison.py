"""compare: of networks, modules, streams and plain arrays, on students that are known to copy."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks.cnn import CNN  # noqa: E402
from practicum.specialization.comparison import compare  # noqa: E402
from specialization.made import copies, inputs, network  # noqa: E402

TEACHER = network([6, 4, 3], 7, activation="relu")


def student():
    """Nodes copy teacher nodes 2, 0, 3; then one of them is dead and one linear; teacher node 1 has nobody."""
    made = copies(TEACHER, [2, 0, 3], [2.0, 0.5, 3.0], extra=2)
    with torch.no_grad():
        made.biases[0][0, 3:] = torch.tensor([-100.0, 100.0])
    return made


def same(a, b, tolerance=1e-12):
    assert set(a.data_vars) == set(b.data_vars)
    for name in a.data_vars:
        left, right = a[name].values, b[name].values
        assert left.shape == right.shape
        if left.dtype.kind == "f":
            assert np.allclose(left, right, rtol=0, atol=tolerance, equal_nan=True), name
        else:
            assert np.array_equal(left, right), name


def test_copies_dead_and_linear_nodes_are_recognised():
    data = compare(TEACHER, student(), inputs(300)).isel(layer=0)
    assert data.rho.dims == ("teacher", "student")
    assert data.best_correlation.values[[2, 0, 3]] == pytest.approx(np.ones(3))
    assert data.best_student.values[[2, 0, 3]].tolist() == [0, 1, 2]
    assert data.aligned.values.tolist() == [True, True, True, False, False]
    assert data.dead.values.tolist() == [False, False, False, True, False]
    assert data.linear.values.tolist() == [False, False, False, False, True]
    assert data.constant_student.values.tolist() == [False, False, False, True, False]
    assert not data.constant_teacher.values.any()
    assert data.coverage.item() == pytest.approx(3 / 4)
    assert (data.rho.sel(student=3) == 0).all()
    assert sorted(data.assigned_student.values[[2, 0, 3]].tolist()) == [0, 1, 2]
    reference = np.corrcoef(
        TEACHER.layers(inputs(300)).post[0][0].detach().T,
        student().layers(inputs(300)).post[0][0].detach().T[[0, 1, 2, 4]],
    )
    assert data.rho.values[:, [0, 1, 2, 4]] == pytest.approx(reference[:4, 4:], abs=1e-12)


def test_streams_arrays_and_activations_give_the_same():
    made, x = student(), inputs(300)
    whole = compare(TEACHER, made, x)
    same(whole, compare(TEACHER, made, x.numpy()))
    same(whole, compare(TEACHER, made, (part for part in x.split(37))))
    same(whole, compare(TEACHER, made, [(part, torch.zeros(len(part))) for part in x.split(101)]))
    theirs, ours = (n.layers(x).post[0].detach() for n in (TEACHER, made))
    same(whole, compare(theirs, ours))
    same(whole, compare(theirs[0].numpy(), ours[0].numpy()))
    named = compare({"hidden": theirs}, {"mine": ours})
    same(whole, named)
    assert (named.teacher_layer.item(), named.student_layer.item()) == ("hidden", "mine")


def test_layers_of_different_widths_are_filled_up():
    data = compare(network([6, 4, 7, 3], 1), network([6, 9, 5, 3], 2), inputs(300))
    assert data.rho.shape == (2, 7, 9)
    assert data.teachers.values.tolist() == [4, 7]
    assert data.students.values.tolist() == [9, 5]
    assert np.isnan(data.rho.values[0, 4:]).all()
    assert np.isnan(data.rho.values[1, :, 5:]).all()
    assert np.isfinite(data.rho.values[0, :4]).all()
    assert (data.assigned_student.values[0, 4:] == -1).all()
    assert (data.assigned_student.values[1] >= 0).sum() == 5  # of seven teacher nodes, five can have a student
    assert not data.aligned.values[1, 5:].any()


def test_seeds_side_by_side():
    students = network([6, 9, 3], 2, seeds=3)
    data = compare(TEACHER, students, inputs(300))
    assert data.rho.dims == ("seed", "layer", "teacher", "student")
    for s in range(3):
        same(data.isel(seed=s, drop=True), compare(TEACHER, students.select([s]), inputs(300)))


def test_any_pair_of_modules_by_layer_names():
    torch.manual_seed(0)
    theirs, ours = (
        CNN((1, 8, 8), (4, 5), 3),
        nn.Sequential(nn.Conv2d(1, 6, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3)),
    )
    x = torch.randn(50, 1, 8, 8)
    data = compare(theirs, ours, x, [("relu1", "1")])
    assert data.attrs["samples"] == 50 * 16
    a, b = (torch.relu(conv(x)).movedim(1, -1).flatten(0, 2).detach() for conv in (theirs.conv1, ours[0]))
    reference = np.corrcoef(a.double().T, b.double().T)[:4, 4:]
    assert data.rho.values[0] == pytest.approx(reference, abs=3e-6)
    assert data.activity.values[0] == pytest.approx((b > 0).double().mean(0).numpy())
    same(data, compare(theirs, ours, x.split(7), [("relu1", "1")]), 3e-6)
    with pytest.raises(ParameterError, match=r"as many samples .* positions"):
        compare(theirs, ours, x, [("relu2", "1")])
    with pytest.raises(ParameterError, match="Got 1, 2 and 1 instead; name pairs of layers"):
        compare(theirs, ours, x)
    with pytest.raises(ParameterError, match="CNN has no layer 'relu3'"):
        compare(theirs, ours, x, [("relu3", "1")])


def test_what_cannot_be_compared():
    made, x = student(), inputs(20)
    with pytest.raises(ParameterError, match="needs inputs to send through"):
        compare(TEACHER, made)
    with pytest.raises(ParameterError, match="two networks or two sets of activations"):
        compare(TEACHER, x, x)
    with pytest.raises(ParameterError, match="come without inputs"):
        compare(x, x, x)
    with pytest.raises(ParameterError, match="as many layers as each other, and at least one"):
        compare([x, x], [x])
    with pytest.raises(ParameterError, match=r"as many seeds as each other, or 1\. Got \[2, 3\]"):
        compare([np.ones((2, 5, 3)), np.ones((3, 5, 3))], [np.ones((5, 2)), np.ones((5, 2))])
    with pytest.raises(ParameterError, match="at least one sample"):
        compare(TEACHER, made, x[:0])
    with pytest.raises(ParameterError, match="at least one batch"):
        compare(TEACHER, made, iter([]))
    with pytest.raises(ParameterError, match="Inputs must be finite"):
        compare(TEACHER, made, x / 0)
    with pytest.raises(ParameterError, match="an array, a tensor or a stream"):
        compare(TEACHER, made, "digits")
    with pytest.raises(ParameterError, match="must give arrays or tensors"):
        compare(TEACHER, made, ["digits"])
    with pytest.raises(ParameterError, match="The threshold of a coverage"):
        compare(TEACHER, made, x, threshold=1.2)
    for layers in ("1", [], [1], [("1", "1", "1")], 1):
        with pytest.raises(ParameterError, match="'layers' to compare must be a list of names"):
            compare(TEACHER, made, x, layers)
    for values in (np.array([["a"] * 6]), np.array([[None] * 6])):
        with pytest.raises(ParameterError, match="Inputs must be numbers"):
            compare(TEACHER, made, values)
    with pytest.raises(ParameterError, match="one teacher a student or one for all"):
        compare(network([6, 4, 3], seeds=2), network([6, 4, 3], seeds=3), x)
    with torch.no_grad():
        made.weights[0][0, 1, 1] = float("nan")
    with pytest.raises(ParameterError, match=r"weights of the student must be finite\. 'weights.0' is not"):
        compare(TEACHER, made, x)


def test_activations_are_compared_without_torch():
    code = (
        "import sys, numpy as np; from practicum.specialization import compare, success, winner_rank; x = np.eye(5); "
        "compare(x, x); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)

"""What `fit` refuses before the first step: batches from which BatchNorm has no variance."""

import pytest

torch = pytest.importorskip("torch")

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, fit, make_data  # noqa: E402


def fitted(samples, normalisation="before", **training):
    teacher = SeparatedTeacher(inputs=4, hidden=3, outputs=2).build([0])
    students = Students(normalisation=normalisation).build(teacher, [0])
    data = make_data(GaussianInputs(dimension=4), teacher, [0], samples, 10)
    return fit(teacher, students, data, Training(epochs=1, **training), seeds=[0])


@pytest.mark.parametrize("normalisation", ["before", "after"])
@pytest.mark.parametrize(
    "samples, training",
    [
        (5, {"batch_size": 1}),
        (9, {"batch_size": 4}),
        (1, {"batch_size": 8}),
        (9, {"batch_size": 1, "steps_per_epoch": 2}),
    ],
)
def test_one_example_has_no_variance(samples, training, normalisation):
    with pytest.raises(ParameterError, match=rf"at least two examples in every batch.* of {samples} examples"):
        fitted(samples, normalisation, **training)
    fitted(samples, None, **training)


@pytest.mark.parametrize("module", [torch.nn.Linear(5, 2).double(), torch.nn.Linear(4, 2)])
def test_a_teacher_that_cannot_answer(module):
    teacher = SeparatedTeacher(inputs=4, hidden=3, outputs=2).build([0])
    data = make_data(GaussianInputs(dimension=4), teacher, [0], 9, 10)
    with pytest.raises(
        ParameterError, match=r"The teacher cannot answer inputs of shape \(1, 2, 4\) and torch\.float64: "
    ):
        fit(module, Students().build(teacher, [0]), data, Training(epochs=1), seeds=[0])


@pytest.mark.parametrize(
    "samples, training", [(10, {"batch_size": 4}), (8, {"batch_size": 4}), (9, {"batch_size": 4, "steps_per_epoch": 2})]
)
def test_two_examples_have(samples, training):
    assert fitted(samples, **training).status.item() == "ok"

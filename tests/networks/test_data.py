"""Training and held-out examples: whose they are, and that none is both."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import GaussianInputs, ImageInputs, PatchInputs, SeparatedTeacher, TeacherAwareInputs  # noqa: E402
from practicum.networks.data import Data, make_data, redrawn  # noqa: E402

LAW = GaussianInputs(dimension=4)
TEACHER = SeparatedTeacher(inputs=4, hidden=3, outputs=2).build([3, 5])
ARRAY = np.random.default_rng(0).standard_normal((60, 4))


def rows(tensor):
    return {row.numpy().tobytes() for row in tensor}


@pytest.mark.parametrize("shared", [None, False])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, np.ndarray.tolist])
def test_no_row_of_an_array_is_both_trained_on_and_held_out(kind, shared):
    data = make_data(kind(ARRAY), TEACHER, [3, 5], 35, 20, shared=shared)
    assert len(data.inputs) == len(data.held_out) == (1 if shared is None else 2)
    everything = rows(torch.from_numpy(ARRAY))
    for index, held_out in enumerate(map(rows, data.held_out)):
        for trained in (data.inputs[index], *(redrawn(data, TEACHER, epoch)[index] for epoch in (1, 2, 3))):
            assert len(rows(trained)) == 35  # no row twice
            assert not rows(trained) & held_out
            assert rows(trained) | held_out <= everything
        assert len(held_out) == 20
    assert rows(redrawn(data, TEACHER, 1)[0]) != rows(data.inputs[0])
    # Power: two draws from the whole array have rows in common.
    order = [np.random.default_rng(k).permutation(60) for k in (0, 1)]
    assert set(order[0][:35]) & set(order[1][:20])


def test_all_rows_can_be_used():
    data = make_data(ARRAY, TEACHER, [3], 40, 20)
    assert rows(data.inputs[0]) | rows(data.held_out[0]) == rows(torch.from_numpy(ARRAY))
    with pytest.raises(ParameterError, match=r"at least 61 rows, 41 to train on and 20 to hold out\. Got 60"):
        make_data(ARRAY, TEACHER, [3], 41, 20)


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_image_is_both_trained_on_and_held_out(split):
    pytest.importorskip("sklearn")
    teacher = SeparatedTeacher(inputs=64, hidden=3, outputs=2).build([3])
    data = make_data(ImageInputs(name="digits", split=split), teacher, [3], 300, 300)
    assert len(rows(data.inputs[0])) > 290
    assert len(rows(data.inputs[0]) & rows(data.held_out[0])) == 0


def test_patches_are_shared_by_all_seeds_and_drawn_anew():
    pytest.importorskip("sklearn")
    law = PatchInputs(size=8, photographs=("china", "flower"), flat=False)
    teacher = SeparatedTeacher(inputs=192, hidden=3, outputs=2).build([3, 4])
    data = make_data(law, teacher, [3, 4], 30, 20, dtype="float32")
    assert (data.inputs.shape, data.held_out.shape) == ((1, 30, 3, 8, 8), (1, 20, 3, 8, 8))
    again = redrawn(data, teacher, 1)
    assert again.shape == data.inputs.shape
    assert len(rows(again[0].flatten(1)) & rows(data.inputs[0].flatten(1))) < 3


def test_a_seed_gets_the_same_alone_as_among_others():
    for law in (LAW, TeacherAwareInputs(dimension=4)):
        both = make_data(law, TEACHER, [3, 5], 30, 20)
        alone = make_data(law, TEACHER.select([1]), [5], 30, 20)
        assert torch.equal(both.inputs[1], alone.inputs[0])
        assert torch.equal(both.held_out[1], alone.held_out[0])
        assert torch.equal(redrawn(both, TEACHER, 2)[1], redrawn(alone, TEACHER.select([1]), 2)[0])
        assert not torch.equal(both.inputs[0], both.inputs[1])
        assert not torch.equal(both.inputs[:, :20], both.held_out)
        assert not torch.equal(redrawn(both, TEACHER, 1), redrawn(both, TEACHER, 2))


def test_single_precision_is_double_rounded():
    double, single = (make_data(LAW, TEACHER, [3], 30, 20, dtype=dtype) for dtype in ("float64", "float32"))
    assert torch.equal(double.inputs.float(), single.inputs)
    assert redrawn(single, TEACHER, 1).dtype == torch.float32


GOOD = torch.ones(1, 3, 4)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Data(GOOD.numpy(), GOOD), ["'inputs'", "tensor (seeds, samples, inputs)", "(1, 3, 4)"]),
        (lambda: Data(GOOD[0], GOOD), ["'inputs'", "(3, 4)"]),
        (lambda: Data(GOOD, GOOD[:, :0]), ["'held_out'", "at least one example", "(1, 0, 4)"]),
        (lambda: Data(GOOD / 0, GOOD), ["'inputs'", "finite"]),
        (lambda: Data(GOOD, GOOD[:, :, :2]), ["one shape", "(4,) and (2,)"]),
        (lambda: make_data(LAW, TEACHER, [], 3, 3), ["'seeds'", "at least one"]),
        (lambda: make_data(LAW, TEACHER, [0], 0, 3), ["'samples'", ">= 1"]),
        (lambda: make_data(LAW, TEACHER, [0], 3, 2.5), ["'held_out'", "2.5"]),
        (lambda: make_data(ARRAY[0], TEACHER, [0], 3, 3), ["a law such as", "(rows, d)"]),
        (lambda: make_data(None, TEACHER, [0], 3, 3), ["a law such as", "None"]),
    ],
)
def test_what_cannot_be_is_one_sentence(make, words):
    with pytest.raises(ParameterError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)

"""Teachers trained on images: they learn what can be learnt, their seeds are their own, and errors are sentences."""

import numpy as np
import pytest

from data import real
from data.cifar_files import batches, write_archive
from practicum.data import Images, images, normalise
from practicum.errors import ParameterError
from practicum.networks import image_teachers
from practicum.networks.image_teachers import ImageTeacher
from practicum.networks.inputs import ImageInputs

torch = pytest.importorskip("torch")

from practicum.networks.labels import train_image_teacher  # noqa: E402


def bars(count, seed):
    """8 x 8 pictures of noise with a bright bar: class 0 upright, 1 lying. Its place is random."""
    rng = np.random.default_rng(seed)
    pixels, labels = rng.normal(0, 0.3, (count, 1, 8, 8)), rng.integers(0, 2, count)
    for picture, label, place in zip(pixels[:, 0], labels, rng.integers(0, 8, count)):
        picture[(slice(None), place) if label == 0 else (place, slice(None))] += 1
    return Images(pixels, labels, "bars")


TRAIN, TEST = bars(1024, 0), bars(2000, 1)
QUICK = {"widths": (8, 8), "epochs": 3, "learning_rate": 0.02}


@pytest.mark.parametrize("convolutions", [True, False])
@pytest.mark.parametrize("normalisation", [None, "before", "after"])
def test_what_can_be_learnt_is_learnt(convolutions, normalisation):
    epochs = 3 if convolutions else 10
    teacher = train_image_teacher(
        TRAIN, TEST, (16, 16), normalisation=normalisation, convolutions=convolutions, epochs=epochs, learning_rate=0.01
    )
    assert teacher.accuracy > 0.95
    assert teacher.training_loss < 0.25
    assert not teacher.network.training
    assert not any(p.requires_grad for p in teacher.network.parameters())


def test_labels_that_say_nothing_teach_nothing():
    shuffled = Images(TRAIN.inputs, np.random.default_rng(0).permutation(TRAIN.labels), "shuffled")
    teacher = train_image_teacher(shuffled, TEST, **QUICK)
    assert abs(teacher.accuracy - 0.5) < 0.2  # correlated answers: no binomial error


def test_the_accuracy_is_the_share_of_largest_outputs():
    teacher = train_image_teacher(TRAIN, TEST, seeds=[0, 4], **QUICK)
    outputs = teacher.network(torch.from_numpy(TEST.inputs)).numpy()
    np.testing.assert_allclose(teacher.accuracy, (outputs.argmax(-1) == TEST.labels).mean(-1), rtol=1e-12)


@pytest.mark.parametrize("convolutions", [True, False])
def test_a_seed_learns_the_same_alone_as_among_others_and_every_time(convolutions):
    together, alone, again = (
        train_image_teacher(TRAIN, TEST, seeds=seeds, convolutions=convolutions, dtype="float64", **QUICK).network
        for seeds in ([0, 7], [7], [7])
    )
    x = torch.from_numpy(TEST.inputs if convolutions else TEST.flat()).double()
    assert torch.equal(alone(x), again(x))
    # Batched products of other sizes may round differently.
    torch.testing.assert_close(together(x)[1:], alone(x), rtol=1e-8, atol=1e-8)
    assert (together(x)[0] - together(x)[1]).abs().max() > 0.1


def test_progress_is_reported():
    seen = []
    train_image_teacher(TRAIN, TEST, progress=seen.append, **{**QUICK, "epochs": 2})
    assert seen == [0.5, 1.0]


def test_a_teacher_is_trained_once_and_handed_out_as_a_copy(monkeypatch):
    pytest.importorskip("sklearn")
    value = ImageTeacher(inputs=ImageInputs(name="digits", flat=False), widths=(4,), epochs=1)
    first = value.train([0])
    x = torch.ones(1, 2, 1, 8, 8)
    expected = first.network(x).clone()
    with torch.no_grad():
        next(first.network.parameters()).zero_()
    first.accuracy[:] = 0
    assert torch.equal(value.build([0])(x), expected)
    assert value.train([0]).accuracy > 0.1
    calls: list[tuple[int, ...]] = []
    monkeypatch.setattr(image_teachers, "_TRAINED", dict(image_teachers._TRAINED))
    monkeypatch.setattr("practicum.networks.labels.train_image_teacher", lambda *a, **k: calls.append(k["seeds"]))
    for dtype, device in (("float32", "cpu"), (torch.float32, torch.device("cpu")), (np.float32, "cpu")):
        value.train([0], dtype=dtype, device=device)
    assert calls == []
    value.train([1])
    value.replace(epochs=2).train([0])
    assert calls == [(1,), (0,)]


def test_digits_by_value_as_convolutions_and_as_perceptrons():
    pytest.importorskip("sklearn")
    for flat in (False, True):
        law = ImageInputs(name="digits", flat=flat, mean=0.305, deviation=0.376)
        value = ImageTeacher(inputs=law, widths=(16, 16), epochs=6)
        found = value.train([0])
        assert found.accuracy > 0.93
        held_out = law.held_out.sample(np.random.default_rng(0), 300)
        assert value.build([0])(torch.from_numpy(held_out)).shape == (1, 300, 10)
    train, test = images("digits"), images("digits", "test")
    fewer = value.replace(images=100, epochs=1).train([0])
    assert fewer.accuracy < found.accuracy
    assert train.shape == test.shape == (1, 8, 8)


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """An archive in the form of CIFAR-10, with few and easy images, where every run looks."""
    write_archive(tmp_path / "cifar-10", batches(train=200, test=300))
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path))


@pytest.mark.parametrize("flat", [False, True])
def test_colour_images_of_an_archive_are_learnt(cifar, flat):
    law = ImageInputs(name="cifar-10", flat=flat, mean=(0.2, 0.21, 0.22), deviation=(0.15, 0.16, 0.17))
    found = ImageTeacher(inputs=law, widths=(8, 8, 8), epochs=4, learning_rate=0.02).train([0, 1])
    assert found.accuracy.min() > 0.9
    inputs, labels = law.held_out.labelled(np.random.default_rng(0), 300)
    assert inputs.shape == ((300, 3072) if flat else (300, 3, 32, 32))
    right = found.network(torch.from_numpy(inputs)).argmax(-1).numpy() == labels
    np.testing.assert_allclose(right.mean(-1), found.accuracy, rtol=1e-12)
    # Power: the channels in another order are other images.
    mixed = inputs.reshape(300, 3, 32, 32)[:, ::-1].reshape(inputs.shape).copy()
    assert (found.network(torch.from_numpy(mixed)).argmax(-1).numpy() == labels).mean() < 0.6


@pytest.mark.slow
def test_fashion_mnist_within_seconds():
    train, test = normalise(real.split("fashion-mnist", "train"), real.split("fashion-mnist", "test"))
    teacher = train_image_teacher(train, test, (16, 16, 16, 16), learning_rate=0.01)
    assert teacher.accuracy > 0.885


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch_size": 2000}, "'batch_size' parameter must be <= 1024, the number of training images. Got 2000"),
        ({"learning_rate": 0.0}, r"'learning_rate' parameter must be > 0\. Got 0\.0"),
        ({"learning_rate": 1e30, "normalisation": None}, "of seed 0 diverged; lower 'learning_rate'"),
        ({"epochs": 0}, "'epochs' parameter must be a whole number >= 1"),
        ({"seeds": [1, 1]}, "none twice"),
        ({"dtype": "float16"}, "must be float32 or float64"),
        ({"device": "gpu"}, "'device' parameter must be one"),
        ({"learning_rate": "0.1"}, r"'learning_rate' parameter must be > 0\. Got '0\.1'"),
        ({"widths": 4}, "'widths' parameter must be a list of whole numbers"),
        ({"widths": ()}, "'widths' parameter must be a list of whole numbers"),
        ({"widths": (0,), "convolutions": False}, "'widths' parameter must be a whole number >= 1"),
    ],
)
def test_what_does_not_fit_is_one_sentence(change, says):
    with pytest.raises(ParameterError, match=says):
        train_image_teacher(TRAIN, TEST, **{**QUICK, **change})


def test_sets_of_different_pictures_are_refused():
    other = Images(np.zeros((5, 1, 7, 8)), np.zeros(5, int))
    with pytest.raises(ParameterError, match=r"must have one shape. Got \(1, 8, 8\) and \(1, 7, 8\)"):
        train_image_teacher(TRAIN, other)

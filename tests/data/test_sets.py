"""Image sets from folders, scikit-learn and arrays: what is read, where it is looked for, what is refused."""

import sys

import numpy as np
import pytest

from data import real
from data.idx_files import idx, made_up, write_set
from practicum.data import Images, images, normalise, sources
from practicum.errors import ParameterError, StorageError


@pytest.fixture(autouse=True)
def no_set_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.delenv("PRACTICUM_DATA", raising=False)
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "no-debian")
    monkeypatch.setattr(sources, "_fetched", lambda name, wanted: pytest.fail(f"{name} was to be fetched"))


@pytest.mark.parametrize("compressed", [True, False])
def test_a_folder_holds_what_was_written(tmp_path, compressed):
    write_set(tmp_path / "mnist", compressed=compressed)
    for split, count, seed in (("train", 12, 0), ("test", 6, 1)):
        pixels, labels = made_up(count, seed)
        found = images("mnist", split, tmp_path)
        assert np.array_equal(np.rint(found.inputs[:, 0] * 255), pixels)
        assert np.array_equal(found.labels, labels)
        assert (found.inputs.dtype, found.labels.dtype) == (np.float32, np.int64)
        assert (found.inputs.min(), found.inputs.max()) == (0, 1)
        assert (len(found), found.shape, found.name, found.split) == (count, (1, 5, 4), "mnist", split)
        assert np.array_equal(found.flat()[3], pixels[3].ravel() / np.float32(255))
        assert np.shares_memory(found.flat(), found.inputs)


def test_the_folder_comes_first_then_the_variable_then_debian(tmp_path, monkeypatch):
    for number, place in enumerate(("folder", "variable", "debian"), 1):
        write_set(tmp_path / place / "mnist", train=10 * number)
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "debian")
    assert len(images("mnist")) == 30
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path / "variable"))
    assert len(images("mnist")) == 20
    assert len(images("mnist", folder=str(tmp_path / "folder"))) == 10
    # A folder with other sets only does not hide the rest.
    write_set(tmp_path / "debian" / "fashion-mnist", train=40)
    assert len(images("fashion-mnist")) == 40


def test_missing_files_are_named_and_nothing_else_is_looked_at(tmp_path, monkeypatch):
    write_set(tmp_path / "debian" / "mnist")
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "debian")
    folder = tmp_path / "folder" / "mnist"
    write_set(folder)
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    says = r"mnist lacks train-labels-idx1-ubyte \(.gz or not\); put the files"
    with pytest.raises(StorageError, match=r"^The 'folder' parameter names .*" + says):
        images("mnist", folder=tmp_path / "folder")
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path / "folder"))
    with pytest.raises(StorageError, match=r"^The environment variable PRACTICUM_DATA names .*" + says):
        images("mnist")
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(
        StorageError, match=r"nowhere.* lacks train-images-idx3-ubyte \(.gz or not\) and train-labels-idx1-ubyte \("
    ):
        images("mnist")


def test_images_and_labels_that_do_not_belong_together(tmp_path):
    write_set(tmp_path / "mnist", compressed=False)
    (tmp_path / "mnist/train-labels-idx1-ubyte").write_bytes(idx(made_up(11)[1]))
    with pytest.raises(StorageError, match=r"do not belong together: 12 images and 11 labels, and one label an image"):
        images("mnist", folder=tmp_path)


def test_an_unknown_set_or_split():
    with pytest.raises(ParameterError, match=r"must be one of 'mnist', .* Did you mean 'fashion-mnist'\?"):
        images("fashion_mnist")
    with pytest.raises(ParameterError, match=r"'split' parameter of images must be one of 'train', 'test'"):
        images("mnist", "valid")


def test_digits_work_offline_and_are_split_class_by_class():
    pytest.importorskip("sklearn")
    train, test = images("digits"), images("digits", "test")
    assert (len(train), len(test), train.shape, train.classes) == (1442, 355, (1, 8, 8), 10)
    assert (train.inputs.min(), train.inputs.max()) == (0, 1)
    share = np.bincount(test.labels) / (np.bincount(test.labels) + np.bincount(train.labels))
    assert np.all(abs(share - 0.2) < 0.01)
    both = {row.tobytes() for row in train.flat()} & {row.tobytes() for row in test.flat()}
    assert not both
    assert np.array_equal(images("digits", "test").inputs, test.inputs)


def test_without_scikit_learn_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ParameterError, match=r"not installed: pip install 'practicum\[data\]' adds it\.$") as error:
        images("digits")
    assert isinstance(error.value, ImportError)


def own(count: int = 6, channels: int = 2) -> Images:
    rng = np.random.default_rng(count)
    return Images(rng.random((count, channels, 4, 3)), np.arange(count) % 3, "mine")


def test_normalised_by_the_training_images_alone():
    train, test = own(2500), own(7)
    first, second = normalise(train, test)
    for one, by in ((first, train), (second, test)):
        mean, deviation = train.inputs.mean(axis=(0, 2, 3), dtype=float), train.inputs.std(axis=(0, 2, 3), dtype=float)
        expected = (by.inputs - mean[:, None, None]) / deviation[:, None, None]
        np.testing.assert_allclose(one.inputs, expected, atol=2e-6)
        np.testing.assert_allclose(one.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(one.deviation, deviation, rtol=1e-12)
        assert one.inputs.dtype == np.float32
        assert np.array_equal(one.labels, by.labels)
    assert abs(second.inputs.mean()) > 1e-3  # not by its own mean
    assert train.mean == ()


def test_what_cannot_be_normalised():
    train = own()
    with pytest.raises(ParameterError, match="normalised already, by the mean"):
        normalise(*normalise(train))
    with pytest.raises(ParameterError, match=r"have 2 channel\(s\)\. Got 1 in the train images of mine"):
        normalise(train, own(channels=1))
    grey = Images(np.full((3, 1, 4, 4), 0.1), np.arange(3), "grey")
    with pytest.raises(ParameterError, match=r"grey cannot be normalised, because channel 0 has the same value 0\.1 "):
        normalise(grey)


@pytest.mark.parametrize(
    ("name", "mean", "deviation", "first"),
    [("mnist", 0.1307, 0.3081, [5, 0, 4, 1, 9]), ("fashion-mnist", 0.2860, 0.3530, [9, 0, 0, 3, 0])],
)
def test_the_real_sets(name, mean, deviation, first):
    """Size, moments as everybody uses them, and the first labels."""
    train, test = real.split(name, "train"), real.split(name, "test")
    assert (len(train), len(test), train.shape, train.classes, test.classes) == (60000, 10000, (1, 28, 28), 10, 10)
    (normalised,) = normalise(train)
    assert (round(normalised.mean[0], 4), round(normalised.deviation[0], 4)) == (mean, deviation)
    assert train.labels[:5].tolist() == first
    if name == "fashion-mnist":
        assert np.bincount(train.labels).tolist() == [6000] * 10


def test_the_first_images():
    mine = own()
    assert np.array_equal(mine.first(2).inputs, mine.inputs[:2])
    assert len(mine.first(100)) == 6
    with pytest.raises(ParameterError, match="'count' parameter must be a whole number >= 1"):
        mine.first(0)
    assert repr(mine) == "<Images mine train: 6 of 2 x 4 x 3, 3 classes>"


@pytest.mark.parametrize(
    ("inputs", "labels", "says"),
    [
        (np.zeros((3, 4, 4)), np.zeros(3, int), r"shape \(n, c, h, w\).* Got shape \(3, 4, 4\) .* inputs\[:, None\]"),
        (np.zeros((0, 1, 4, 4)), np.zeros(0, int), r"Got shape \(0, 1, 4, 4\)"),
        (np.zeros((3, 1, 4, 4), np.uint8), np.zeros(3, int), "Got uint8 instead; divide bytes by 255"),
        (np.full((3, 1, 4, 4), np.nan), np.zeros(3, int), "must be finite, .* in image 0"),
        (np.zeros((3, 1, 4, 4)), np.zeros(2, int), r"must be 3 whole numbers, .* Got int64 of shape \(2,\)"),
        (np.zeros((3, 1, 4, 4)), np.zeros(3), "Got float64 of shape"),
        (np.zeros((3, 1, 4, 4)), np.array([0, -1, 2]), "counted from 0. Got -1"),
    ],
)
def test_own_images_are_checked(inputs, labels, says):
    with pytest.raises(ParameterError, match=says):
        Images(inputs, labels)


def test_images_cannot_be_changed():
    with pytest.raises(AttributeError):
        own().inputs = None

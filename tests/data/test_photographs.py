"""Patches of photographs: real pixels, from disjoint regions, the same for the same seed, and offline."""

import socket
import sys
import zlib

import numpy as np
import pytest
from scipy import stats

from practicum.data import patches, photographs
from practicum.data.photographs import PHOTOGRAPHS
from practicum.errors import ParameterError, StorageError

SKLEARN = ("china", "flower")


@pytest.fixture
def offline(monkeypatch):
    """No connection can be opened."""
    photographs._pixels.cache_clear()
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was opened"))
    yield
    photographs._pixels.cache_clear()


def whole(name):
    """A photograph (h, w, 3) as its package hands it out."""
    if name in SKLEARN:
        return pytest.importorskip("sklearn.datasets").load_sample_image(f"{name}.jpg")
    data = pytest.importorskip("skimage.data")
    return data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()


def columns(width, split):
    """The columns of each region, counted out: of eight bands the fourth and the eighth are for testing."""
    edges = [width * k // 8 for k in range(9)]
    bounds = [(3, 4), (7, 8)] if split == "test" else [(0, 3), (4, 7)]
    return [list(range(edges[first], edges[last])) for first, last in bounds]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", ["cat", "flower"])
def test_every_patch_is_in_its_region_of_the_photograph(offline, name, split):
    """Against all windows of what the package itself loads."""
    picture = whole(name)
    windows = set()
    for region in columns(picture.shape[1], split):
        part = picture[:, region]
        for row in range(part.shape[0] - 7):
            for column in range(part.shape[1] - 7):
                windows.add(zlib.crc32(part[row : row + 8, column : column + 8].tobytes()))

    def share(split):
        found = patches(400, size=8, split=split, photographs=[name]).inputs
        assert (found.shape, found.dtype) == ((400, 3, 8, 8), np.float32)
        bytes_of = np.rint(found.transpose(0, 2, 3, 1) * 255).astype(np.uint8)
        return np.mean([zlib.crc32(patch.tobytes()) in windows for patch in bytes_of])

    assert share(split) == 1
    # Power: the patches of the other split are elsewhere. Flat parts of a picture are alike.
    assert share("test" if split == "train" else "train") < 0.05


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_all_photographs_load_offline_as_their_packages_load_them(offline, name):
    expected = whole(name)
    assert np.array_equal(photographs._pixels(name).transpose(1, 2, 0), expected)
    found = patches(5, size=32, photographs=name)
    assert found.photographs == (name,)
    assert found.inputs.std() > 0.01


@pytest.fixture
def grid(monkeypatch):
    """Photographs whose pixels say where they are: (row, column, which)."""
    shapes = {"cat": (40, 160), "rocket": (80, 200), "china": (60, 240)}

    def pixels(name):
        height, width = shapes[name]
        row, column = np.indices((height, width))
        return np.stack([row, column, np.full_like(row, list(shapes).index(name))]).astype(np.uint8)

    monkeypatch.setattr(photographs, "_pixels", pixels)
    return shapes


def places(found):
    """(row, column, photograph) of the first pixel of each patch, whose other pixels have to follow it."""
    inputs = np.rint(found.inputs * 255).astype(int)
    size = inputs.shape[-1]
    first = inputs[:, :, :1, :1]
    row, column = np.indices((size, size))
    assert (inputs == first + np.stack([row, column, np.zeros_like(row)])).all()
    return first[:, :, 0, 0]


def test_no_pixel_is_in_patches_of_both_splits(grid):
    seen = {}
    for split in ("train", "test"):
        first = places(patches(3000, size=12, split=split, photographs=list(grid)))
        assert len(np.unique(first, axis=0)) == 3000  # none twice
        seen[split] = {(which, column + k) for _, column, which in first for k in range(12)}
    assert not seen["train"] & seen["test"]
    for split in seen:  # and all columns are used
        assert seen[split] == {
            (which, column)
            for which, (_, width) in enumerate(grid.values())
            for region in columns(width, split)
            for column in region
        }


def test_all_places_are_equally_likely(grid):
    every = [
        (row, column, which)
        for which, (height, width) in enumerate(grid.values())
        for region in columns(width, "train")
        for row in range(height - 15)
        for column in region[:-15]
    ]
    order = {place: k for k, place in enumerate(every)}
    drawn = [order[tuple(place)] for seed in range(40) for place in places(patches(200, seed, photographs=list(grid)))]
    assert patches(len(every), photographs=list(grid)).inputs.shape == (len(every), 3, 16, 16)
    counts = np.bincount(np.array(drawn) * 50 // len(every), minlength=50)
    sizes = np.bincount(np.arange(len(every)) * 50 // len(every))
    assert stats.chisquare(counts, sizes / sizes.sum() * counts.sum()).pvalue > 1e-3
    # Power: photographs are not equally likely whatever their size.
    assert stats.chisquare(np.bincount([every[k][2] for k in drawn])).pvalue < 1e-6


def test_a_seed_gives_the_same_patches_and_others_give_others():
    first, again, other = (patches(50, seed, photographs=SKLEARN).inputs for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(first, patches(50, 3, photographs=["flower", "china", "flower"]).inputs)  # order says nothing


def test_grey_patches_are_the_luminance_of_the_coloured_ones():
    coloured = patches(50, size=8, photographs=SKLEARN)
    grey = patches(50, size=8, colour=False, photographs=SKLEARN).inputs
    assert (grey.shape, grey.dtype) == ((50, 1, 8, 8), np.float32)
    expected = np.einsum("nchw,c->nhw", coloured.inputs.astype(float), [0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey[:, 0], expected, atol=1e-6)
    assert grey.max() <= 1
    assert (coloured.photographs, coloured.split) == (SKLEARN, "train")


def test_what_is_installed_is_taken_and_named(monkeypatch):
    assert patches(3).photographs == PHOTOGRAPHS
    photographs._pixels.cache_clear()
    monkeypatch.setitem(sys.modules, "skimage", None)
    found = patches(20)
    assert found.photographs == SKLEARN
    assert np.array_equal(found.inputs, patches(20, photographs=SKLEARN).inputs)
    says = r"^The photograph 'cat' needs the package scikit-image, .* adds it, or take the photographs 'china' and"
    with pytest.raises(ParameterError, match=says) as error:
        patches(3, photographs=["cat"])
    assert isinstance(error.value, ImportError)
    photographs._pixels.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ParameterError, match=r"^The photograph 'china' needs the package scikit-learn, .* adds it\.$"):
        patches(3)


def test_a_photograph_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    photographs._pixels.cache_clear()
    monkeypatch.setattr(photographs, "_folder", lambda package: tmp_path)
    with pytest.raises(
        StorageError, match=r"'coffee' cannot be read from .*coffee\.png, where scikit-image has it \(no"
    ):
        patches(3, photographs=["coffee"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data/coffee.png").write_bytes(b"no picture")
    with pytest.raises(StorageError, match=r"\(unidentifiedimageerror\); install that package anew, or name other"):
        patches(3, photographs=["coffee"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"count": 0}, "'count' parameter must be a whole number >= 1"),
        ({"size": 0}, "'size' parameter must be a whole number >= 1"),
        ({"seed": -1}, "'seed' parameter must be a whole number >= 0"),
        ({"split": "valid"}, "must be 'train' or 'test'. Got 'valid'"),
        ({"photographs": ["cofee"]}, r"must be some of astronaut, .* Got 'cofee' instead\. Did you mean 'coffee'\?"),
        ({"photographs": []}, r"must be at least one of astronaut, .* Got none"),
        (
            {"size": 81, "split": "test"},
            "'size' parameter of patches must be <= 80, for the regions of the test patches",
        ),
        ({"size": 241}, "'size' parameter of patches must be <= 240, for the regions of the train patches"),
        ({"count": 10**7}, r"must be <= \d+, the places where one of 16 x 16 pixels can be cut, because no patch"),
    ],
)
def test_what_cannot_be_is_one_sentence(changes, says):
    with pytest.raises(ParameterError, match=says) as error:
        patches(**{"count": 5, "photographs": SKLEARN, **changes})
    assert "\n" not in str(error.value)

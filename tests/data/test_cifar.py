"""CIFAR-10 from made-up archives and folders: what is read, and what hostile or damaged ones come to."""

import gzip
import os
import pickle
import resource
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import real
from data.cifar_files import (
    ARCHIVE,
    FOLDER,
    TRAIN,
    batches,
    made_up,
    member,
    python2,
    python3,
    write_archive,
    write_folder,
)
from practicum.data import cifar, images, normalise, sources
from practicum.errors import StorageError

FILES = batches()


@pytest.fixture(autouse=True)
def no_set_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.delenv("PRACTICUM_DATA", raising=False)
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "no-debian")
    monkeypatch.setattr(sources, "_fetched", lambda name, wanted: pytest.fail(f"{name} was to be fetched"))


def check(found, split):
    """The batches in their order; pixels by channel, row and column."""
    made = [made_up(4, seed) for seed in range(5)] if split == "train" else [made_up(6, 5)]
    pixels = np.concatenate([data for data, _ in made])
    assert (len(found), found.shape, found.name, found.split) == (len(pixels), (3, 32, 32), "cifar-10", split)
    assert found.labels.tolist() == [label for _, labels in made for label in labels]
    assert (found.inputs.dtype, found.labels.dtype) == (np.float32, np.int64)
    for image, channel, row, column in ((0, 0, 0, 1), (3, 1, 31, 0), (5, 2, 7, 30)):
        expected = pixels[image, 1024 * channel + 32 * row + column]
        assert found.inputs[image, channel, row, column] == np.float32(expected) / np.float32(255)
    assert np.array_equal(np.rint(found.flat() * 255), pixels)


@pytest.mark.parametrize("write", [write_archive, write_folder], ids=["archive", "folder"])
@pytest.mark.parametrize("python", [python2, python3])
def test_archives_and_folders_hold_what_was_written(tmp_path, write, python):
    write(tmp_path / "cifar-10", batches(write=python))
    for split in ("train", "test"):
        check(images("cifar-10", split, tmp_path), split)


def test_an_archive_that_was_packed_anew(tmp_path):
    write_archive(tmp_path / "cifar-10", FILES, prefix=f"./{FOLDER}/")
    check(images("cifar-10", "train", tmp_path), "train")


def test_the_folder_comes_first_then_the_variable(tmp_path, monkeypatch):
    write_archive(tmp_path / "a/cifar-10", batches(test=3))
    write_folder(tmp_path / "b/cifar-10", batches(test=5))
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path / "b"))
    assert len(images("cifar-10", "test")) == 5
    assert len(images("cifar-10", "test", tmp_path / "a")) == 3
    (tmp_path / "c/cifar-10").mkdir(parents=True)
    says = rf"cifar-10 lacks {ARCHIVE} or the folder {FOLDER}; put the files of the set there"
    with pytest.raises(StorageError, match=r"^The 'folder' parameter names .*" + says):
        images("cifar-10", "test", tmp_path / "c")


def refused(path, split="train"):
    with pytest.raises(StorageError) as error:
        cifar.read_cifar(path, split)
    text = str(error.value)
    assert str(path) in text
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("write", [write_archive, write_folder], ids=["archive", "folder"])
def test_a_batch_that_is_missing_is_named(tmp_path, write):
    some = {name: FILES[name] for name in FILES if name not in ("data_batch_2", "data_batch_5")}
    path = write(tmp_path, some)
    assert "lacks data_batch_2, data_batch_5, and the train images are in data_batch_1, data_batch_2," in refused(path)
    assert len(cifar.read_cifar(path, "test")[0]) == 6


PIXELS, LABELS = made_up(4)
BAD = {
    "another width": (python2(PIXELS[:, :3071], LABELS), r"data of shape (n, 3072), one image a row. It has (4, 3071)"),
    "one dimension": (python3(PIXELS.ravel(), LABELS), "It has (12288,) instead"),
    "no image": (python3(PIXELS[:0], []), "It has (0, 3072) instead"),
    "no array": (python3([7], LABELS), "It has list instead"),
    "fewer labels": (python2(PIXELS, LABELS[:3]), "must have a list of 4 labels, one an image. It has 3"),
    "no list of labels": (python3(PIXELS, None), "must have a list of 4 labels, one an image. It has NoneType"),
    "an eleventh class": (python2(PIXELS, [0, 1, 2, 10]), "labels from 0 to 9, and one of them is none"),
    "labels that are texts": (python3(PIXELS, ["0"] * 4), "labels from 0 to 9, and one of them is none"),
    "CIFAR-100": (pickle.dumps({b"data": PIXELS, b"fine_labels": LABELS}), "holds no 'labels'; another file"),
    "no pickle": (b"<html>not found</html>", "is damaged: a pickled dict was expected"),
    "nothing": (b"", "is damaged: a pickled dict was expected"),
}


@pytest.mark.parametrize("write", [write_archive, write_folder], ids=["archive", "folder"])
@pytest.mark.parametrize("case", BAD)
def test_a_batch_that_is_none_is_named(tmp_path, case, write):
    content, says = BAD[case]
    text = refused(write(tmp_path, {**FILES, "data_batch_3": content}))
    assert text.startswith("The batch data_batch_3 of ")
    assert says in text


class Bad:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("write", [write_archive, write_folder], ids=["archive", "folder"])
def test_no_program_in_a_batch_is_run(tmp_path, write):
    content = pickle.dumps({b"data": PIXELS, b"labels": LABELS, b"x": Bad(tmp_path / "proof")}, 2)
    text = refused(write(tmp_path / "set", {**FILES, "data_batch_4": content}))
    assert "data_batch_4 of " in text
    assert "is refused, because it names 'posix.system'" in text
    assert not (tmp_path / "proof").exists()
    pickle.loads(content)  # power
    assert (tmp_path / "proof").exists()


# ---- hostile archives


@pytest.mark.parametrize("name", ["../outside", f"{FOLDER}/../../outside", "/tmp/outside", "//outside"])
def test_members_that_lead_out_are_refused_and_nothing_is_written(tmp_path, monkeypatch, name):
    path = write_archive(tmp_path / "inner/set", FILES, member(name, b"x"))
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(path.parent)
    assert f"is refused, because its member {name!r} leads out of the folder {FOLDER}" in refused(path)
    assert sorted(tmp_path.rglob("*")) == before
    monkeypatch.setattr(tarfile.TarFile, "extract", None)
    monkeypatch.setattr(tarfile.TarFile, "extractall", None)
    cifar.read_cifar(write_archive(tmp_path / "other", FILES), "train")  # never used


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_what_is_no_file_is_no_batch(tmp_path, kind):
    """Links to a file of the machine, and to a batch in the archive."""
    (tmp_path / "secret").write_bytes(FILES["test_batch"])
    for target in (str(tmp_path / "secret"), f"{FOLDER}/data_batch_1"):
        link = member(f"{FOLDER}/test_batch", type=kind, linkname=target)
        path = write_archive(tmp_path / "set", {name: FILES[name] for name in TRAIN}, link)
        assert "lacks test_batch, and the test images are in test_batch" in refused(path, "test")


@pytest.mark.parametrize("name", ["test_batch", f"other/{FOLDER}/test_batch", f"{FOLDER}/deeper/test_batch"])
def test_files_of_the_same_name_elsewhere_are_no_batches(tmp_path, name):
    path = write_archive(tmp_path, {}, member(name, FILES["test_batch"]))
    assert "lacks test_batch" in refused(path, "test")


def test_truncated_and_spoilt_archives(tmp_path):
    path = write_archive(tmp_path, batches(1, 1))
    whole = path.read_bytes()
    spoilt = bytearray(whole)
    spoilt[-8] ^= 1  # gzip's checksum
    cut = [whole[:end] for end in (0, 1, 2, 10, 11, 40, 200, 1000, len(whole) // 2, len(whole) - 9, len(whole) - 1)]
    plain = gzip.decompress(whole)
    short = [gzip.compress(plain[:end]) for end in (0, 100, 511, 512, 1024, 1600, 3000)]
    for content in [*cut, bytes(spoilt), plain, b"<html>not found</html>", *short]:
        path.write_bytes(content)
        text = refused(path)
        assert "is damaged: a compressed archive (.tar.gz) was expected" in text or "lacks data_batch_1" in text
    path.write_bytes(whole)
    assert len(cifar.read_cifar(path, "train")[0]) == 5


@given(st.binary(max_size=1500), st.integers(0, 2**32 - 1))
def test_no_bytes_raise_anything_else(tmp_path_factory, content, seed):
    """Random bytes, and the headers of a true archive with some changed."""
    folder = tmp_path_factory.mktemp("any")
    path = write_archive(folder, {"test_batch": b"few"})
    headers = bytearray(gzip.decompress(path.read_bytes())[:2560])
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(headers), rng.integers(1, 20)):
        headers[place] = rng.integers(0, 256)
    for plain in (content, bytes(headers)):
        path.write_bytes(gzip.compress(plain))
        refused(path, "test")


def test_neither_a_bomb_nor_a_wrong_header_fills_the_memory(tmp_path, monkeypatch):
    """The bound is lowered, so that a bomb of 300 MB shows whether it holds."""
    monkeypatch.setattr(cifar, "ALL", 2**24)
    zeros = bytes(2**20)
    path = tmp_path / ARCHIVE

    def header(name, kind=tarfile.REGTYPE):
        return member(name, size=2**33, type=kind)[0].tobuf(tarfile.GNU_FORMAT)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for head, says in (
        (header(f"{FOLDER}/test_batch"), f"it has more than {cifar.LARGEST} bytes, and a batch of CIFAR-10 has 31 MB"),
        (header(f"{FOLDER}/readme.html"), f"more than {cifar.ALL} bytes are compressed in it"),
        (header("x", tarfile.GNUTYPE_LONGNAME), f"more than {cifar.ALL} bytes are compressed in it"),
        (header("x", tarfile.XHDTYPE), f"more than {cifar.ALL} bytes are compressed in it"),
    ):
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(head)
            for _ in range(300):
                file.write(zeros)
        assert says in refused(path, "test")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB"


def test_many_members_and_chained_headers_are_refused(tmp_path):
    path = write_archive(tmp_path, FILES, *(member(f"{FOLDER}/{k}") for k in range(cifar.MEMBERS)))
    assert f"it has more than {cifar.MEMBERS} members" in refused(path)
    path.write_bytes(gzip.compress(member("x", type=tarfile.XHDTYPE)[0].tobuf() * 3000))
    assert f"it has more than {cifar.MEMBERS} members" in refused(path)


def test_a_large_file_in_a_folder_is_not_read_whole(tmp_path):
    folder = write_folder(tmp_path, FILES)
    with open(folder / "test_batch", "wb") as file:
        file.truncate(2**36)
    assert f"it has more than {cifar.LARGEST} bytes" in refused(folder, "test")
    (folder / "test_batch").unlink()
    (folder / "test_batch").mkdir()
    with pytest.raises(StorageError, match="test_batch cannot be read: is a directory"):
        cifar.read_cifar(folder, "test")


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(StorageError, match="none cannot be read: no such file"):
        cifar.read_cifar(tmp_path / "none", "test")


def test_normalised_by_channel(tmp_path):
    write_archive(tmp_path / "cifar-10", FILES)
    (found,) = normalise(images("cifar-10", "train", tmp_path))
    np.testing.assert_allclose(found.inputs.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.inputs.std(axis=(0, 2, 3)), 1, atol=1e-5)


def test_the_real_set():
    """Where a machine has it: sizes, classes, and the moments that everybody uses."""
    train, test = real.split("cifar-10", "train"), real.split("cifar-10", "test")
    assert (len(train), len(test), train.shape) == (50000, 10000, (3, 32, 32))
    assert np.bincount(train.labels).tolist() == [5000] * 10
    (normalised,) = normalise(train)
    assert np.round(normalised.mean, 4).tolist() == [0.4914, 0.4822, 0.4465]
    assert np.round(normalised.deviation, 3).tolist() == [0.247, 0.243, 0.262]

"""Fetching, on a server of this machine that serves made-up files: checksums, mirrors, and what to do without."""

import hashlib
import logging
import socket
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from data.cifar_files import ARCHIVE, batches, write_archive
from data.idx_files import write_set
from practicum.data import images, sources
from practicum.errors import ParameterError, StorageError

pooch = pytest.importorskip("pooch")


@pytest.mark.parametrize("compressed", [True, False])
def test_what_is_on_disk_is_known_without_fetching(tmp_path, monkeypatch, compressed):
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv(sources.FOLDER, str(tmp_path))
    folder = tmp_path / "mnist"
    folder.mkdir()
    names = [*sources.SOURCES["mnist"].checksums]
    for name in names if compressed else [name.removesuffix(".gz") for name in names]:
        assert not sources.on_disk("mnist")  # as long as one is missing
        (folder / name).touch()
    assert sources.on_disk("mnist")
    assert not sources.on_disk("fashion-mnist")
    monkeypatch.setattr(sources, "DEBIAN", tmp_path)
    monkeypatch.setenv(sources.FOLDER, str(tmp_path / "elsewhere"))
    assert not sources.on_disk("mnist")  # a folder that is not there is a mistake, and nothing else is looked at
    monkeypatch.setenv(sources.FOLDER, str(tmp_path / "mnist"))
    assert sources.on_disk("mnist")  # one that holds other sets is none


@pytest.fixture
def closed():
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


@pytest.fixture
def server(tmp_path):
    """A server of four made-up files; (its address, their bytes, the paths asked for)."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "served"))

        def log_message(self, *_):
            pass

        def log_request(self, *_):
            asked.append(self.path)

    content = write_set(tmp_path / "served" / "set")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/set/", content, asked
        running.shutdown()


@pytest.fixture
def mirrors(tmp_path, monkeypatch, server):
    """Sets the mirrors of mnist; the checksums are those of the served files."""
    monkeypatch.delenv("PRACTICUM_DATA", raising=False)
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "no-debian")
    monkeypatch.setattr(sources, "SECONDS", 5)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    pooch.get_logger().setLevel(logging.WARNING)
    checksums = {file: hashlib.sha256(content).hexdigest() for file, content in server[1].items()}

    def use(*addresses):
        monkeypatch.setitem(sources.SOURCES, "mnist", sources.Source(addresses, checksums))

    return use


def test_files_are_fetched_once(tmp_path, server, mirrors):
    address, content, asked = server
    mirrors(address)
    assert len(images("mnist", "test")) == 6
    assert len(asked) == 2
    assert len(images("mnist")) == 12
    assert len(images("mnist", "test")) == 6
    assert len(asked) == 4
    cached = {path.name: path.read_bytes() for path in (tmp_path / "cache/practicum/mnist").iterdir()}
    assert cached == content


def test_a_mirror_that_fails_is_passed_over(server, mirrors, closed):
    address, _, asked = server
    mirrors(closed, address + "nowhere/", address)
    assert len(images("mnist")) == 12
    assert len(asked) == 4  # two files, at two of the mirrors


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(tmp_path, server, mirrors):
    mirrors(server[0])
    (tmp_path / "served/set/train-images-idx3-ubyte.gz").write_bytes(b"another file")
    with pytest.raises(StorageError) as error:
        images("mnist")
    text = str(error.value)
    assert "train-images-idx3-ubyte.gz of mnist could not be fetched" in text
    assert f"{server[0]} sent a file whose SHA-256 is not " in text
    assert text.count("\n") == 0
    assert list((tmp_path / "cache/practicum/mnist").iterdir()) == []


def test_a_spoilt_file_in_the_cache_is_fetched_again(tmp_path, server, mirrors):
    address, content, asked = server
    mirrors(address)
    images("mnist")
    spoilt = tmp_path / "cache/practicum/mnist/train-labels-idx1-ubyte.gz"
    spoilt.write_bytes(b"half of it")
    assert len(images("mnist")) == 12
    assert len(asked) == 3
    assert spoilt.read_bytes() == content[spoilt.name]


def test_without_a_network_one_sentence_says_what_to_do(server, mirrors, closed):
    mirrors(closed, server[0] + "nowhere/")
    with pytest.raises(StorageError) as error:
        images("mnist", "test")
    text = str(error.value)
    assert f"{closed} was not reached, ConnectionError" in text
    assert "nowhere/ answered 404" in text
    assert "download these four files into a folder mnist and set $PRACTICUM_DATA to the folder above it: " in text
    assert all(file in text for file in server[1])
    assert text.count("\n") == 0


def test_a_cache_that_cannot_be_written_is_named(tmp_path, server, mirrors):
    mirrors(server[0])
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"cache/practicum/mnist cannot be written: not a directory"):
        images("mnist")
    for error, says in ((PermissionError("pooch's words"), "permission denied"), (OSError(28, "No Space"), "no space")):
        assert sources._why(error, tmp_path).endswith(f"cannot be written: {says}")


def test_without_pooch_one_sentence_says_what_to_install(mirrors, server, monkeypatch):
    mirrors(server[0])
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ParameterError, match=r"pip install 'practicum\[data\]' adds it, or put these four files into"):
        images("mnist")
    with pytest.raises(ParameterError, match=rf"or put this file into a folder cifar-10 and set .*: {ARCHIVE}\.$"):
        images("cifar-10")


@pytest.fixture
def cifar(tmp_path, server, mirrors, monkeypatch):
    """Serves an archive in the form of CIFAR-10, the only mirror of it."""
    path = write_archive(tmp_path / "served/set", batches())
    mirrors(server[0])
    checksums = {ARCHIVE: hashlib.sha256(path.read_bytes()).hexdigest()}
    monkeypatch.setitem(sources.SOURCES, "cifar-10", sources.Source((server[0],), checksums))
    return path


def test_an_archive_is_fetched_once_for_both_splits(tmp_path, server, cifar):
    assert len(images("cifar-10", "test")) == 6
    assert len(images("cifar-10")) == 20
    assert server[2] == [f"/set/{ARCHIVE}"]
    assert [path.name for path in (tmp_path / "cache/practicum/cifar-10").iterdir()] == [ARCHIVE]


def test_an_archive_with_a_wrong_checksum_is_not_read(tmp_path, cifar):
    write_archive(cifar.parent, batches(train=3))
    with pytest.raises(StorageError) as error:
        images("cifar-10")
    text = str(error.value)
    assert f"The file {ARCHIVE} of cifar-10 could not be fetched (http://127.0.0.1" in text
    assert "sent a file whose SHA-256 is not " in text
    assert (
        f"); download this file into a folder cifar-10 and set $PRACTICUM_DATA to the folder above it: {ARCHIVE}."
        in text
    )
    assert text.count("\n") == 0
    assert list((tmp_path / "cache/practicum/cifar-10").iterdir()) == []


@pytest.mark.parametrize("name", sources.SOURCES)
def test_every_set_has_mirrors_and_checksums(name):
    mirrors, checksums = sources.SOURCES[name]
    assert len(mirrors) >= 2
    assert all(mirror.endswith("/") for mirror in mirrors)
    assert {len(value) for value in checksums.values()} == {64}
    assert len(set(checksums.values())) == len(checksums)
    idx = [f"{prefix}-{kind}-ubyte.gz" for prefix in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    assert sorted(checksums) == ([ARCHIVE] if name == "cifar-10" else sorted(idx))

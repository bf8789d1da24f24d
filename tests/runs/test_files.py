"""Sealed files: whole or refused, whatever happens to them and to their writer."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from practicum import StorageError
from practicum.runs.files import SEAL_LENGTH, read_sealed, require_writable, sweep_abandoned, write_sealed


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_round_trip(tmp_path):
    for body in (b"", b"x", bytes(range(256)) * 100):
        path = tmp_path / "deep" / "er" / "a.nc"
        write_sealed(path, body)
        assert read_sealed(path, "run a") == body
        assert path.stat().st_size == len(body) + SEAL_LENGTH
        assert leftovers(path.parent) == []


def test_the_seal_can_be_checked_by_common_tools(tmp_path):
    path = tmp_path / "a.nc"
    write_sealed(path, b"abc")
    # FIPS 180-2, appendix B.1.
    digest = b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert path.read_bytes() == b"abc" + b"practicum-run-1 sha256=" + digest


def test_every_single_bit_is_covered(tmp_path):
    """Exhaustive: each bit of a small sealed file, the seal's own bits included."""
    path = tmp_path / "a.nc"
    write_sealed(path, np.random.default_rng(1).bytes(64))
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(StorageError, match=r"a\.nc of run a is (truncated or )?damaged"):
            read_sealed(path, "run a")
    path.write_bytes(whole)
    read_sealed(path, "run a")


def test_every_truncation_and_every_addition_is_noticed(tmp_path):
    path = tmp_path / "a.nc"
    write_sealed(path, np.random.default_rng(1).bytes(64))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError, match=f"its {length} bytes do not end in a seal"):
            read_sealed(path, "run a")
    for other in (whole + b"\0", b"\0" + whole, whole + whole, whole[1:], whole[:10] + whole[11:]):
        path.write_bytes(other)
        with pytest.raises(StorageError, match="damaged"):
            read_sealed(path, "run a")


def test_a_missing_file(tmp_path):
    with pytest.raises(StorageError, match=r"a\.nc of run a cannot be read: no such file"):
        read_sealed(tmp_path / "a.nc", "run a")


class Disk:
    """Lets one call of the operating system fail."""

    def __init__(self, monkeypatch, name, number):
        def fail(*_, **__):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize(
    ("call", "number", "sentence"),
    [
        ("fsync", errno.ENOSPC, "The disk that holds {folder} is full"),
        ("fsync", errno.EDQUOT, "The disk that holds {folder} is full"),
        ("fsync", errno.EIO, "The folder {folder} cannot be written: input/output error"),
        ("replace", errno.EACCES, "The folder {folder} cannot be written: permission denied"),
        ("replace", errno.EROFS, "The folder {folder} cannot be written: read-only file system"),
    ],
)
def test_a_failing_disk_leaves_what_was_there(tmp_path, monkeypatch, call, number, sentence):
    path = tmp_path / "a.nc"
    write_sealed(path, b"old")
    Disk(monkeypatch, call, number)
    with pytest.raises(StorageError) as caught:
        write_sealed(path, b"new")
    assert sentence.format(folder=tmp_path) in str(caught.value)
    assert "--store" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read_sealed(path, "run a") == b"old"
    assert leftovers(tmp_path) == []


def test_a_write_that_the_kernel_cuts_short(tmp_path):
    """No mock: the process may write 4000 bytes a file, so the body's write fails half way."""
    path = tmp_path / "a.nc"
    write_sealed(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    try:
        with pytest.raises(StorageError, match="cannot be written: file too large"):
            write_sealed(path, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert read_sealed(path, "run a") == b"old"
    assert leftovers(tmp_path) == []


def test_a_folder_that_cannot_exist(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        for act in (lambda folder: write_sealed(folder / "a.nc", b""), require_writable):
            with pytest.raises(StorageError, match=r"cannot be written: (not a directory|file exists)"):
                act(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="permission denied"):
            require_writable(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_require_writable_makes_the_folder_and_leaves_nothing(tmp_path):
    require_writable(tmp_path / "new" / "er")
    assert list((tmp_path / "new" / "er").iterdir()) == []


def test_only_old_temporary_files_are_swept(tmp_path):
    old, young = tmp_path / f".a.{'0' * 16}.part", tmp_path / f".b.{'1' * 16}.part"
    others = [tmp_path / name for name in ("a.nc", ".a.part", f"a.{'0' * 16}.part", f".a.{'0' * 16}.part.nc")]
    for path in (old, young, *others):
        path.write_text("")
    for path in (old, *others):
        os.utime(path, (time.time() - 7200,) * 2)
    assert sweep_abandoned(tmp_path) == 1
    assert not old.exists()
    assert all(path.exists() for path in (young, *others))
    assert sweep_abandoned(tmp_path / "nowhere") == 0


WRITER = """
import itertools, sys
from pathlib import Path
from practicum.runs.files import _seal, write_sealed
folder, how = Path(sys.argv[1]), sys.argv[2]

def careless(path, body):
    with open(path, "wb") as file:
        for first in range(0, len(body), 4096):
            file.write(body[first : first + 4096])
        file.write(_seal(body))

write = {"sealed": write_sealed, "careless": careless}[how]
for n in itertools.count():
    write(folder / f"{n % 5}.nc", n.to_bytes(8, "big") * 250_000)
"""


def killed_writers(folder: Path, how: str, times: int) -> int:
    """Kill a process that writes 2 MB files over and over, at random moments; the number of damaged files left."""
    rng = np.random.default_rng(7)
    damaged = 0
    for _ in range(times):
        for path in folder.iterdir():
            path.unlink()
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), how])
        while not (folder / "0.nc").exists():
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in folder.glob("*.nc"):
            try:
                body = read_sealed(path, "run")
                assert body == body[:8] * 250_000
            except StorageError:
                damaged += 1
    return damaged


def test_a_killed_writer_leaves_whole_files(tmp_path):
    assert killed_writers(tmp_path, "sealed", 20) == 0


def test_a_careless_writer_is_caught_by_the_same_test(tmp_path):
    assert killed_writers(tmp_path, "careless", 20) > 0


@pytest.mark.slow
def test_a_hundred_killed_writers_leave_whole_files(tmp_path):
    assert killed_writers(tmp_path, "sealed", 100) == 0

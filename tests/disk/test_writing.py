"""Several files that belong together are all new, or all what they were."""

import errno
import os

import pytest

from practicum.disk.writing import replace_all, replace_whole


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_are_written(tmp_path):
    replace_all({tmp_path / "deep" / name: [b"1", memoryview(b"2")] for name in "ab"})
    assert contents(tmp_path / "deep") == {"a": b"12", "b": b"12"}


@pytest.mark.parametrize("write", [0, 1])
def test_one_that_cannot_be_written_leaves_all(tmp_path, monkeypatch, write):
    for name in "ab":
        replace_whole(tmp_path / name, b"old")
    true, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > write:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        true(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_all({tmp_path / name: [b"new"] for name in "ab"})
    assert contents(tmp_path) == {"a": b"old", "b": b"old"}


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        replace_all({tmp_path / "a": [b"new"], tmp_path / "file" / "b": [b"new"]})
    assert contents(tmp_path) == {"file": b""}

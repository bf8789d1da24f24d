"""Only files that end are read."""

import os

import pytest

from practicum.disk.regular import open_regular, read_bounded, size_of


def test_a_file_and_a_link_to_it_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to("a")
    for name in ("a", "b"):
        with open_regular(tmp_path / name) as file:
            assert (size_of(file), file.read()) == (3, b"abc")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: os.mkfifo(path), "it is a pipe, a socket or a device"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a pipe, a socket or a device"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
    ids=["missing", "folder", "pipe", "device", "circle"],
)
def test_nothing_else_is_opened(tmp_path, make, says):
    """A pipe would be waited for: without the right flag this test hangs."""
    path = tmp_path / "x"
    make(path)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError) as caught:
        open_regular(path)
    assert caught.value.strerror.startswith(says)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_name_with_a_nul_is_an_os_error():
    with pytest.raises(OSError, match="its name holds a NUL character"):
        open_regular("a\0b")


def test_at_most_so_many_bytes(tmp_path):
    path = tmp_path / "x"
    for content in (b"", b"abc"):
        path.write_bytes(content)
        assert read_bounded(path, 3) == content
    with pytest.raises(OSError) as caught:
        read_bounded(path, 2)
    assert caught.value.strerror == "it has 3 bytes, and at most 2 are read"

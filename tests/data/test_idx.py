"""The idx reader: what is right is read, what is wrong is named in one sentence, whatever the header says."""

import gzip
import resource
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.idx_files import idx, made_up
from practicum.data.idx import LARGEST, read_idx
from practicum.errors import StorageError

IMAGES, LABELS = made_up(7)
GOOD = idx(IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_what_was_written_is_read(tmp_path, pack):
    (tmp_path / "images").write_bytes(pack(GOOD))
    (tmp_path / "labels").write_bytes(pack(idx(LABELS)))
    assert np.array_equal(read_idx(tmp_path / "images", 3), IMAGES)
    assert np.array_equal(read_idx(tmp_path / "labels", 1), LABELS)


def header(*shape: int, kind: int = 0x08) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)


BAD = {
    "nothing": (b"", "a header of 16 bytes was expected, and the file has 0 byte"),
    "another file": (b"%PDF-1.4 and more", "begins with 25 50 44 46, and 00 00 08 03 was expected"),
    "unknown type": (header(1, 1, 1, kind=0x0A) + b"0", "begins with 00 00 0a 03"),
    "floats": (header(1, 1, 1, kind=0x0D) + b"0000", "numbers of type float32, and unsigned bytes"),
    "labels": (idx(LABELS), "has 1 dimension(s), and images have 3; another file"),
    "half a header": (GOOD[:9], "a header of 16 bytes was expected, and the file has 9"),
    "no values": (GOOD[:16], "announces 7 x 5 x 4 = 140 bytes, and 0 follow"),
    "truncated": (GOOD[:-1], "announces 7 x 5 x 4 = 140 bytes, and 139 follow"),
    "trailing": (GOOD + b"x", "7 x 5 x 4 = 140 bytes were expected, and more follow"),
    "empty": (header(0, 28, 28), "announces 0 x 28 x 28 values"),
    "absurd": (header(2**32 - 1, 2**32 - 1, 2**32 - 1) + b"0", f"at most {LARGEST} are read"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_sentence_that_names_the_file(tmp_path, case, pack):
    content, says = BAD[case]
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(pack(content))
    with pytest.raises(StorageError) as error:
        read_idx(path, 3)
    text = str(error.value)
    assert says in text
    assert str(path) in text
    assert "\n" not in text
    assert text.endswith(".")


def test_a_damaged_gzip_file_is_named(tmp_path):
    whole = gzip.compress(GOOD)
    spoilt = bytearray(whole)
    spoilt[-8] ^= 1  # the checksum of the content
    for content in (whole[:-4], whole[:30], bytes(spoilt), whole[:10] + b"\xff" * 40):
        path = tmp_path / "file.gz"
        path.write_bytes(content)
        with pytest.raises(StorageError, match=r"file\.gz is damaged: .* decompressed .*; fetch it again\."):
            read_idx(path, 3)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match="none cannot be read: no such file"):
        read_idx(tmp_path / "none", 3)
    with pytest.raises(StorageError, match="cannot be read: is a directory"):
        read_idx(tmp_path, 3)


def test_neither_a_wrong_header_nor_a_bomb_fills_the_memory(tmp_path):
    """The header announces the most that is read, 256 MiB, and almost nothing follows; or much more than announced."""
    wrong, bomb = tmp_path / "wrong", tmp_path / "bomb.gz"
    wrong.write_bytes(header(2**14, 2**7, 2**7) + b"few")
    zeros = bytes(2**20)
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(header(1, 1, 1))
        for _ in range(256):
            file.write(zeros)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path, says in ((wrong, "and 3 follow"), (bomb, "and more follow")):
        with pytest.raises(StorageError, match=says):
            read_idx(path, 3)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB"


@given(st.binary(max_size=40), st.booleans())
def test_no_bytes_raise_anything_else(tmp_path_factory, content, compressed):
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(gzip.compress(content) if compressed else content)
    try:
        found = read_idx(path, 1)
    except StorageError:
        return
    assert content == idx(found)

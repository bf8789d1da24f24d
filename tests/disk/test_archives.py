"""Archives whose list of members is true are read as zipfile reads them, others are refused."""

import io
import zipfile

import numpy as np
import pytest

from practicum.disk.archives import open_zip
from practicum.disk.regular import open_regular


def archive(path, how=zipfile.ZIP_STORED, change=lambda content: content):
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w", how) as made:
        for name in ("a", "b"):
            made.writestr(name, name * 1000)
    path.write_bytes(change(image.getvalue()))
    return path


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read(tmp_path, how):
    with open_regular(archive(tmp_path / "x", how)) as file, open_zip(file, compressed=True) as found:
        assert {name: found.read(name) for name in found.namelist()} == {"a": b"a" * 1000, "b": b"b" * 1000}


@pytest.mark.parametrize(
    ("how", "compressed"), [(zipfile.ZIP_DEFLATED, False), (zipfile.ZIP_BZIP2, True), (zipfile.ZIP_LZMA, True)]
)
def test_compression_that_cannot_be_bounded(tmp_path, how, compressed):
    with open_regular(archive(tmp_path / "x", how)) as file, pytest.raises(zipfile.BadZipFile, match="compressed in a"):
        open_zip(file, compressed=compressed)


def changed_sizes(both):
    def change(content):
        """The list of members, which begins with PK 1 2, says other sizes."""
        at = content.index(b"PK\x01\x02")
        sizes = content[at + 20 : at + 28]
        new = (10**6).to_bytes(4, "little")
        return content[: at + 20] + (new + new if both else new + sizes[4:]) + content[at + 28 :]

    return change


@pytest.mark.parametrize(("both", "says"), [(True, "overlap"), (False, "overlap|other sizes")])
def test_sizes_that_are_not_true(tmp_path, both, says):
    path = archive(tmp_path / "x", change=changed_sizes(both))
    with open_regular(path) as file, pytest.raises(zipfile.BadZipFile, match=says):
        open_zip(file, compressed=False)


def test_random_bytes(tmp_path):
    rng = np.random.default_rng(0)
    whole = archive(tmp_path / "x").read_bytes()
    for _ in range(300):
        spoilt = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            spoilt[place] = rng.integers(0, 256)
        (tmp_path / "x").write_bytes(spoilt)
        with open_regular(tmp_path / "x") as file:
            try:
                found = open_zip(file, compressed=False)
            except (zipfile.BadZipFile, NotImplementedError, ValueError, UnicodeDecodeError):
                continue
            assert sum(member.file_size for member in found.infolist()) <= len(whole)

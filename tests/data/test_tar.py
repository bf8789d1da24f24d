"""Archives that Python and others write, member by member; tarfile is the referee."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.tar import members


def archive(contents, form, **changes):
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w", format=form) as made:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changes.items():
                setattr(info, key, value)
            made.addfile(info, io.BytesIO(content))
    return image.getvalue()


def found(content):
    return {member.name: member.content() for member in members(io.BytesIO(content).read) if member.regular}


NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0/"), min_size=1, max_size=90)


@given(
    st.dictionaries(NAMES, st.binary(max_size=1500), max_size=5),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT]),
)
def test_members_are_those_that_were_written(contents, form):
    assert found(archive(contents, form)) == contents


def test_the_name_in_two_parts():
    name = "a" * 80 + "/" + "b" * 80
    assert found(archive({name: b"x"}, tarfile.USTAR_FORMAT)) == {name: b"x"}


def test_extended_headers_are_passed_over():
    """Python writes one for a time with a fraction; the member is found all the same."""
    content = archive({"a": b"x" * 600, "b": b"y"}, tarfile.PAX_FORMAT, mtime=0.5)
    assert found(content) == {"a": b"x" * 600, "b": b"y"}
    assert sum(not member.regular for member in members(io.BytesIO(content).read)) == 2


def test_members_that_are_not_read_are_passed_over():
    content = archive({"a": b"x" * 5000, "b": b"y"}, tarfile.GNU_FORMAT)
    assert [(member.name, member.size) for member in members(io.BytesIO(content).read)] == [("a", 5000), ("b", 1)]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_what_is_no_file_is_not_regular(kind):
    assert found(archive({"a": b""}, tarfile.GNU_FORMAT, type=kind)) == {}


def test_every_truncation_and_every_changed_header_is_noticed():
    whole = archive({"a": b"x" * 600}, tarfile.GNU_FORMAT)
    for length in range(0, 512 + 1024 + 512, 100):
        with pytest.raises(ValueError):
            found(whole[:length])
    for place in range(512):
        spoilt = bytearray(whole)
        spoilt[place] ^= 64
        if 148 <= place < 156 or spoilt[:512].strip(b"\0") == b"":
            continue  # the checksum itself
        with pytest.raises(ValueError):
            found(bytes(spoilt))

"""Reading pickles without unpickling: the right values, whoever wrote them, and nothing that a file names is run."""

import contextlib
import os
import pickle
import resource
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.cifar_files import REAL, made_up, python2, python3, real_batch
from practicum.data.pickles import LONGEST, read_pickle
from practicum.errors import StorageError

KEYS = ("data", "labels")
HEARD: list[str] = []
LISTENING = []


def listen(event, _):
    if LISTENING and event.partition(".")[0] in ("import", "exec", "compile", "open", "os", "pickle", "subprocess"):
        HEARD.append(event)


sys.addaudithook(listen)  # Python has no way to take one away; outside `heard` it does nothing


def heard(function):
    """The audit events of Python while a function runs: imports, files, programs, names that pickle looks up."""
    HEARD.clear()
    LISTENING.append(True)
    try:
        function()
    finally:
        LISTENING.clear()
    return list(HEARD)


def read(content, wanted=KEYS):
    return read_pickle(content, "The file x", wanted)


def refused(content):
    with pytest.raises(StorageError) as error:
        read(content)
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith("The file x ")
    return text


def test_what_python_2_wrote_is_read():
    data, labels = real_batch()
    found = read(REAL, (*KEYS, "batch_label", "filenames"))
    assert np.array_equal(found["data"], data)
    assert found["data"].dtype == np.uint8
    assert found["labels"] == labels
    assert found["batch_label"] == "training batch 1 of 5"
    assert found["filenames"][1] == "camion_s_000148.png"


@pytest.mark.parametrize("keys", [bytes, str])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_python_3_writes_is_read(protocol, keys):
    data, labels = made_up(300)  # so many that places in the memo need four bytes
    for one in (data, np.asfortranarray(data), data[:, ::-1]):
        found = read(python3(one, labels, protocol, keys))
        assert np.array_equal(found["data"], one)
        assert found["labels"] == labels


def test_the_made_up_pickles_of_python_2_are_such():
    """Python's own reader agrees, on the made-up file and on the real one."""
    for content, (data, labels) in ((python2(*made_up(300)), made_up(300)), (REAL, real_batch())):
        theirs = pickle.loads(content, encoding="bytes")
        assert np.array_equal(theirs[b"data"], data)
        assert theirs[b"labels"] == labels
        ours = read(content)
        assert np.array_equal(ours["data"], theirs[b"data"])
        assert ours["labels"] == theirs[b"labels"]


# ---- hostile files


class Call:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("hidden", [False, True], ids=["alone", "in a batch"])
def test_no_program_is_run(tmp_path, protocol, hidden):
    proof = tmp_path / "proof"
    bad = Call(os.system, f"touch {proof}")
    content = pickle.dumps({"data": made_up(2)[0], "labels": [1, bad]} if hidden else bad, protocol)
    assert heard(lambda: refused(content)) == []
    assert not proof.exists()
    if protocol > 1:
        assert "is refused, because it names 'posix.system', and only plain values" in refused(content)
    # Power: an unpickler runs it.
    assert "pickle.find_class" in heard(lambda: pickle.loads(content))
    assert proof.exists()


BYTES = b"cnumpy\ndtype\nU\x02u1\x85R"
REFUSED = {
    "eval": (b"\x80\x02cbuiltins\neval\n.", "it names 'builtins.eval'"),
    "a submodule": (b"\x80\x02cnumpy\nf2py.os.system\n.", "it names 'numpy.f2py.os.system'"),
    "a name with a space": (b"\x80\x02cnumpy ndarray\n\n.", "it names 'numpy.ndarray.'"),
    "a name from the stack": (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "it names 'os.system'"),
    "a name in another alphabet": (b"\x80\x04\x8c\x03\xe2\x84\x9d\x8c\x01x\x93.", r"it names '\u211d.x'"),
    "an instance": (b"(S'ls'\nios\nsystem\n.", "the opcode STRING"),
    "an instance of Python 2": (b"\x80\x02(ios\nsystem\n.", "the opcode INST"),
    "a class": (b"\x80\x02(cnumpy\nndarray\no.", "the opcode OBJ"),
    "a new object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "the opcode NEWOBJ"),
    "an extension": (b"\x80\x02\x82\x01.", "the opcode EXT1"),
    "a persistent object": (b"\x80\x02K\x01Q.", "the opcode BINPERSID"),
    "a buffer elsewhere": (b"\x80\x05\x97.", "the opcode NEXT_BUFFER"),
    "a large number": (b"\x80\x02\x8a\x09" + bytes(9) + b".", "the opcode LONG1"),
    "objects": (b"\x80\x02cnumpy\ndtype\nU\x02O8\x85R.", "an array of type 'O8'"),
    "floats": (python3(np.zeros((2, 3072)), [1, 2]), "an array of type 'f8'"),
    "a call of the array": (b"\x80\x02cnumpy\nndarray\nK\x02\x85R.", "it calls 'numpy.ndarray'"),
    "another encoding": (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0rot13\x86R.", "encodes a text as 'rot13'"),
    "the state of a dict": (b"\x80\x02}}b.", "it sets the state of something else than an array"),
    "many opcodes": (b"\x80\x02" + b"N0" * LONGEST, "the opcode POP"),
    "very many opcodes": (b"\x80\x02" + b"N" * LONGEST + b".", f"it has more than {LONGEST} opcodes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_plain_value_is_refused(case):
    content, says = REFUSED[case]
    assert heard(lambda: refused(content)) == []
    text = refused(content)
    assert "is refused, because it " in text
    assert says in text


DAMAGED = {
    "nothing": b"",
    "another file": b"%PDF-1.4 and more",
    "no dict": b"\x80\x02]q\x01.",
    "nothing on the stack": b"\x80\x02.",
    "two things": b"\x80\x02}}.",
    "more behind it": REAL + b"x",
    "a place that nothing was put in": b"\x80\x02h\x07.",
    "no mark": b"\x80\x02}K\x01u.",
    "a key without a value": b"\x80\x02}(U\x01au.",
    "a key that is a list": b"\x80\x02}]K\x01s.",
    "appended to a dict": b"\x80\x02}K\x01a.",
    "a call of a number": b"\x80\x02K\x01)R.",
    "a call without arguments": b"\x80\x02cnumpy\ndtype\n)R.",
    "an array that is never described": b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\n)Rs.",
    "a wrong shape": REAL.replace(b"K\x03M\x00\x0c\x86", b"K\x04M\x00\x0c\x86"),
    "a negative shape": REAL.replace(b"K\x03M\x00\x0c\x86", b"K\x03J\xfe\xff\xff\xff\x86"),
    "a text longer than the file": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"few",
    "bytes longer than the file": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"few",
    "bytes longer than memory": b"\x80\x05\x96" + b"\xff" * 8 + b"few",
    "no utf-8": b"\x80\x02X\x01\0\0\0\xff.",
    "pixels beyond a byte": python3(*made_up(1), protocol=2).replace(b"\xc3", b"\xc8"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_damaged_is_one_sentence(case):
    assert "is damaged: a pickled dict was expected; fetch" in refused(DAMAGED[case])


def test_every_truncated_file_is_damaged():
    for content in (REAL, python3(*made_up(2), protocol=5)):
        for end in [*range(200), *range(200, len(content), 97), *range(len(content) - 200, len(content))]:
            assert "is damaged" in refused(content[:end])


def test_what_is_not_there_is_named():
    with pytest.raises(StorageError, match=r"^The file x holds no 'coarse_labels' and 'fine_labels'; another file"):
        read(REAL, ("data", "coarse_labels", "fine_labels"))


@given(st.data())
def test_no_bytes_raise_anything_else(data):
    """Random bytes, and real ones with some changed or left out: values or one sentence, and nothing is imported."""
    if data.draw(st.booleans()):
        content = b"\x80\x02" + data.draw(st.binary(max_size=60))
    else:
        skeleton = bytearray(REAL[:139] + REAL[9360:])  # without most of the pixels
        for place, byte in data.draw(st.lists(st.tuples(st.integers(0, len(skeleton) - 1), st.integers(0, 255)))):
            skeleton[place] = byte
        content = bytes(skeleton)

    def look():
        with contextlib.suppress(StorageError):
            read(content)

    assert heard(look) == []


def test_small_files_do_not_fill_the_memory():
    """A text of 4 MB that is to be encoded, made an array or shown again and again; a place in the memo far away."""
    text = b"X" + struct.pack("<i", 2**22) + b"a" * 2**22 + b"q\x01X\x06\0\0\0latin1q\x02"
    encoded = b"\x80\x02](c_codecs\nencode\nq\0" + text + b"h\0h\x01h\x02\x86R" * 2000
    array = b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01J\0\0\x40\0\x85N\x89h\x01tb"
    arrays = b"\x80\x02](" + text + array * 2000
    named = b"\x80\x02cnumpy\ndtype\n(" + text + b"h\x01" * 2000 + b"t\x85R."
    far = b"\x80\x02}r\xff\xff\xff\xff."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for content in (encoded + b"e.", arrays + b"e."):
        assert "is damaged" in refused(content)  # a list, after all of it
    assert "an array of type tuple" in refused(named)
    assert "holds no 'data'" in refused(far)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB"

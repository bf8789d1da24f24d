"""JSON and TOML without end are refused by one kind of error; what is plain is what the libraries say."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.disk.texts import DEEPEST, plain_json, plain_toml, printable

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_json_is_json(value):
    assert plain_json(json.dumps(value)) == value


def test_plain_toml_is_toml():
    text = (
        'a = 1\n[b]\n"c.d" = [0.5, 1e3]\ne.f = {g = "x.y.z"}\nh = 1979-05-27\n# .....................................\n'
    )
    assert plain_toml(text) == tomllib.loads(text)


@pytest.mark.parametrize("depth", [DEEPEST + 2, 10**5])
def test_what_is_nested_without_end(depth):
    for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        with pytest.raises(ValueError, match=f"nested more than {DEEPEST} levels deep"):
            plain_json(text)
    with pytest.raises(ValueError, match="levels deep"):
        plain_toml("a = " + "[" * depth + "]" * depth)
    plain_json("[" * DEEPEST + "]" * DEEPEST)


@pytest.mark.parametrize("part", ["a", "'a b'", '"a\\"."'])
def test_names_without_end(part):
    """tomllib would take an hour."""
    long = ".".join([part] * 10**5)
    for text in (f"{long} = 1", f"[{long}]", f"[[{long}]]", f"x = {{{long} = 1}}"):
        with pytest.raises(ValueError, match="more than 32 parts"):
            plain_toml(text)
    plain_toml(".".join([part] * 32) + " = 1")


@pytest.mark.parametrize("text", ["1" + "0" * 20, "-" + "9" * 400, "9" * 10**5])
def test_numbers_without_end(text):
    with pytest.raises(ValueError):
        plain_json(text)
    with pytest.raises(ValueError):
        plain_toml(f"a = {text}")
    with pytest.raises(ValueError, match="more than 64 bits"):
        plain_toml("a = 0x" + "f" * 10**5)


def test_a_name_given_twice():
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}  # another reader takes the first
    with pytest.raises(ValueError, match="given twice"):
        plain_json('[{"a": 1, "a": 2}]')


def test_nothing_steers_the_terminal():
    assert printable("\x1b[2J\r\nok\x9b\u202e") == "\\x1b[2J\\r\\nok\\x9b\\u202e"
    assert printable("η = 0.5, naïve 文") == "η = 0.5, naïve 文"
    assert len(printable("a" * 10**6)) < 300
    assert printable("a" * 999) == "a" * 999

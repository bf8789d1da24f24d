"""Citations: complete entries, every key that the code emits, and one sentence for what cannot be cited."""

import ast
import re
from pathlib import Path

import pytest
import xarray as xr

import practicum
from practicum import ParameterError, cite
from practicum.citations import bibtex, entries


def test_entries_are_complete():
    assert len(entries()) >= 6
    for key, entry in entries().items():
        assert re.match(rf"@(article|inproceedings|misc|book|phdthesis)\{{{key},\n", entry)
        assert entry.endswith("\n}")
        assert entry.count("{") == entry.count("}")
        fields = dict(re.findall(r"^  (\w+) += \{(.*)\},?$", entry, re.MULTILINE))
        assert {"author", "title", "year"} <= set(fields)
        assert {"journal", "booktitle", "eprint", "publisher", "school"} & set(fields)
        assert re.fullmatch(r"(19|20)\d\d", fields["year"])
        assert key.startswith(re.match(r"[A-Za-z]+", fields["author"])[0].lower() + fields["year"]), key


def test_no_key_occurs_twice():
    text = Path(practicum.__file__).with_name("references.bib").read_text()
    assert len(re.findall(r"^@", text, re.MULTILINE)) == len(entries())


def test_every_key_that_the_code_emits_has_an_entry():
    """Any text in the source that looks like a key (author, year, word) must be one."""
    found = set()
    for path in Path(practicum.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {key for key in node.value.split(",") if re.fullmatch(r"[a-z]{3,}(19|20)\d\d[a-z]+", key)}
    assert {"saad1995online", "west1995adaptive"} <= found
    assert found <= set(entries())


def test_cite_gives_the_entries_in_order():
    dataset = xr.Dataset(attrs={"cite": "west1995adaptive,saad1995online,west1995adaptive"})
    assert cite(dataset) == f"{entries()['west1995adaptive']}\n\n{entries()['saad1995online']}"


@pytest.mark.parametrize("dataset", [xr.Dataset(), xr.Dataset(attrs={"cite": ""}), 3])
def test_what_has_no_citation_is_a_sentence(dataset):
    with pytest.raises(ParameterError, match="cite needs a dataset that solve, simulate or a store returned"):
        cite(dataset)


def test_an_unknown_key_is_a_sentence():
    with pytest.raises(ParameterError, match="There is no citation 'nobody1900'; the keys are saad1995"):
        bibtex(["saad1995online", "nobody1900"])

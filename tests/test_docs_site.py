"""The documentation as a site: docstrings become pages, every public name has one, nothing comes from elsewhere."""

import ast
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from pages import LINKED, NEEDS_TORCH, ROOT, blocks

DOCS = ROOT / "docs"
KNOWN = DOCS / "external-links.txt"


@pytest.fixture(scope="module", autouse=True)
def extensions():
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(DOCS / "_extensions"))
    yield
    sys.path.remove(str(DOCS / "_extensions"))


DOCSTRING = """\
Words about node_ and |w|.

Main arguments:
    a, b: numbers
        in two lines, ``x_``.
    c: one.

Returns:
    A Dataset: with a colon.

Raises:
    ParameterError: too bad.

Source: Somebody,
somewhere."""


def rendered(lines: str) -> str:
    """What docutils makes of a docstring of the house; its complaints are errors."""
    from docutils.core import publish_parts

    from docstrings import fields

    settings = {"report_level": 1, "halt_level": 2, "warning_stream": False}
    text = "\n".join(fields(lines.split("\n")))
    return publish_parts(text, writer="html5", settings_overrides=settings)["body"]


def test_sections_of_a_docstring_become_fields_with_lists():
    html = rendered(DOCSTRING)
    for name in ("Main arguments", "Returns", "Raises", "Source"):
        assert f">{name}<span" in html
    assert "<strong>a, b</strong>: numbers\nin two lines" in html
    assert html.count("<li>") == 3
    assert "node_ and |w|" in html
    assert "A Dataset: with a colon." in html
    assert "Somebody,\nsomewhere." in html


def test_tables_of_markdown_and_hanging_entries_become_tables_and_lists():
    html = rendered(
        "As follows:\n\n| norm | step |\n|---|---|\n| ``|w|`` | one |\n\n``a``: first,\n    and on.\n``b``: second."
    )
    assert html.count("<tr") == 2
    assert "|w|" in html
    assert html.count("<li>") == 2


def test_without_the_conversion_docutils_would_complain():
    from docutils.core import publish_parts
    from docutils.utils import SystemMessage

    with pytest.raises(SystemMessage):
        publish_parts(
            "Main arguments:\n    a_: x\n        y\n    b: z", writer="html5",
            settings_overrides={"report_level": 1, "halt_level": 2, "warning_stream": False},
        )  # fmt: skip


def test_references_in_docstrings_lead_to_public_names():
    from docstrings import checked_roles

    here = "practicum.theory.flow"
    assert ":py:obj:`solve <practicum.solve>`" in checked_roles("see :func:`solve`", here)
    long = "see :class:`~practicum.theory.overlaps.OrderParameters`"
    assert ":py:obj:`OrderParameters <practicum.OrderParameters>`" in checked_roles(long, here)
    assert checked_roles(":func:`beyond_critical`", here) == "``beyond_critical``"  # it exists, but is not public
    with pytest.raises(LookupError, match="nothing that exists"):
        checked_roles(":func:`slove`", here)


def test_signatures_say_types_and_leave_bounds_to_words():
    from signatures import plain

    given = "(*positional: ~typing.Any, a: ~typing.Annotated[int, Ge(ge=1)], "
    given += "b: Annotated[tuple[int, ...] | None, f(x, [1])] = 1)"
    assert plain(given) == "(*, a: int, b: tuple[int, ...] | None = 1)"
    assert plain("(a: tuple[~typing.Annotated[A, B], ...])") == "(a: tuple[A, ...])"


def test_every_part_has_a_page_and_every_page_a_part():
    from public_names import MARKER, PARTS, names_of

    named = [part for page in (DOCS / "reference/api").glob("*.md") for part in MARKER.findall(page.read_text())]
    assert sorted(named) == sorted(PARTS)
    assert all(names_of(part) for part in PARTS)


def test_a_public_name_gets_an_entry():
    from public_names import entries

    text = "\n".join(entries("practicum.phases"))
    for name in ("best_rule", "Plateau", "plateau_limit"):
        assert f"## {name}\n" in text
    assert ".. autofunction:: practicum.phases.best_rule" in text
    assert ".. autoclass:: practicum.phases.Plateau\n   :members:" in text


def test_the_contents_name_every_page_once():
    from contents import sections

    listed = [page for pages in sections((DOCS / "index.md").read_text()).values() for page in pages]
    existing = {str(p.relative_to(DOCS).with_suffix("")) for p in DOCS.rglob("*.md")} - {"index"}
    assert len(listed) == len(set(listed))
    assert set(listed) == existing


@pytest.mark.parametrize("page", sorted((DOCS / "tutorials").glob("*.md")), ids=lambda page: page.stem)
def test_a_tutorial_as_a_python_file_has_all_of_its_code(page):
    from scripts import script

    text = page.read_text()
    code = "\n".join(block.code for block in blocks(text) if block.language == "python")
    assert ast.dump(ast.parse(script(text))) == ast.dump(ast.parse(code))
    assert "Now you" in text
    assert NEEDS_TORCH not in script(text)


def test_somebody_looked_at_every_external_link():
    """No network here: an address is on the list once it has been opened and found to be what the text says it is."""
    known = {line.split()[0] for line in KNOWN.read_text().splitlines() if line and not line.startswith("#")}
    used = set()
    for page in LINKED:
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
        used |= set(re.findall(r"https?://[^\s)>\]]+", prose))
    assert used == known


def test_every_paper_that_results_name_stands_on_the_page_about_citing():
    from practicum.citations import entries

    text = (DOCS / "citing.md").read_text()
    assert [key for key in entries() if f"`{key}`" not in text] == []


def test_code_can_be_reached_by_the_keyboard_and_a_signature_is_no_list():
    from accessible import mended

    html = mended('<p role="heading">a</p><pre>b</pre><dl>\n<dd>c</dd>\n<dd>d</dd>\n</dl><dl class="x"><dt>e</dt></dl>')
    lines = '<span class="sig-line">c</span>\n<span class="sig-line">d</span>'
    assert (
        html == f'<p role="heading" aria-level="2">a</p><pre tabindex="0">b</pre>{lines}<dl class="x"><dt>e</dt></dl>'
    )


class Loaded(HTMLParser):
    """What a page loads by itself, as opposed to what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        wanted = given.get("src") or (given.get("href") if tag == "link" and given.get("rel") != "canonical" else None)
        self.found += [wanted] if wanted else []


def loaded(html: str) -> list[str]:
    parser = Loaded()
    parser.feed(html)
    return [address for address in parser.found if re.match(r"(\w+:)?//", address)]


def test_what_a_page_would_load_from_elsewhere_is_found():
    page = '<a href="https://a.b"></a><img src="x.svg"><script src="https://cdn.x/y.js"></script><link href="//f.g/h">'
    assert loaded(page) == ["https://cdn.x/y.js", "//f.g/h"]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html", str(DOCS), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    pages = [page for page in tmp_path.rglob("*.html") if page.name not in ("genindex.html", "search.html")]
    assert len(pages) > 40
    assert {page.name: loaded(page.read_text()) for page in pages if loaded(page.read_text())} == {}
    assert 'id="practicum.phases.best_rule"' in (tmp_path / "reference/api/phases.html").read_text()
    assert (tmp_path / "tutorials/first-plateau.py").read_text().startswith("# %% [markdown]\n# # Your first plateau")


@pytest.mark.slow
def test_a_broken_link_and_a_broken_reference_stop_the_build(tmp_path):
    source = tmp_path / "docs"
    (source / "_static").mkdir(parents=True)
    conf = (DOCS / "conf.py").read_text().replace('HERE / "_extensions"', repr(str(DOCS / "_extensions")))
    (source / "conf.py").write_text(conf.replace("Path(__file__).parent", f"Path({str(source)!r})"))
    (source / "_static/pages.css").write_text("")
    (source / "index.md").write_text("# Title\n\n| **learn** it | [page](page.md) |\n\n[nowhere](nowhere.md)\n")
    (source / "page.md").write_text("# Page\n\n```{eval-rst}\n.. autofunction:: practicum.slove\n```\n")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(source),
        str(tmp_path / "out"),
    ]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode != 0
    assert "nowhere.md" in built.stderr
    assert "slove" in built.stderr


@pytest.mark.parametrize("page", sorted((DOCS / "tutorials").glob("*.md")), ids=lambda page: page.stem)
def test_a_tutorial_shows_the_pictures_that_its_code_saves(page):
    text = page.read_text()
    code = "".join(block.code for block in blocks(text) if block.language == "python")
    saved = set(re.findall(r'"([\w-]+)\.(?:svg|png)"', code))
    assert saved
    assert saved == set(re.findall(r"\]\(\.\./images/([\w-]+)\.svg\)", text))


def test_pictures_are_caught_where_a_page_saves_them(tmp_path, monkeypatch):
    import importlib.util

    from matplotlib.figure import Figure

    from practicum import figures

    spec = importlib.util.spec_from_file_location("tutorial_pictures", DOCS / "images/tutorials.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    before = Figure.savefig, figures.save
    page = "# T\n\n```python\nfrom matplotlib.figure import Figure\nf = Figure()\nf.savefig('a.png')\n```\n\nand\n\n"
    page += "```python\nfrom practicum import figures\nfigures.save(f, 'b.svg')\n```\n"
    found = module.pictures(page)
    assert set(found) == {"a", "b"}
    assert found["a"] is found["b"]
    assert (Figure.savefig, figures.save) == before
    assert not list(tmp_path.iterdir())

"""A page of docs runs: every ``python`` block of a page is executed, in order, in one namespace per page.

Where a ``text`` block follows, it is what the block prints (``...`` stands for anything, white space is free).
A block that must not run has ``<!-- not run -->`` on the line before it; that is for code which needs a machine or a
file that a reader has and a test has not. A block with ``<!-- needs PyTorch -->`` there runs where PyTorch is
installed, which it is in CI.
"""

import contextlib
import doctest
import io
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from pages import LINKED, NEEDS_TORCH, NOT_RUN, PAGES, ROOT, blocks, ids

OUTPUT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run(name: str, text: str, torch: bool = find_spec("torch") is not None) -> int:
    """Execute the python blocks of a page; tracebacks name the page and its line. Returns how many ran."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    count = 0
    found = blocks(text)
    for block, following in zip(found, [*found[1:], None]):
        if block.language != "python" or not block.runs or (block.needs_torch and not torch):
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (block.line - 1) + block.code, name, "exec"), namespace)
        count += 1
        if following and following.language == "text" and following.runs:
            same = doctest.OutputChecker().check_output(following.code + "\n", printed.getvalue(), OUTPUT)
            assert same, f"{name}:{following.line} shows\n{following.code}\nbut the page prints\n{printed.getvalue()}"
    return count


def anchors(text: str) -> set[str]:
    """The targets of the headings of a page, as the common Markdown renderers make them."""
    code = {n for b in blocks(text) for n in range(b.line, b.line + b.code.count("\n") + 1)}
    heads = [line for n, line in enumerate(text.splitlines(), 1) if n not in code and re.match(r"#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", head.lstrip("# ").lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path) -> list[str]:
    found = []
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        address, _, anchor = target.partition("#")
        file = (page.parent / address).resolve() if address else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRACTICUM_RUNS", str(tmp_path / "runs"))
    run(str(page.relative_to(ROOT)), page.read_text())


@pytest.mark.parametrize("page", LINKED, ids=ids(LINKED))
def test_the_links_of_a_page_lead_somewhere(page):
    assert broken_links(page) == []


def test_the_map_names_every_page():
    docs = ROOT / "docs"
    linked = set(re.findall(r"\]\(([^)#\s]+\.md)", (docs / "index.md").read_text()))
    assert linked >= {str(p.relative_to(docs)) for p in docs.rglob("*.md")} - {"index.md"}


def test_the_tutorial_is_not_excused_from_running():
    text = (ROOT / "docs/tutorials/first-plateau.md").read_text()
    assert NOT_RUN not in text
    assert len([b for b in blocks(text) if b.language == "python"]) >= 4


def test_a_failing_example_fails_and_names_its_line():
    with pytest.raises(ZeroDivisionError) as failure:
        run("page.md", "# Title\n\n```python\nx = 1\n```\n\ntext\n\n```python\ny = x\ny / 0\n```\n")
    assert failure.traceback[-1].lineno + 1 == 11


def test_blocks_share_a_namespace_and_other_languages_do_not_run():
    assert run("page.md", "```python\nx = 1\n```\n\n```bash\nfalse (\n```\n\n```python\nassert x == 1\n```\n") == 2


def test_a_wrong_output_is_found():
    page = "```python\nprint(1, 2.34567)\n```\n\n```text\n{}\n```\n"
    assert run("page.md", page.format("1  2.34...")) == 1
    with pytest.raises(AssertionError, match=r"page\.md:6 shows"):
        run("page.md", page.format("1 2.35"))


def test_a_block_marked_not_run_is_left_out_and_only_that_one():
    page = f"{NOT_RUN}\n```python\n1 / 0\n```\n\n```python\nx = 1\n```\n"
    assert run("page.md", page) == 1


def test_a_block_that_needs_pytorch_runs_where_it_is():
    page = f"{NEEDS_TORCH}\n```python\n1 / 0\n```\n\n```python\nx = 1\n```\n"
    assert run("page.md", page, torch=False) == 1
    with pytest.raises(ZeroDivisionError):
        run("page.md", page, torch=True)


def test_an_open_fence_is_an_error():
    with pytest.raises(ValueError, match="line 3"):
        blocks("text\n\n```python\nx = 1\n")


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "there.md").write_text("# The Title, here\n")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md#the-title-here) [b](nowhere.md) [c](there.md#nothing) `[d](code.md)`\n")
    assert broken_links(page) == ["nowhere.md", "there.md#nothing"]

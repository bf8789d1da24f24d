"""The pages of the documentation and their fenced blocks, for the tests that read them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted(p for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if p.is_file())
LINKED = [*PAGES, *(p for p in (ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md") if p.is_file())]
NOT_RUN = "<!-- not run -->"
NEEDS_TORCH = "<!-- needs PyTorch -->"
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w+-]*)")


@dataclass(frozen=True)
class Block:
    line: int  # of the first line of code, counted from 1
    language: str
    code: str
    runs: bool
    needs_torch: bool


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page. A fence that is never closed is an error, for it would hide what follows."""
    found: list[Block] = []
    opened, start, mark, before = None, 0, "", ""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, start, mark = fence, number + 1, before
        elif opened is not None and line.strip() == opened["ticks"]:
            indent = len(opened["indent"])
            code = "\n".join(body[indent:] for body in lines[start - 1 : number - 1])
            found.append(Block(start, opened["language"], code, mark != NOT_RUN, mark == NEEDS_TORCH))
            opened = None
        if line.strip():
            before = line.strip()
    if opened is not None:
        raise ValueError(f"the fence opened on line {start - 1} is never closed")
    return found


def ids(pages: list[Path]) -> list[str]:
    """Names of the pages, as pytest shows them."""
    return [str(p.relative_to(ROOT)) for p in pages]

"""Draws the gallery: ``make gallery``, or ``python docs/gallery/draw.py [NAME ...]`` for some of its pictures.

Each script of this folder that is named like a function of ``practicum.figures`` computes its runs into a store, or
finds them there, and leaves a figure named ``picture``; ``race`` writes its file itself. The pictures are part of the
repository, because trainings take minutes and PyTorch, and the site is built in seconds without either.
"""

from __future__ import annotations

import ast
import io
import os
import re
import runpy
import sys
import time
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
PAGE = HERE.parent / "gallery.md"
STORE = HERE.parents[1] / "build" / "gallery-runs"
PICTURES = HERE / "pictures"
SHARED = ("trained", "attacked")
NO_FIGURES = ("save", "svg")
COLUMNS = 4

INTRO = """\
# Gallery

Every figure of practicum, by its picture. Each takes one labelled array, returns a figure of matplotlib, and is saved
as SVG, PDF or PNG by `figures.save`. Below each picture stands all the code that drew it, runs included: they are
computed once and then found in the store. What a figure needs is said in [its reference](reference/api/figures.md).
`make gallery` draws all pictures anew and writes this page.
"""


def names() -> list[str]:
    """The public figures, by name."""
    from practicum import figures

    return [name for name in figures.__all__ if name not in NO_FIGURES]


def file_of(name: str) -> str:
    """The name of a picture's file."""
    return f"{name}.gif" if name == "race" else f"{name}.svg"


def sentence(name: str) -> str:
    """What a picture shows: the first line of its script."""
    return ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text())) or ""


def page() -> str:
    """The page, from the scripts: a table of thumbnails, then an entry a figure."""
    links = [f"[![{name}](gallery/pictures/{file_of(name)}) {name}](#{name})" for name in names()]
    links += [""] * (-len(links) % COLUMNS)
    rows = [links[start : start + COLUMNS] for start in range(0, len(links), COLUMNS)]
    table = [f"| {' | '.join(row)} |" for row in [[" "] * COLUMNS, ["---"] * COLUMNS, *rows]]
    parts = [INTRO, "\n".join(table)]
    for name in names():
        parts.append(f"## {name}\n\n{sentence(name)}\n\n![{sentence(name)}](gallery/pictures/{file_of(name)})")
        parts.append(_code(name))
    parts.append("## Trainings that pictures share")
    parts += [f"`{name}.py`:\n\n{_code(name)}" for name in SHARED]
    return "\n\n".join(parts) + "\n"


def _code(name: str) -> str:
    text = (HERE / f"{name}.py").read_text()
    tree = ast.parse(text)
    first = tree.body[0].end_lineno or 0
    code = "\n".join(text.splitlines()[first:]).strip()
    # Trainings take longer than the tests of pages may; tests/test_docs_gallery.py runs the scripts instead.
    return f"<!-- not run -->\n```python\n{code}\n```"


def draw(name: str, folder: Path = PICTURES) -> Path:
    """One picture, from runs in the store of ``PRACTICUM_RUNS``."""
    folder.mkdir(parents=True, exist_ok=True)
    with chdir(folder):
        left = runpy.run_path(str(HERE / f"{name}.py"))
    path = folder / file_of(name)
    if name != "race":
        path.write_text(light(left["picture"]))
    return path


def light(figure: Figure) -> str:
    """A figure as SVG in a third of the usual bytes, for it is kept in the repository.

    Words stay words, which can also be searched and read aloud; Verdana is as wide as the font that comes with
    matplotlib. A hundredth of a point is not seen.
    """
    from matplotlib import rc_context

    from practicum.figures.style import look

    def shorter(found: re.Match[str]) -> str:
        number = float(found[0])
        return f"{number:.2f}".rstrip("0").rstrip(".") if abs(number) >= 1 else f"{number:.4f}".rstrip("0").rstrip(".")

    buffer = io.StringIO()
    with look(), rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", dpi=100, metadata={"Date": None, "Creator": None})
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.S)
    text = re.sub(
        r"(?<![\w.#])-?\d+\.\d{3,}", shorter, text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    )
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


def main(wanted: list[str]) -> None:
    """Draw and say how long it took."""
    os.environ.setdefault("PRACTICUM_RUNS", str(STORE))
    sys.path.insert(0, str(HERE))
    for name in wanted or names():
        began = time.perf_counter()
        path = draw(name)
        print(f"{name:24} {time.perf_counter() - began:5.1f} s  {path.stat().st_size / 1000:6.1f} kB", flush=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    main(sys.argv[1:])

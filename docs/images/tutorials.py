"""Draws the pictures of the tutorials by running them: ``python docs/images/tutorials.py``, part of ``make gallery``.

Each tutorial saves its pictures where the reader works. Here they are caught on the way and kept beside this file, so
that the page shows what its own code draws.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "_extensions"), str(HERE.parent / "gallery")]


def pictures(text: str) -> dict[str, Any]:
    """The figures that a page saves, by the names of their files without ending; the last one of each name."""
    from matplotlib.figure import Figure

    from practicum import figures
    from scripts import script

    found: dict[str, Any] = {}

    def caught(figure: Any, path: Any, *_: Any, **__: Any) -> None:
        found[Path(path).stem] = figure

    original, Figure.savefig = Figure.savefig, caught
    figures.save = caught
    try:
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            exec(compile(script(text), "tutorial", "exec"), {"__name__": "__main__"})
    finally:
        Figure.savefig = original
        del figures.save  # what is resolved on first use is the real one again
    return found


def main() -> None:
    """Draw all, and say which."""
    from draw import light

    for page in sorted((HERE.parent / "tutorials").glob("*.md")):
        for name, figure in pictures(page.read_text()).items():
            path = HERE / f"{name}.svg"
            path.write_text(light(figure))
            print(f"{page.stem:30} {path.name:24} {path.stat().st_size / 1000:5.1f} kB")


if __name__ == "__main__":
    main()

"""Throw away compiled kernels that were built from source which has changed since.

Numba keeps a compiled function until the file *of that function* changes. What it calls is compiled into it, but a
change of a called function in another file goes unnoticed, and the old numbers come back. Here a kernel is stale when
any practicum file that its own file imports, directly or not, is newer than the compiled code.

Run as a script before a demo or a benchmark; the tests do the same when they begin.
"""

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src/practicum"


def imported(path: Path, package: Path) -> set[Path]:
    """The files of `package` that the file imports."""
    found = set()

    def add(dotted: str) -> None:
        base = package.parent.joinpath(*dotted.split("."))
        found.update(p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file())

    here = [package.name, *path.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            parent = here[: len(here) - node.level + 1] if node.level else []
            dotted = ".".join([*parent, *([node.module] if node.module else [])])
            add(dotted)
            for alias in node.names:
                add(f"{dotted}.{alias.name}")
    return found - {path}


def sources(path: Path, package: Path) -> set[Path]:
    """The file and everything of `package` that it imports, directly or not."""
    known, todo = set(), {path}
    while todo:
        file = todo.pop()
        known.add(file)
        todo |= imported(file, package) - known
    return known


def remove_stale(package: Path = PACKAGE) -> list[str]:
    """Remove the compiled code of every stale kernel; return the names of their index files."""
    removed = []
    newest: dict[Path, float] = {}
    for index in sorted(package.rglob("__pycache__/*.nbi")):
        source = index.parent.parent / f"{index.name.partition('.')[0]}.py"
        code = list(index.parent.glob(f"{index.name.removesuffix('nbi')}*.nbc"))
        try:
            if source.is_file() and source not in newest:
                newest[source] = max(file.stat().st_mtime for file in sources(source, package))
            built = min(file.stat().st_mtime for file in [index, *code])
            if not source.is_file() or built < newest[source]:
                for file in [index, *code]:
                    file.unlink(missing_ok=True)
                removed.append(index.name)
        except (OSError, SyntaxError):  # someone is editing or compiling at this moment; Numba copes with either
            continue
    return removed


if __name__ == "__main__":
    stale = remove_stale()
    if stale:
        print(f"Removed {len(stale)} compiled kernels whose source has changed.", file=sys.stderr)

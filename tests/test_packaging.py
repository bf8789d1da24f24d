"""What is shipped: one version everywhere, and every file that the code reads at run time."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import practicum

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src/practicum"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_is_the_same_everywhere():
    assert PYPROJECT["project"]["version"] == practicum.__version__
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)[1] == practicum.__version__
    assert f"## [{practicum.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def unshipped(files: list[str]) -> list[str]:
    """The files (relative to the package) that setuptools would leave out of a wheel."""
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["practicum"]
    return [f for f in files if not any(fnmatch(Path(f).name, pattern.rpartition("/")[2]) for pattern in patterns)]


def test_every_data_file_is_shipped():
    files = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    ]
    assert "py.typed" in files
    assert unshipped(files) == []


def test_an_unshipped_file_would_be_found():
    assert unshipped(["report/page.html.j2", "data/table.parquet", "py.typed"]) == ["data/table.parquet"]


def test_every_folder_of_code_is_a_package():
    """setuptools finds packages by their __init__.py; a folder without one would be missing from a wheel."""
    folders = {path.parent for path in SOURCE.rglob("*.py")}
    assert sorted(str(f) for f in folders if not (f / "__init__.py").is_file()) == []

"""Students of the page by another way: the settings file that it gives, and the files that practicum train writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from practicum.cli import main
from practicum.runs import load_network


def networks(folder: Path, toml: str):
    """Teacher and student in float64, trained by the command line."""
    folder.mkdir(exist_ok=True)
    (folder / "student.toml").write_text(toml)
    command = ["train", str(folder / "student.toml"), "--networks", str(folder / "student")]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--store", str(folder / "runs")])
    assert ended.value.code == 0
    return tuple(load_network(folder / f"student/{name}.safetensors").double() for name in ("teacher", "students"))

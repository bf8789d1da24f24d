"""A kernel that was compiled from source which has changed since is thrown away, and no other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import kernel_cache


def write(path: Path, text: str, mtime: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (mtime, mtime))
    return path


@pytest.fixture
def package(tmp_path):
    """outer imports middle, middle imports inner; alone imports nobody. All compiled at 200, written at 100."""
    root = tmp_path / "lab"
    write(root / "__init__.py", "", 100)
    write(root / "theory/__init__.py", "", 100)
    write(root / "theory/outer.py", "from lab.theory import middle", 100)
    write(root / "theory/middle.py", "def f():\n    from .inner import g", 100)
    write(root / "theory/inner.py", "", 100)
    write(root / "theory/alone.py", "", 100)
    for name in ("outer", "inner", "alone"):
        write(root / f"theory/__pycache__/{name}.f-3.py311.nbi", "", 200)
        write(root / f"theory/__pycache__/{name}.f-3.py311.1.nbc", "", 200)
    return root


def test_nothing_is_removed_while_nothing_changes(package):
    assert kernel_cache.remove_stale(package) == []


def test_a_change_deep_inside_is_noticed_by_all_who_reach_it_and_by_no_one_else(package):
    os.utime(package / "theory/inner.py", (300, 300))
    assert kernel_cache.remove_stale(package) == ["inner.f-3.py311.nbi", "outer.f-3.py311.nbi"]
    assert sorted(p.name for p in package.rglob("*.nb?")) == ["alone.f-3.py311.1.nbc", "alone.f-3.py311.nbi"]


def test_one_old_overload_condemns_the_kernel(package):
    os.utime(package / "theory/inner.py", (300, 300))
    os.utime(package / "theory/__pycache__/outer.f-3.py311.nbi", (400, 400))
    assert "outer.f-3.py311.nbi" in kernel_cache.remove_stale(package)


def test_the_code_of_a_file_that_is_gone_goes_too(package):
    (package / "theory/alone.py").unlink()
    assert kernel_cache.remove_stale(package) == ["alone.f-3.py311.nbi"]


def test_the_danger_is_real_and_averted(tmp_path):
    """Numba returns the old number after a callee in another file has changed; after the cleaning it does not."""
    code = "from lab.outer import f; print(f(1.0))"
    write(tmp_path / "lab/__init__.py", "", 100)
    kernel = "from numba import njit\n{}\n@njit(cache=True)\ndef {}(x):\n    return {}\n"
    write(tmp_path / "lab/inner.py", kernel.format("", "g", "x + 1.0"), 100)
    write(tmp_path / "lab/outer.py", kernel.format("from lab.inner import g", "f", "g(x)"), 100)

    def answer() -> str:
        environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    assert answer() == "2.0"
    (tmp_path / "lab/inner.py").write_text(kernel.format("", "g", "x + 41.0"))
    assert answer() == "2.0"  # if this ever fails, Numba has learnt it and kernel_cache.py can go
    assert kernel_cache.remove_stale(tmp_path / "lab")
    assert answer() == "42.0"

"""The lock covers pyproject.toml: every requirement pinned within its bounds, with hashes, and no index named."""

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
ADDRESS = re.compile(r"://|--index|--extra-index|--find-links|--trusted-host", re.IGNORECASE)


def entries(text: str) -> list[tuple[Requirement, int]]:
    """Each requirement of a lock file, and how many hashes it has."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^\s*#.*$", "", text))
    lines = [line.strip() for line in joined.splitlines() if line.strip()]
    return [(Requirement(line.partition("--hash")[0].strip()), line.count("--hash=sha256:")) for line in lines]


def pinned(name: str) -> dict[str, list[str]]:
    """Name to versions; several where the version depends on the Python or the platform."""
    found: dict[str, list[str]] = {}
    for requirement, _ in entries((LOCK / f"{name}.txt").read_text()):
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        found.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    return found


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("base", PROJECT["dependencies"]),
        ("dev", PROJECT["dependencies"] + EXTRAS["dev"]),
        ("cluster", PROJECT["dependencies"] + EXTRAS["cluster"]),
        ("web", PROJECT["dependencies"] + EXTRAS["web"]),
        ("data", PROJECT["dependencies"] + EXTRAS["data"]),
        ("networks", PROJECT["dependencies"] + [r for r in EXTRAS["networks"] if not r.startswith("torch")]),
        ("pruning", EXTRAS["pruning"]),
        ("torch", [r for r in EXTRAS["networks"] if r.startswith("torch")]),
    ],
)
def test_every_requirement_is_pinned_within_its_bounds(lock, wanted):
    have = pinned(lock)
    for text in wanted:
        requirement = Requirement(text)
        versions = have.get(canonicalize_name(requirement.name))
        assert versions, f"lock/{lock}.txt lacks {requirement.name}: run lock/renew"
        assert all(version in requirement.specifier for version in versions), (text, versions)


@pytest.mark.parametrize("lock", ["base", "dev", "cluster", "export", "web", "data", "networks", "pruning"])
def test_everything_but_torch_has_hashes(lock):
    found = entries((LOCK / f"{lock}.txt").read_text())
    assert len(found) > (0 if lock == "pruning" else 10)  # that one names Torch-Pruning alone
    assert [str(requirement) for requirement, hashes in found if not hashes] == []
    assert "torch" not in pinned(lock)


def test_the_files_agree_on_versions():
    seen: dict[str, list[str]] = {}
    for path in sorted(LOCK.glob("*.txt")):
        for name, versions in pinned(path.stem).items():
            assert seen.setdefault(name, versions) == versions, (path.name, name)


@pytest.mark.parametrize("path", sorted(LOCK.iterdir()), ids=lambda path: path.name)
def test_no_file_names_an_index(path):
    assert ADDRESS.findall(path.read_text().replace("--no-emit-index-url", "")) == []


def test_an_index_and_a_missing_hash_would_be_seen():
    assert ADDRESS.findall("--index-url https://example.org/simple\nnumpy==2.0")
    ((requirement, hashes),) = entries("# a comment\nnumpy==2.0 ; python_version < '3.12'\n")
    assert (requirement.name, hashes) == ("numpy", 0)
    ((_, hashes),) = entries("numpy==2.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n")
    assert hashes == 2


def test_the_tests_have_what_is_small_of_every_extra_they_test():
    dev = {canonicalize_name(Requirement(text).name) for text in EXTRAS["dev"]}
    tested = {
        canonicalize_name(Requirement(text).name) for extra in ("networks", "data", "docs") for text in EXTRAS[extra]
    }
    assert tested - dev == {"torch"}
    assert "torch" not in pinned("dev")


def test_all_is_every_extra_for_users():
    (text,) = EXTRAS["all"]
    assert Requirement(text).extras == set(EXTRAS) - {"all", "dev", "docs"}


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["torch", "sympy"], "small"),
        (["torch", "nvidia-cudnn-cu13", "triton"], "large"),
        (["torch", "cuda-bindings"], "large"),
    ],
)
def test_a_wheel_with_cuda_is_large(names, word):
    report = json.dumps({"install": [{"metadata": {"name": name, "version": "1"}} for name in names]})
    assert runpy.run_path(str(LOCK / "wheel"))["size"](report) == word


def test_a_wheel_is_here_or_looked_up(monkeypatch):
    """No network is asked: pip is told that there is none."""
    wheel = runpy.run_path(str(LOCK / "wheel"))
    (requirement,) = [r for r, _ in entries((LOCK / "torch.txt").read_text())]
    (locked,) = requirement.specifier
    values = wheel["main"].__globals__
    for version, here in ((locked.version, True), (f"{locked.version}+cpu", True), ("1.0", False)):
        monkeypatch.setitem(values, "version", lambda name, version=version: version)
        assert wheel["installed"](locked.version) is here
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setitem(values, "PIP", [*wheel["PIP"], "--ignore-installed"])
    assert wheel["main"]() == "unknown"

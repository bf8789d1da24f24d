"""Who may know whom. Data flows one way: config, compute, labelled arrays, store, then figure, report, web."""

import ast
from pathlib import Path

import pytest

import practicum

SOURCE = Path(practicum.__file__).parent

COMPUTE = {"theory", "simulation", "networks", "specialization", "robustness", "pruning", "data"}
# These know nobody but each other, so everybody may know them.
COMMON = {"canonical", "disk", "errors", "memory", "values"}
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "disk": set(),
    "canonical": {"errors"},
    "memory": {"errors"},
    "values": {"errors"},
    "citations": COMMON,
    "theory": COMMON,
    "simulation": COMMON | {"theory"},
    "data": COMMON,
    "networks": COMMON | {"theory", "data"},
    "specialization": COMMON | {"theory", "networks", "data"},
    "robustness": COMMON | {"theory", "networks", "data", "specialization"},
    "pruning": COMMON | {"theory", "networks", "data"},
    "runs": COMMON | COMPUTE | {"citations"},
    "figures": COMMON,  # a figure knows labelled arrays only
    "studies": COMMON | COMPUTE | {"citations", "figures", "runs"},
    "report": COMMON | {"citations", "figures", "runs", "studies"},
    "web": COMMON | COMPUTE | {"citations", "figures", "runs", "studies", "report"},
    "cli": COMMON | COMPUTE | {"citations", "figures", "runs", "studies", "report", "web"},
    "__main__": {"cli"},
}


def home(name: str) -> str:
    """The part of the house behind a name of ``practicum``: ``solve`` lives in ``theory``."""
    address = practicum._HOMES.get(name) or practicum._MODULES.get(name) or f"practicum.{name}"
    return address.split(".")[1]


def known(source: str, package: str) -> set[str]:
    """The parts of the house that a file of the package `package` imports, wherever in the file it does so."""
    found = set()

    def add(address: str, names: tuple[str, ...] = ()) -> None:
        if address == "practicum":
            found.update(home(name) for name in names if not name.startswith("__"))
        elif address.startswith("practicum."):
            found.add(address.split(".")[1])

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                # `import practicum` alone opens every door; only the outermost rooms may do that.
                add(alias.name, ("cli",) if alias.name == "practicum" else ())
        elif isinstance(node, ast.ImportFrom):
            address = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                address = ".".join([*parent, *([node.module] if node.module else [])])
            add(address, tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                add(node.args[0].value)
    return found


def offences(root: Path) -> list[str]:
    """Every arrow below `root` (a folder laid out like src/practicum) that the house does not have."""
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        room = parts[0]
        if room == "__init__":  # the table of public names
            continue
        if room not in ARROWS:
            found.append(f"{path.relative_to(root)} belongs to no part of the house; give it one in ARROWS")
            continue
        for target in sorted(known(path.read_text(), ".".join(["practicum", *parts[:-1]])) - ARROWS[room] - {room}):
            found.append(f"{path.relative_to(root)} imports practicum.{target}, which {room} must not know")
    return found


def test_the_house_has_no_forbidden_arrow():
    assert offences(SOURCE) == []


def test_the_arrows_form_no_circle():
    order: list[str] = []
    rest = dict(ARROWS)
    while rest:
        free = [room for room, targets in rest.items() if not (targets - {room}) & rest.keys()]
        assert free, f"a circle among {sorted(rest)}"
        order += free
        for room in free:
            del rest[room]
    assert order.index("theory") < order.index("simulation") < order.index("runs") < order.index("studies")


@pytest.mark.parametrize(
    ("file", "line", "target"),
    [
        ("theory/bad.py", "from practicum.simulation.chain import step", "simulation"),
        ("theory/bad.py", "import practicum.runs.store as s", "runs"),
        ("theory/bad.py", "from ..simulation import chain", "simulation"),
        ("theory/deeper/bad.py", "from ...simulation.chain import step", "simulation"),
        ("theory/bad.py", "from .. import runs", "runs"),
        ("theory/bad.py", "from practicum import simulate", "simulation"),
        ("theory/bad.py", "import practicum", "cli"),
        ("theory/bad.py", "def f():\n    from practicum import runs", "runs"),
        ("theory/bad.py", "import importlib\nimportlib.import_module('practicum.figures')", "figures"),
        ("simulation/bad.py", "from practicum.studies import west_saad", "studies"),
        ("figures/bad.py", "from practicum import solve", "theory"),
        ("runs/bad.py", "from practicum.report import page", "report"),
        ("studies/bad.py", "from practicum import cli", "cli"),
        ("values.py", "from practicum.theory import machines", "theory"),
    ],
)
def test_a_forbidden_arrow_is_found(tmp_path, file, line, target):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line + "\n")
    (found,) = offences(tmp_path)
    assert f"imports practicum.{target}," in found


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("theory/good.py", "from practicum.errors import ParameterError"),
        ("theory/good.py", "from . import overlaps\nfrom .overlaps import OrderParameters"),
        ("theory/deeper/good.py", "from ..overlaps import OrderParameters"),
        ("simulation/good.py", "from practicum import OrderParameters\nimport numpy as np"),
        ("cli.py", "from practicum.report import page"),
    ],
)
def test_an_allowed_arrow_passes(tmp_path, file, line):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line + "\n")
    assert offences(tmp_path) == []


def test_a_file_outside_the_house_is_found(tmp_path):
    (tmp_path / "utils.py").write_text("")
    (found,) = offences(tmp_path)
    assert "belongs to no part of the house" in found

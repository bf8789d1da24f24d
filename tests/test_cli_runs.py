"""``practicum runs``: what a person sees of a store, whatever is in it."""

import json
import re
import subprocess
import sys

import pytest

from made_up_stores import age, fail_small, flip, nothing_may_be_written, small_config, small_run, store_small
from practicum.cli import main
from practicum.runs import Store, StudyConfig
from practicum.runs._database import NAME
from practicum.runs.files import write_sealed


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three runs in the default folder: one that failed, and two that are stored."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRACTICUM_RUNS", raising=False)
    path = tmp_path / "practicum-runs"
    path.mkdir()
    store_small(path, 1, dimension=60)
    store_small(path, 2)
    fail_small(path, 3)
    return path


@pytest.fixture
def practicum(folder, capsys):
    """Call a command below ``runs``; returns exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["runs", *map(str, arguments)])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


WIDE, PLAIN, FAILED = small_config(1, dimension=60).id, small_config(2).id, small_config(3).id


def test_list_names_what_failed(practicum):
    code, out, err = practicum("list")
    assert (code, err) == (0, "")
    assert [run for run in (WIDE, PLAIN, FAILED) if run in out] == [WIDE, PLAIN, FAILED]
    assert out.endswith("1 run(s) failed; practicum runs show ID says why.\n")


def ids(practicum, *arguments):
    code, out, err = practicum("list", "--json", *arguments)
    assert (code, err) == (0, "")
    return [row["id"] for row in json.loads(out)]


def test_list_where(practicum):
    assert ids(practicum, "--where", "dimension > 50") == [WIDE]
    assert ids(practicum, "--where", "students == 3 and status == 'failed'") == [FAILED]
    assert ids(practicum, "--where", "students > 3") == []
    assert practicum("list", "--where", "students > 3") == (0, "No run matches.\n", "")


def test_list_sorts_and_stops(practicum):
    assert ids(practicum) == sorted([WIDE, PLAIN, FAILED])
    assert ids(practicum, "--sort", "dimension")[2] == WIDE
    assert ids(practicum, "--sort", "-dimension")[0] == WIDE
    assert ids(practicum, "--sort", "seeds.first") == [WIDE, PLAIN, FAILED]
    assert ids(practicum, "--sort", "status", "--limit", "1") == [FAILED]
    assert "1 of 3 runs are shown." in practicum("list", "--limit", "1")[1]


def test_many_rows_are_plain_lines_with_the_same_cells(practicum, monkeypatch):
    drawn = practicum("list")[1]
    monkeypatch.setattr("practicum.cli.storage._MANY", 1)
    plain = practicum("list")[1]
    words = [line.split() for line in drawn.splitlines() if re.match(r"id|[0-9a-f]{16}", line.strip())]
    assert [line.split() for line in plain.splitlines()[:4]] == words


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (["list", "--where", "dimensoin > 3"], 2, "No run here has a setting 'dimensoin'. Did you mean 'dimension'?"),
        (["list", "--where", "dimension >"], 2, "A condition must read like"),
        (["list", "--where", "__import__('os')"], 2, "A condition compares settings with numbers"),
        (["list", "--sort", "dimensoin"], 2, "Did you mean 'dimension'?"),
        (["list", "--limit", "-1"], 2, "Invalid value for '--limit'"),
        (["compare", "f00"], 2, "Missing argument"),
        (["compare", "f00", "f00"], 1, "No run in practicum-runs begins with 'f00'"),
        (["show", "f00"], 1, "No run in practicum-runs begins with 'f00'"),
        (["prune", "--where", "dimensoin > 3", "--yes"], 2, "Did you mean 'dimension'?"),
        (["prune", "--damaged", PLAIN], 1, f"The run {PLAIN} in practicum-runs is not damaged"),
    ],
)
def test_what_is_wrong_is_a_sentence(practicum, folder, arguments, code, sentence):
    before = sorted(path.name for path in folder.glob("[0-9a-f]*"))
    found, out, err = practicum(*arguments)
    assert (found, out) == (code, "")
    assert err.startswith("practicum: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in folder.glob("[0-9a-f]*")) == before or "index.sqlite" in before


def test_show_says_why_a_run_failed(practicum):
    code, out, err = practicum("show", FAILED[:5])
    assert (code, err) == (0, "")
    for text in (
        "status: failed, ZeroDivisionError after 3 tries",
        "problem: The seed 3 divided by zero.",
        "dimension: 50",
    ):
        assert text in out
    document = json.loads(practicum("show", FAILED, "--json")[1])
    assert (document["status"], document["error"], document["tries"]) == ("failed", "ZeroDivisionError", 3)
    assert document["config"] == json.loads(small_config(3).canonical())


def test_compare(practicum):
    code, out, err = practicum("compare", WIDE[:6], PLAIN[:6])
    assert (code, err) == (0, "")
    for text in ("dimension", "60", "50", "largest difference 0.0417, relative 0.333; 1 of 2 differ", "same bits"):
        assert text in out
    assert "Both were computed by the same versions" in out
    document = json.loads(practicum("compare", WIDE, PLAIN, "--json")[1])
    assert document["settings"]["dimension"] == [60, 50]
    assert document["variables"]["generalization_error"]["absolute"] == pytest.approx(0.125 - 0.25 / 3)
    assert practicum("compare", WIDE, FAILED)[0] == 0
    code, out, _ = practicum("compare", PLAIN, PLAIN)
    assert (code, "All settings are the same.\n" in out, "All arrays have the same bits.\n" in out) == (0, True, True)


def test_compare_prints_no_steering_characters(practicum, folder):
    """A setting by a stranger must not move the cursor of who compares it."""
    config = StudyConfig(study="west-saad", part="\x1b[2Jgone", parameters={"\x1b]0;title\x07": 1})
    Store(folder).put(config, small_run(small_config(2)))
    code, out, err = practicum("compare", config.id, PLAIN)
    assert (code, err) == (0, "")
    assert "\\x1b[2Jgone" in out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out)


def test_verify_counts_every_kind(practicum, folder):
    code, out, err = practicum("verify")
    assert (code, err) == (0, "")
    assert out == "2 of 2 runs in practicum-runs are whole.\n1 of 1 failed runs in practicum-runs are whole.\n"
    flip(folder / f"{FAILED}.failed", 5)
    code, out, err = practicum("verify")
    assert (code, out.splitlines()[1]) == (1, "0 of 1 failed runs in practicum-runs are whole.")
    assert err.startswith(f"practicum: The file practicum-runs/{FAILED}.failed of the failed run {FAILED} is damaged")
    assert practicum("verify", PLAIN)[0] == 0
    rows = json.loads(practicum("verify", "--json")[1])
    assert {(row["kind"], row["whole"]) for row in rows} == {("run", True), ("failed run", False)}


def test_rebuild(practicum, folder):
    flip(folder / f"{WIDE}.nc")
    code, out, err = practicum("rebuild")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"1 run\(s\), 1 failed and 1 damaged in practicum-runs were read in \d+\.\d s\.\n", out)
    document = json.loads(practicum("rebuild", "--json")[1])
    assert {name: document[name] for name in ("stored", "failed", "damaged")} == {
        "stored": 1,
        "failed": 1,
        "damaged": 1,
    }
    assert (folder / NAME).exists()


def test_prune_lists_first_and_removes_when_told(practicum, folder):
    assert practicum("prune") == (0, "Nothing in practicum-runs is to be removed.\n", "")
    (folder / f"{PLAIN}.checkpoint").write_bytes(b"x" * 1_000_000)
    listed = f"{PLAIN}.checkpoint  the checkpoint of a run that is stored\n1 file(s) of 1.0 MB in practicum-runs "
    assert practicum("prune") == (0, f"{listed}would go; --yes removes them.\n", "")
    assert practicum("prune", "--dry-run") == (0, f"{listed}would go; --yes removes them.\n", "")
    assert (folder / f"{PLAIN}.checkpoint").exists()
    assert practicum("prune", "--yes") == (0, f"{listed}were removed.\n", "")
    assert not (folder / f"{PLAIN}.checkpoint").exists()
    document = json.loads(practicum("prune", "--where", "dimension == 60", "--json")[1])
    assert (document["removed"], [row["why"] for row in document["files"]]) == (False, ["matches the condition"])
    assert practicum("prune", "--where", "dimension == 60", "--yes")[0] == 0
    assert Store(folder).ids() == [PLAIN]


def test_a_damaged_run_is_pruned_by_name(practicum, folder):
    flip(folder / f"{PLAIN}.nc")
    assert practicum("prune", "--where", "not dimension > 1e9", "--json")[1].count("matches") == 2
    assert practicum("prune", "--damaged", PLAIN[:8], "--yes")[0] == 0
    assert Store(folder).ids() == [WIDE]


def test_a_folder_that_can_only_be_read(practicum, folder):
    """The reader may neither write the folder nor be spoken to of it."""
    age(folder)
    practicum("list")
    write_sealed(folder / f"{PLAIN}.checkpoint", b"a state")
    looking = ("list",), ("show", FAILED), ("compare", WIDE, PLAIN), ("verify",), ("prune",)
    for words in looking:  # which imports what the reader may not see
        practicum(*words)
    with nothing_may_be_written(folder):
        results = {words: practicum(*words) for words in looking}
        refused = {words: practicum(*words) for words in (("prune", "--yes"), ("rebuild",))}
    for words, (code, out, err) in results.items():
        assert (code, err, bool(out)) == (0, "", True), words
    for words, (code, out, err) in refused.items():
        assert (code, out, err.count("\n")) == (1, "", 1), words
    assert (folder / f"{PLAIN}.checkpoint").exists()


def test_a_list_of_known_runs_waits_for_nothing_heavy(folder):
    age(folder)
    Store(folder).table()
    code = (
        "import sys\nfrom practicum.cli import main\n"
        "try:\n    main(['runs', 'list', '--where', 'dimension > 50'])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown, _, loaded = run.stdout.partition("LOADED")
    assert WIDE in shown
    assert not {"numpy", "xarray", "pandas", "h5py", "scipy", "numba", "torch", "dask"} & set(loaded.split())

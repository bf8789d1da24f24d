"""The command line as a person meets it: what it prints where, exit codes, and never a traceback."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from made_up import compute, simulate_config, solve_config
from practicum import __version__
from practicum.cli import main
from practicum.runs import Store

FILE = """
until = 20
[machine]
students = 3
teachers = 2
[rule]
learning_rate = 0.5
inverse_temperature = 4
[start]
kind = "near-symmetric"
split = 0.01
[simulate]
dimension = 100
seeds = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with a problem in it, where runs are made up instead of computed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRACTICUM_RUNS", raising=False)
    monkeypatch.setattr("practicum.runs.execute.execute", lambda config, **_: compute(config))
    (tmp_path / "problem.toml").write_text(FILE)
    return tmp_path


@pytest.fixture
def practicum(here, capsys):
    """Call a command; returns exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


def test_solve_prints_stores_and_names_the_run(practicum, here):
    config = solve_config()
    code, out, err = practicum("solve", "problem.toml")
    assert (code, err) == (0, "")
    path = f"practicum-runs/{config.id}.nc"
    assert re.search(rf"run {config.id}, computed in \d+\.\d s and stored: {path}", out)
    assert "generalization error" in out
    assert "status: ok at alpha = 20" in out
    assert Store().get(config).equals(compute(config))
    code, out, err = practicum("solve", "problem.toml")
    assert f"run {config.id}, read from the store: {path}" in out


def test_solve_json_is_all_of_stdout(practicum):
    code, out, err = practicum("solve", "problem.toml", "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["id"] == solve_config().id
    assert document["from_store"] is False
    assert document["status"] == "ok"
    assert document["alpha_end"] == 20.0
    assert document["generalization_error"] == compute(solve_config())["generalization_error"].values.tolist()
    assert os.path.isabs(document["file"])
    assert json.loads(practicum("solve", "problem.toml", "--json")[1])["from_store"] is True


def test_simulate(practicum):
    code, out, err = practicum("simulate", "problem.toml")
    assert (code, err) == (0, "")
    assert "mean error of 3 seeds" in out
    assert "status: ok 2, diverged 1" in out
    assert "A part of the seeds diverged: a result" in out
    document = json.loads(practicum("simulate", "problem.toml", "--json")[1])
    dataset = compute(simulate_config())["generalization_error"]
    assert document["generalization_error"] == pytest.approx(dataset.mean("seed").values, rel=1e-14)
    counts = dataset.notnull().sum("seed")
    assert document["standard_error"] == pytest.approx((dataset.std("seed", ddof=1) / counts**0.5).values, rel=1e-12)


def test_one_seed_has_no_standard_error_and_nan_is_null(practicum):
    code, out, _ = practicum("simulate", "problem.toml", "--set", "seeds=1", "--json")
    document = json.loads(out)
    assert code == 0
    assert set(document["standard_error"]) == {None}
    assert document["generalization_error"][-1] is None  # the made-up last seed diverges before the end


def test_set_and_store(practicum, here):
    code, out, _ = practicum(
        "solve", "problem.toml", "--set", "learning_rate=2", "--set", "until=10", "--store", "other"
    )
    (run,) = Store("other").ids()
    assert code == 0
    assert run in out
    assert not (here / "practicum-runs").exists()
    config = json.loads(Store("other").load(run).attrs["config"])
    assert (config["rule"]["learning_rate"], config["until"]) == (2, 10)


def test_the_environment_names_the_store(practicum, here, monkeypatch):
    monkeypatch.setenv("PRACTICUM_RUNS", str(here / "fromenv"))
    practicum("solve", "problem.toml")
    assert len(Store("fromenv").ids()) == 1


def test_runs_list(practicum):
    assert practicum("runs", "list") == (0, "No runs in practicum-runs yet; practicum solve makes one.\n", "")
    practicum("solve", "problem.toml")
    practicum("simulate", "problem.toml")
    code, out, err = practicum("runs", "list")
    assert (code, err) == (0, "")
    header, solve, simulate = (
        re.split(r"\s+", next(line for line in out.splitlines() if word in line).strip())
        for word in ("status", solve_config().id, simulate_config().id)
    )
    assert header == ["id", "kind", "K", "M", "eta", "beta", "N", "seeds", "until", "status", "size", "time"]
    assert solve[:7] == [solve_config().id, "solve", "3", "2", "0.5", "4", "20"]
    assert simulate[:12] == [
        simulate_config().id,
        "simulate",
        "3",
        "2",
        "0.5",
        "4",
        "100",
        "0-2",
        "20",
        "ok",
        "2,",
        "diverged",
    ]
    rows = json.loads(practicum("runs", "list", "--json")[1])
    assert {row["id"] for row in rows} == {solve_config().id, simulate_config().id}


def test_runs_show(practicum):
    practicum("solve", "problem.toml")
    run = solve_config().id
    code, out, _ = practicum("runs", "show", run[:4])
    assert code == 0
    for text in (
        "generalization error",
        "rule: batch_size = 1",
        "learning_rate = 0.5",
        "numpy",
        f"{run}.nc",
        "(201 values)",
    ):
        assert text in out
    document = json.loads(practicum("runs", "show", run[:4], "--json")[1])
    assert document["config"] == json.loads(solve_config().canonical())
    assert document["versions"]["practicum"] == __version__
    assert document["cite"] == ["saad1995online", "west1995adaptive"]
    code, out, _ = practicum("runs", "show", run, "--cite")
    assert out.startswith("@article{saad1995online,")
    assert out.count("@") == 2


def test_runs_verify(practicum):
    assert practicum("runs", "verify")[:2] == (0, "0 of 0 runs in practicum-runs are whole.\n")
    practicum("solve", "problem.toml")
    practicum("simulate", "problem.toml")
    assert practicum("runs", "verify") == (0, "2 of 2 runs in practicum-runs are whole.\n", "")
    path = Store().path(solve_config())
    content = bytearray(path.read_bytes())
    content[5000] ^= 4
    path.write_bytes(content)
    code, out, err = practicum("runs", "verify")
    assert (code, out) == (1, "1 of 2 runs in practicum-runs are whole.\n")
    assert err.startswith(f"practicum: The file {path} of run {solve_config().id} is damaged")
    code, out, _ = practicum("runs", "verify", "--json")
    assert (code, {row["id"]: row["whole"] for row in json.loads(out)}) == (
        1,
        {solve_config().id: False, simulate_config().id: True},
    )
    assert practicum("runs", "verify", simulate_config().id[:6])[0] == 0
    code, out, err = practicum("runs", "list")
    assert (code, "damaged" in out, "is damaged" in err) == (0, True, True)


SETTINGS = ("--set", "students=3", "--set", "teachers=2", "--set", "learning_rate=0.5")


@pytest.fixture
def study(monkeypatch):
    """A study that is measured at once; what it was asked for."""
    from practicum.studies import Claim, Result

    asked = []

    def reproduce(study, scale, store, progress):
        progress("measuring", 0.5)
        asked.append((study, scale, store))
        claims = [
            Claim(study, "a", "The adaptive rule is faster.", 2.152, 2.1519, 1e-4, "holds"),
            Claim(study, "b", "It is always faster.", "always", float("nan"), float("nan"), "undecided", "no run"),
        ]
        return Result(study, "A made-up paper", scale, claims, [], ["0" * 16], {"students": 3}, ("west1995adaptive",))

    monkeypatch.setattr("practicum.studies.reproduce", reproduce)
    return asked


def test_reproduce_prints_the_claims_and_writes_the_report(practicum, here, study):
    code, out, err = practicum("reproduce", "west-saad", "--scale", "paper", "--store", "elsewhere")
    assert (code, err) == (0, "")
    assert [(name, scale, str(store)) for name, scale, store in study] == [("west-saad", "paper", "elsewhere")]
    for text in ("The adaptive rule is faster.", "2.152", "undecided", "not measured"):
        assert text in out
    assert re.search(r"2\.1519\d* ± 0\.0001", out)
    assert "Of 2 claims measured, 1 holds and 1 is undecided." in out
    page = re.search(r"report: (\S+)", out)[1]
    assert page == "practicum-reports/west-saad-paper.html"
    assert "The adaptive rule is faster." in (here / page).read_text()
    assert re.search(r"^to see the runs in the browser: \S*practicum serve --store elsewhere$", out, re.MULTILINE)
    assert out.count("practicum-reports") == 1, "the one report is named once"


def test_reproduce_all_ends_with_the_reports_and_the_page(practicum, here, study, monkeypatch):
    monkeypatch.setattr("practicum.studies.STUDIES", {"west-saad": "", "made-up": ""})
    reports, page = practicum("reproduce", "all")[1].splitlines()[-2:]
    assert reports == "reports: practicum-reports/west-saad-quick.html, practicum-reports/made-up-quick.html"
    assert page.endswith("practicum serve")


def test_reproduce_json_is_the_list_of_claims(practicum, here, study):
    code, out, err = practicum("reproduce", "west-saad", "--json")
    first, second = json.loads(out)
    assert (code, err) == (0, "")
    assert {"study", "claim", "statement", "published", "measured", "uncertainty", "verdict"} <= set(first)
    assert (first["claim"], first["measured"], first["verdict"]) == ("a", 2.1519, "holds")
    assert (second["published"], second["measured"]) == ("always", None)
    assert not (here / "practicum-reports").exists()
    practicum("reproduce", "west-saad", "--json", "--output", "pages")
    assert (here / "pages" / "west-saad-quick.html").exists()


def test_reproduce_all_skips_what_cannot_run_here(practicum, here, study, monkeypatch):
    from practicum import studies
    from practicum.networks._torch import MissingTorch

    measured = studies.reproduce

    def some(name, *rest):
        if name == "made-up":
            raise MissingTorch("Networks need the package 'torch'.")
        if name == "made-up-too":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return measured(name, *rest)

    monkeypatch.setattr(studies, "STUDIES", {"made-up": "", "west-saad": "", "made-up-too": ""})
    monkeypatch.setattr(studies, "reproduce", some)
    code, out, err = practicum("reproduce", "all")
    assert (code, [name for name, *_ in study]) == (0, ["west-saad"])
    assert "A made-up paper (west-saad, quick)" in out
    first, second = err.splitlines()
    assert first == "made-up is skipped: Networks need the package 'torch'."
    assert second.startswith(
        "made-up-too is skipped: Networks need the package 'torch', which is not installed; run pip"
    )
    assert len(json.loads(practicum("reproduce", "all", "--json")[1])) == 2
    code, out, err = practicum("reproduce", "made-up-too")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'practicum[networks]'" in err


def test_a_fault_in_a_study_is_not_taken_for_a_missing_package(practicum, study, monkeypatch):
    def fail(*_):
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr("practicum.studies.reproduce", fail)
    with pytest.raises(ImportError, match="cannot import name"):
        main(["reproduce", "all"])


def test_report_of_runs(practicum, here):
    assert practicum("report") == (
        2,
        "",
        "practicum: A report needs at least one run, and practicum-runs holds none; make one with practicum solve.\n",
    )
    practicum("solve", "problem.toml")
    practicum("simulate", "problem.toml")
    code, out, err = practicum("report", solve_config().id[:5], "--output", "pages")
    assert (code, out, err) == (0, "pages/runs.html\n", "")
    page = (here / "pages" / "runs.html").read_text()
    assert solve_config().id in page
    assert simulate_config().id not in page


def write(name, content):
    with open(name, "w") as file:
        file.write(content)
    return name


def truncated():
    path = Store().put(solve_config(), compute(solve_config()))
    path.write_bytes(path.read_bytes()[:-3])
    return "problem.toml"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            lambda: ["solve", *SETTINGS, "--set", "students=0"],
            2,
            "'students' parameter of Committee must be >= 1. Got 0",
        ),
        (lambda: ["solve", *SETTINGS, "--set", "learning_rate=nan"], 2, "must be a finite number. Got nan"),
        (lambda: ["solve", *SETTINGS, "--set", "learning_rate=-0.1"], 2, "must be > 0. Got -0.1"),
        (lambda: ["solve", *SETTINGS, "--set", "T=[[1, 2], [2, 1]]"], 2, "must be positive semidefinite"),
        (lambda: ["solve", *SETTINGS, "--set", "T=[[1, 2], [0, 1]]"], 2, "must be a symmetric matrix"),
        (
            lambda: ["solve", *SETTINGS, "--set", "Q=[[1,0,0],[0,1,0],[0,0,1]]", "--set", "R=[[2,0],[0,0],[0,0]]"],
            2,
            "The joint matrix [[Q, R], [R^T, T]] of OrderParameters must be positive semidefinite",
        ),
        (lambda: ["solve", *SETTINGS, "--set", "dimension=10"], 2, "belongs to practicum simulate"),
        (lambda: ["simulate", *SETTINGS], 2, "needs the parameter 'dimension'"),
        (lambda: ["solve", *SETTINGS, "--set", "learning_rate=0.1,0.2"], 2, "one value a run"),
        (lambda: ["solve", *SETTINGS, "--set", "learn_rate=1"], 2, "Did you mean 'learning_rate'?"),
        (lambda: ["solve", write("a.toml", "[rule]\nlearning_rat = 1")], 2, "Did you mean 'learning_rate'?"),
        (lambda: ["solve", write("a.toml", "[rule\n")], 2, "The file a.toml is not valid TOML"),
        (lambda: ["solve", "nowhere.toml"], 2, "The file nowhere.toml cannot be read: no such file"),
        (lambda: ["solve", "problem.toml", "--store", "problem.toml"], 1, "cannot be written"),
        (lambda: ["solve", "problem.toml", "--store", "problem.toml/below"], 1, "cannot be written: not a directory"),
        (lambda: ["solve", truncated()], 1, "is truncated or damaged"),
        (lambda: ["runs", "show", "abc"], 1, "No run in practicum-runs begins with 'abc'"),
        (lambda: ["runs", "list", "--store", "problem.toml"], 1, "cannot be read: not a directory"),
        (lambda: ["runs", "verify", "abc"], 1, "No run in practicum-runs begins with 'abc'"),
        (lambda: ["reproduce", "west-sad"], 2, "There is no study 'west-sad'; there is west-saad"),
        (lambda: ["reproduce", "west-saad", "--scale", "fast"], 2, "There is no scale 'fast'; there is quick, paper"),
        (lambda: ["report", "abc"], 1, "No run in practicum-runs begins with 'abc'"),
        (lambda: ["sovle"], 2, "No such command 'sovle'. Did you mean 'solve'?"),
        (lambda: ["solve", "--sett", "a=1"], 2, "No such option"),
        (lambda: ["simulate", "--workers", "0"], 2, "--workers"),
        (lambda: ["runs", "show"], 2, "Missing argument"),
    ],
)
def test_mistakes_are_one_sentence(practicum, arguments, code, sentence):
    got, out, err = practicum(*arguments())
    assert got == code
    assert out == ""
    assert sentence in err
    assert err.startswith("practicum: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (MemoryError(), 1, "not enough memory"),
        (PermissionError(13, "Permission denied", "a/b"), 1, "a/b cannot be used: permission denied."),
        (KeyboardInterrupt(), 130, "Interrupted; runs stored before are safe."),
    ],
)
def test_what_may_go_wrong_while_computing(practicum, monkeypatch, error, code, sentence):
    def fail(config, **_):
        raise error

    def leave(code):
        raise SystemExit(code)

    monkeypatch.setattr("practicum.runs.execute.execute", fail)
    monkeypatch.setattr(os, "_exit", leave)
    got, out, err = practicum("solve", "problem.toml")
    assert (got, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_an_error_of_our_own_is_not_hidden(practicum, monkeypatch):
    """A bug shows where it is; only what a person can act on becomes a sentence."""

    def fail(config, **_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("practicum.runs.execute.execute", fail)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main(["solve", "problem.toml"])


SLOW = """
import sys, time
import practicum.runs.execute
from made_up import compute

def slow(config, progress=None, **_):
    print("started", file=sys.stderr, flush=True)
    time.sleep(float(sys.argv[1]) / 2)
    progress(0.42)
    time.sleep(float(sys.argv[1]) / 2)
    return compute(config)

practicum.runs.execute.execute = slow
from practicum.cli import main
main(["solve", "problem.toml"])
"""


def start_slow(seconds, **streams):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TERM": "xterm"}
    return subprocess.Popen([sys.executable, "-c", SLOW, str(seconds)], env=environment, **streams)


def test_an_interrupt_answers_at_once(here):
    process = start_slow(60, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert (out, err) == ("", "practicum: Interrupted; runs stored before are safe.\n")
    assert Store().ids() == []


def read_terminal(descriptor):
    chunks = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # Linux: the other side has closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks).decode()


def test_a_bar_on_a_terminal_and_none_in_a_pipe(here):
    outer, inner = pty.openpty()
    process = start_slow(2, stdout=subprocess.PIPE, stderr=inner, text=True)
    os.close(inner)
    shown = read_terminal(outer)
    out = process.communicate(timeout=300)[0]
    os.close(outer)
    assert process.returncode == 0
    assert "solving K=3 M=2 until alpha=20" in shown
    assert "42%" in shown
    assert "solving" not in out
    Store().path(solve_config()).unlink()
    quiet = start_slow(1, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = quiet.communicate(timeout=300)
    assert (quiet.returncode, err) == (0, "started\n")
    assert "solving" not in out


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_a_closed_pipe_is_quiet(here, options):
    Store().put(solve_config(), compute(solve_config()))
    reader, writer = os.pipe()
    os.close(reader)  # as after `| head`
    command = [sys.executable, "-m", "practicum", "runs", "list", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment, timeout=300)
    os.close(writer)
    assert (run.returncode, run.stderr) == (1, "")


def test_help_says_the_exit_codes(practicum):
    code, out, _ = practicum("--help")
    text = " ".join(out.split())
    assert code == 0
    for words in ("solve", "simulate", "reproduce", "runs", "report", "doctor", "Exit codes: 0", "130 interrupted"):
        assert words in text
    for verb in (["solve"], ["simulate"], ["reproduce"], ["report"], ["doctor"], ["runs"], ["runs", "show"]):
        code, out, _ = practicum(*verb, "--help")
        assert code == 0
        assert "Usage: practicum" in out


def test_brackets_are_text_and_not_markup(capsys):
    from practicum.cli._terminal import print_table

    print_table(["[a]"], [["[[Q, R], [R^T, T]] [bold]"]])
    assert "[[Q, R], [R^T, T]] [bold]" in capsys.readouterr().out


def test_ids_stay_whole_on_a_narrow_terminal(capsys, monkeypatch):
    from rich.console import Console

    from practicum.cli._terminal import print_table

    monkeypatch.setattr(Console, "is_terminal", True)
    monkeypatch.setenv("COLUMNS", "60")
    columns = ["id", "kind", "until", "status", "size", "time"]
    row = ["0123456789abcdef", "simulate", "generalization_error < 0.001", "diverged", "12 kB", "2026-01-01 12:00:00"]
    print_table(columns, [row])
    out = capsys.readouterr().out
    assert "0123456789abcdef" in out
    assert "diverged" in out
    assert "\u2026" not in out
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 60 for line in out.splitlines())


def test_one_seed_has_no_standard_error(practicum):
    code, out, _ = practicum("simulate", *SETTINGS, "--set", "until=2", "--set", "dimension=20", "--set", "seeds=[7]")
    assert code == 0
    assert "error of seed 7" in out
    assert "nan" not in out


def test_no_help_loses_its_brackets(practicum):
    """The help is markup to its printer: a word in brackets would vanish."""
    from typer.main import get_command

    from practicum.cli import app

    def helps(command):
        yield command.help or ""
        yield from (getattr(parameter, "help", "") or "" for parameter in command.params)
        for child in getattr(command, "commands", {}).values():
            yield from helps(child)

    found = list(helps(get_command(app)))
    assert any("tables machine, rule and start" in text for text in found)
    assert [text for text in found if "[" in text] == []


def test_a_terminal_without_unicode(here):
    code = (
        "from practicum.cli import _machine, main\n"
        "_machine._extras = lambda: [_machine.Check('extra \\u03b7', 'ok', '2 \\u00b1 1')]\n"
        "main(['doctor'])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert (run.returncode, run.stderr) == (0, "")
    assert re.search(r"extra \? +\| 2 \? 1", run.stdout)


def test_no_arguments_show_the_help(practicum):
    code, out, err = practicum()
    assert code == 2
    assert "Usage: practicum" in out + err


def test_version(practicum):
    assert practicum("--version") == (0, f"practicum {__version__}\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_verbs_and_the_runs(here, shell):
    Store().put(solve_config(), compute(solve_config()))

    def complete(words):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "_PRACTICUM_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_ARGS": words,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        command = [sys.executable, "-c", "from practicum.cli import main; main()"]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300).stdout

    assert "simulate" in complete("practicum s")
    assert "west-saad" in complete("practicum reproduce w")
    assert solve_config().id in complete("practicum runs show ")


def test_doctor(practicum, here):
    code, out, err = practicum("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert (code, err) == (0, "")
    for name in ("practicum", "python", "numba", "processor", "compiled code cache", "store", "disk", "extra networks"):
        assert checks[name]["state"] in ("ok", "absent", "warning")
    assert checks["practicum"]["found"] == __version__
    assert "holds 0 run(s)" in checks["store"]["found"]
    assert not (here / "practicum-runs").exists()  # looking leaves no trace
    code, out, _ = practicum("doctor")
    assert (code, "BROKEN" in out) == (0, False)


def test_doctor_finds_a_broken_store(practicum):
    code, out, _ = practicum("doctor", "--store", "problem.toml/below")
    assert code == 1
    assert "BROKEN" in out
    assert "not a directory" in " ".join(out.split())


def test_doctor_names_what_is_missing(practicum, monkeypatch):
    from practicum.cli import _machine

    installed = _machine._version
    monkeypatch.setattr(_machine, "_version", lambda name: "" if name in ("torch", "zarr") else installed(name))
    checks = {check.name: check for check in _machine.examine()}
    assert (checks["extra networks"].state, checks["extra networks"].found) == ("absent", "without torch")
    assert "pip install 'practicum[networks]'" in checks["extra networks"].remedy
    assert checks["extra export"].found == "without zarr"


def test_doctor_knows_the_extras_of_the_project(practicum):
    from practicum.cli import _machine

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    names = {check.name.removeprefix("extra ") for check in _machine.examine() if check.name.startswith("extra ")}
    assert names == project["optional-dependencies"].keys() - {"all", "dev", "docs"}
    assert _machine._version("no-such-package") == ""


def test_doctor_says_where_images_are(practicum, here, monkeypatch):
    from practicum.cli import _machine
    from practicum.data import sources

    for name in ("mnist", "cifar-10"):
        (here / "data" / name).mkdir(parents=True)
    (here / "data/mnist/train-images-idx3-ubyte").write_bytes(b"")
    monkeypatch.setenv("PRACTICUM_DATA", "data")
    monkeypatch.setattr(sources, "DEBIAN", here / "nowhere")
    monkeypatch.setattr(_machine, "find_spec", lambda name: None)
    checks = {check.name: check for check in _machine.examine()}
    assert (checks["images mnist"].state, checks["images mnist"].found) == ("ok", "data/mnist")
    assert checks["images fashion-mnist"].state == checks["images cifar-10"].state == "absent"
    assert "set $PRACTICUM_DATA" in checks["images fashion-mnist"].remedy


def test_doctor_says_that_torch_is_broken(practicum, monkeypatch):
    from practicum.cli import _machine

    monkeypatch.setattr(_machine, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "torch", None)
    (check,) = _machine._torch()
    assert (check.state, "cannot be imported" in check.found) == ("warning", True)


def test_doctor_warns_of_little_space(practicum, monkeypatch):
    from practicum.cli import _machine

    monkeypatch.setattr(_machine.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1e6}))
    checks = {check.name: check for check in _machine.examine()}
    assert (checks["disk"].state, checks["disk"].found) == ("warning", "0.0 GB free")


def test_solve_for_real(tmp_path, monkeypatch, capsys):
    """No made-up numbers: IC2 at learning rate 1, whose error at alpha = 10 is known (section 7 of the formulas)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ic2.toml").write_text(
        "until = 10\nsave_at = [0, 10]\n[machine]\nstudents = 2\nteachers = 2\n[rule]\nlearning_rate = 1\n"
        "[start]\nQ = [[0.3, 0.001], [0.001, 0.4]]\nR = [[0.003, 0.001], [0.001, 0.002]]\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["solve", "ic2.toml", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert document["generalization_error"] == pytest.approx([0.49743968232, 0.02207581], rel=1e-6)
    stored = Store().load(document["id"])
    assert stored["generalization_error"].values.tolist() == document["generalization_error"]

"""``practicum serve`` from the command line, as far as it goes without a server."""

import importlib.util
import subprocess
import sys

import pytest

from practicum.cli import main


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--no-open", *arguments])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("practicum: ")
    assert err.count("\n") == 1
    return ended.value.code, err


def test_without_its_packages_it_says_how_to_have_them(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr("practicum.cli.serving.find_spec", lambda name: None if name == "fastapi" else found(name))
    code, sentence = refused(capsys)
    assert code == 2
    assert "The page needs fastapi, which" in sentence
    assert "pip install 'practicum[web]'" in sentence


def test_a_token_that_is_too_short_is_refused(capsys):
    pytest.importorskip("fastapi", reason="the page needs the extra [web]")
    code, sentence = refused(capsys, "--token", "1234")
    assert code == 2
    assert "must have 16 to 128" in sentence


def test_a_port_that_is_none_is_refused(capsys):
    assert refused(capsys, "--port", "70000")[0] == 2


def test_its_help_loads_no_server():
    script = (
        "import sys\nfrom practicum.cli import main\n"
        "try:\n    main(['serve', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'fastapi', 'uvicorn', 'numba', 'numpy'} & {name.partition('.')[0] for name in sys.modules}"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "--no-open" in run.stdout

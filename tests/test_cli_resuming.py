"""``practicum simulate`` goes on where it was stopped, and the other verbs know of what is unfinished."""

import json

import pytest

from practicum.cli import main
from practicum.runs import Store, config_from_json
from practicum.runs.execute import execute
from practicum.runs.settings import configuration

SET = ["students=2", "teachers=2", "learning_rate=0.7", "overlap=0.01", "dimension=50", "until=2000", "seeds=4"]


@pytest.fixture
def practicum(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRACTICUM_RUNS", raising=False)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


class Stop(Exception):
    pass


def stopped(store, config):
    """The state of a run that stopped at its third state."""
    seen = []

    def compute(config, save, resume):
        def count(state):
            save(state)
            seen.append(state)
            if len(seen) == 3:
                raise Stop

        return execute(config, save=count, resume=resume, workers=1)

    with pytest.raises(Stop):
        store.run(config, compute, seconds=0)
    return seen[-1]


def test_a_stopped_simulation_goes_on(practicum, tmp_path):
    settings = [text for setting in SET for text in ("--set", setting)]
    config = configuration("simulate", None, SET)
    state = stopped(Store(), config)
    checks = {check["name"]: check for check in json.loads(practicum("doctor", "--json")[1])}
    assert checks["unfinished computations"]["found"] == f"{config.id}.checkpoint ({state.progress} done)"
    code, out, err = practicum("simulate", *settings)
    assert (code, err) == (0, "")
    assert f"and stored, after the {state.progress} of a checkpoint: practicum-runs/{config.id}.nc" in out
    assert "unfinished computations" not in practicum("doctor")[1]
    whole = Store(tmp_path / "whole")
    whole.run(config_from_json(config.canonical()))
    assert Store().path(config).read_bytes() == whole.path(config).read_bytes()


def test_json_says_at_which_update_it_went_on(practicum):
    settings = [text for setting in SET for text in ("--set", setting)]
    state = stopped(Store(), configuration("simulate", None, SET))
    document = json.loads(practicum("simulate", *settings, "--json")[1])
    assert (document["resumed_at"], document["from_store"]) == (state.done, False)
    document = json.loads(practicum("simulate", *settings, "--json")[1])
    assert (document["resumed_at"], document["from_store"]) == (0, True)

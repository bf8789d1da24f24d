"""From a TOML file and --set to a configuration: what fits is found, what does not is one sentence."""

import pytest

from practicum import OrderParameters, ParameterError
from practicum.runs.settings import KNOWN, configuration

FILE = """
until = 50
[machine]
students = 3
teachers = 2
[rule]
learning_rate = 0.5
[start]
kind = "random"
seed = 4
[solve]
rtol = 1e-8
[simulate]
dimension = 200
seeds = [3, 4, 5]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "problem.toml"
    path.write_text(FILE)
    return path


def test_one_file_serves_both_verbs(file):
    solve, simulate = configuration("solve", file), configuration("simulate", file)
    assert solve.machine == simulate.machine
    assert solve.start == simulate.start == OrderParameters.random(3, 2, seed=4)
    assert (solve.rtol, solve.until, simulate.dimension, simulate.seeds.list()) == (1e-8, 50.0, 200, [3, 4, 5])


def test_settings_alone_are_enough():
    config = configuration("solve", None, ["students=3", "teachers=2", "learning_rate=0.5", "seed=4", "until=50"])
    assert config.start == OrderParameters.random(3, 2, seed=4)
    assert config.rule.learning_rate == 0.5


@pytest.mark.parametrize(
    ("setting", "read", "value"),
    [
        ("learning_rate=2", lambda c: c.rule.learning_rate, 2.0),
        ("rule.learning_rate = 1e-2", lambda c: c.rule.learning_rate, 0.01),
        ("activation=relu", lambda c: c.machine.activation, "relu"),
        ('activation="relu"', lambda c: c.machine.activation, "relu"),
        ("until=generalization_error < 1e-3", lambda c: c.until, "generalization_error < 0.001"),
        ("save_at=[0, 1, 2]", lambda c: c.save_at, (0.0, 1.0, 2.0)),
        ("method=LSODA", lambda c: c.method, "LSODA"),
        ("solve.method=LSODA", lambda c: c.method, "LSODA"),
        ("start.seed=9", lambda c: c.start, OrderParameters.random(3, 2, seed=9)),
        ("kind=near-symmetric", lambda c: c.start, OrderParameters.near_symmetric(3, 2)),
        ("v_star=[1, 2]", lambda c: c.start.v_star.tolist(), [1.0, 2.0]),
    ],
)
def test_settings_go_before_the_file(file, setting, read, value):
    assert read(configuration("solve", file, [setting])) == value


def test_the_last_setting_wins(file):
    assert configuration("solve", file, ["until=10", "until=20"]).until == 20.0


@pytest.mark.parametrize(
    ("verb", "setting", "sentence"),
    [
        ("solve", "learnin_rate=1", "Did you mean 'learning_rate'?"),
        ("solve", "rule.learnin_rate=1", "Did you mean 'rule.learning_rate'?"),
        ("solve", "rul.learning_rate=1", "Did you mean 'rule.learning_rate'?"),
        ("solve", "zzz=1", "solve has no parameter 'zzz'. It knows until, save_at, machine.students"),
        ("solve", "dimension=10", "'dimension' belongs to practicum simulate"),
        ("solve", "simulate.dimension=10", "'simulate.dimension' belongs to practicum simulate"),
        ("simulate", "rtol=1e-5", "'rtol' belongs to practicum solve"),
        ("solve", "learning_rate=0.1,0.5", "one value a run"),
        ("solve", "activation=erf,relu", "one value a run"),
        ("solve", "save_at=0,1,2", "--set 'save_at=[0,1,2]'"),
        ("solve", "save_at=[0,1", "is not valid TOML"),
        ("solve", "save_at=[.5, 1.0]", "write 0.5, not .5"),
        ("solve", "save_at=5", "'save_at' parameter of SolveConfig must be a list"),
        ("solve", "learning_rate", "must read name=value"),
        ("solve", "learning_rate=", "must read name=value"),
        ("solve", "=3", "must read name=value"),
        ("solve", "students=0", "'students' parameter of Committee must be >= 1. Got 0"),
        ("solve", "students=2.5", "must be a whole number. Got 2.5"),
        ("solve", "learning_rate=nan", "must be a finite number. Got nan"),
        ("solve", "learning_rate=-1", "must be > 0. Got -1"),
        ("solve", "learning_rate=fast", "must be a number. Got 'fast'"),
        ("solve", "activation=tanh", "must be one of"),
        ("solve", "T=[[1.0, 2.0], [2.0, 1.0]]", "'T' parameter of OrderParameters must be positive semidefinite"),
        ("solve", "until=never", "'until' condition must read"),
        ("simulate", "seeds=0", "at least one seed"),
    ],
)
def test_bad_settings_are_one_sentence(file, verb, setting, sentence):
    with pytest.raises(ParameterError) as caught:
        configuration(verb, file, [setting])
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_ambiguous_name_names_its_candidates(file, monkeypatch):
    monkeypatch.setitem(KNOWN, "machine", (*KNOWN["machine"], "seed"))
    with pytest.raises(ParameterError, match=r"'seed' is ambiguous: write machine\.seed or start\.seed"):
        configuration("solve", file, ["seed=1"])


def test_no_bare_name_is_ambiguous_today():
    for verb in ("solve", "simulate"):
        names = [
            name for table, names in KNOWN.items() if table not in {"solve", "simulate"} - {verb} for name in names
        ]
        assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", ["students", "teachers", "learning_rate", "dimension"])
def test_a_missing_value_is_asked_for(name):
    given = {"students": "3", "teachers": "2", "learning_rate": "0.5", "dimension": "9"}
    settings = [f"{other}={value}" for other, value in given.items() if other != name]
    with pytest.raises(ParameterError, match=f"needs the parameter '{name}'.* --set {name}="):
        configuration("simulate", None, settings)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "[rule]\nlearnin_rate = 1",
            "The table [rule] of {file} has no parameter 'learnin_rate'. Did you mean 'learning_rate'?",
        ),
        ("[rul]\nlearning_rate = 1", "The top of {file} has no parameter 'rul'. Did you mean 'rule'?"),
        ("learning_rate = 1", "The top of {file} has no parameter 'learning_rate'. It belongs under [rule]."),
        ("[rule]\nuntil = 1", "has no parameter 'until'. It belongs at the top."),
        ("kind = 'solve'", "Files with 'kind' or a table [sweep] are for practicum sweep."),
        ("[sweep]\nlearning_rate = [0.1]", "are for practicum sweep."),
        ("dimension = 10", "It belongs under [simulate]."),
        ("method = 'chain'", "It belongs under [solve] or under [simulate]."),
        ("[simulate]\ndimensions = 1", "Did you mean 'dimension'?"),
        ("rule = 3", "must be a table: write [rule]"),
        ("[rule\nlearning_rate = 1", "is not valid TOML: "),
        ("[rule]\nlearning_rate = ", "is not valid TOML: "),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, content, sentence):
    file = tmp_path / "bad.toml"
    file.write_text(content)
    with pytest.raises(ParameterError) as caught:
        configuration("solve", file)
    assert sentence.format(file=file) in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ParameterError, match=r"nowhere\.toml cannot be read: no such file"):
        configuration("solve", tmp_path / "nowhere.toml")
    with pytest.raises(ParameterError, match="cannot be read: is a directory"):
        configuration("solve", tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(ParameterError, match="UTF-8"):
        configuration("solve", tmp_path / "latin.toml")

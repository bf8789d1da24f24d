"""The API of Explore gives the numbers of the Python API, every double of them."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import practicum
from practicum import Committee, LearningRule, OrderParameters, simulate, solve

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum.cli import main
from practicum.runs.settings import configuration
from practicum.runs.store import Store
from practicum.web.app import create_app
from practicum.web.code import code
from practicum.web.limits import Limits
from practicum.web.problems import Problem
from web.served import events, served

NEAR = {"students": 2, "teachers": 2, "learning_rate": 1.0, "start": "near-symmetric", "norm": 0.3, "until": 40}
RANDOM = {"students": 3, "teachers": 2, "inverse_temperature": 4.0, "noise": 0.1, "start_seed": 7, "until": 30.0}
RICH = {"students": 2, "teachers": 3, "activation": "linear", "weight_decay": 0.02, "batch_size": 3, "until": 12}
PROBLEMS = {"near": NEAR, "random": RANDOM, "rich": RICH, "diverging": {**NEAR, "learning_rate": 20.0}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def client(store):
    with served(create_app(store)) as client:
        yield client


def by_hand(problem):
    """Machine, rule and start of a problem, written as the documentation of Python writes them."""
    get = {"students": 3, "teachers": 3, "learning_rate": 0.5, "norm": 0.5, "overlap": 1e-3, **problem}.get
    K, M = get("students"), get("teachers")
    machine = Committee(students=K, teachers=M, activation=get("activation", "erf"), noise=get("noise", 0.0))
    rule = LearningRule(
        learning_rate=get("learning_rate"),
        inverse_temperature=get("inverse_temperature", 1.0),
        weight_decay=get("weight_decay", 0.0),
        batch_size=get("batch_size", 1),
    )
    if get("start") == "near-symmetric":
        return machine, rule, OrderParameters.near_symmetric(K, M, Q=get("norm"), split=get("overlap"))
    seed = get("start_seed", 0)
    return machine, rule, OrderParameters.random(K, M, seed=seed, norm=get("norm"), overlap=get("overlap"))


def numbers(values):
    """Nested lists with null, as an array with NaN."""
    return np.array(values, dtype=float)


def same(found, theory):
    """Whether an answer holds exactly the numbers of a dataset."""
    return all(np.array_equal(numbers(found[name]), theory[name].values, equal_nan=True) for name in
               ("alpha", "generalization_error", "Q", "R", "T"))  # fmt: skip


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_flow_is_that_of_solve(client, name):
    problem = PROBLEMS[name]
    found = client.post("/api/flow", json=problem).json()
    theory = solve(*by_hand(problem), until=problem["until"], save_at=found["alpha"])
    assert same(found, theory)
    assert found["status"] == str(theory["status"].values) == ("diverged" if name == "diverging" else "ok")
    assert found["alpha_end"] == float(theory["alpha_end"])
    assert found["seconds"] > 0
    # Power: the next seed, or a learning rate one rounding away, would be noticed.
    machine, rule, start = by_hand(problem)
    other = rule.replace(learning_rate=float(np.nextafter(rule.learning_rate, 0)))
    assert not same(found, solve(machine, other, start, until=problem["until"], save_at=found["alpha"]))


def test_points_suit_both_axes(client):
    alpha = np.array(client.post("/api/flow", json={"until": 50}).json()["alpha"])
    assert alpha[0] == 0
    assert alpha[-1] == 50
    assert np.isin(np.linspace(0, 50, 201), alpha).all()  # the points that a stored run has
    assert np.diff(alpha).max() <= 0.25 * (1 + 1e-12)
    assert np.diff(np.log(alpha[alpha >= 0.005])).max() <= np.log(10) / 40 * (1 + 1e-9)


def test_a_flow_that_is_asked_for_again_comes_from_memory(client):
    first, again = (client.post("/api/flow", json={"until": 21, "start_seed": 5}) for _ in range(2))
    assert first.content == again.content  # `seconds` too, which two computations would not share


def test_points_that_were_not_reached_are_null(client):
    found = client.post("/api/flow", json={**NEAR, "activation": "relu", "learning_rate": 30.0}).json()
    assert found["status"] == "diverged"
    assert found["generalization_error"][-1] is None
    assert found["Q"][-1] == [[None, None], [None, None]]
    assert len(found["generalization_error"]) == len(found["alpha"])


def test_a_flow_that_takes_too_long_is_answered_as_far_as_it_has_come(store):
    slow = {"students": 8, "teachers": 8, "learning_rate": 0.01, "until": 1e6}
    app = create_app(store, limits=Limits(patience=0.3))
    with served(app) as client:
        found = client.post("/api/flow", json=slow).json()
        assert found["status"] == "unfinished"
        assert 0 < found["alpha_end"] < 1e6
        reached = numbers(found["alpha"]) <= found["alpha_end"]
        assert np.array_equal(np.isfinite(numbers(found["generalization_error"])), reached)
        for path in ("/api/save", "/api/download?format=nc"):
            refused = client.post(path, json=slow | ({"kind": "solve"} if "save" in path else {}))
            assert refused.status_code == 422
            assert "takes longer than the 0.3 seconds" in refused.json()["problem"]
        assert Problem(**slow).solve_config() not in store
        assert client.post("/api/marks", json=slow).json()["plateau"]["escape_rate"] > 0
        for cache in (app.state.services.flows, app.state.services.marks):
            assert cache.get(Problem(**slow)) is None  # the next one may have more luck


@pytest.mark.parametrize("name", ["near", "random", "rich"])
def test_the_chain_is_that_of_simulate(client, name):
    problem = {**PROBLEMS[name], "dimension": 50, "seeds": 3}
    *paths, last = events(client, client.post("/api/chain", json=problem).json()["job"])
    assert last == ("done", {"seeds": 3})
    assert [kind for kind, _ in paths] == ["path"] * 3
    alpha = client.post("/api/flow", json=problem).json()["alpha"]
    exact = simulate(*by_hand(problem), dimension=50, until=problem["until"], seeds=3, save_at=alpha)
    for seed, (_, path) in enumerate(paths):
        assert path["seed"] == seed
        assert path["alpha"] == alpha
        assert np.array_equal(numbers(path["generalization_error"]), exact["generalization_error"].values[seed])
        assert path["status"] == str(exact["status"].values[seed])


def test_a_simulation_beyond_the_bound_is_refused(client):
    refused = client.post("/api/chain", json={"dimension": 10**9, "seeds": 64})
    assert refused.status_code == 422
    assert "until * dimension * batch_size * seeds = 3.84e+13" in refused.json()["problem"]
    assert client.post("/api/save", json={"dimension": 10**9, "kind": "simulate"}).status_code == 422


def test_a_chain_that_cannot_be_says_so(client):
    kinds = events(client, client.post("/api/chain", json={**NEAR, "dimension": 3}).json()["job"])
    assert len(kinds) == 1
    assert kinds[0][0] == "failed"
    assert "needs a dimension of at least 4" in kinds[0][1]["problem"]
    assert kinds[0][1]["field"] == "dimension"


@pytest.mark.parametrize("kind", ["solve", "simulate"])
def test_a_saved_run_is_the_run_of_the_command(client, store, kind, tmp_path, capsys):
    problem = {**RANDOM, "dimension": 60, "seeds": 2}
    run = client.post("/api/save", json={**problem, "kind": kind}).json()["run"]
    assert run in store.ids()
    texts = client.post("/api/code", json=problem).json()
    command = next(line for line in texts["command"].splitlines() if line.split()[1] == kind)
    elsewhere = Store(tmp_path / "runs")
    with pytest.raises(SystemExit) as ended:
        main([*command.split()[1:], "--store", str(elsewhere.folder), "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["id"] == run
    assert (elsewhere.folder / f"{run}.nc").read_bytes() == (store.folder / f"{run}.nc").read_bytes()
    file = tmp_path / "problem.toml"
    file.write_text(texts["toml"])
    assert configuration(kind, file).id == run
    again = client.post("/api/save", json={**problem, "kind": kind}).json()["run"]
    assert again == run


def test_a_run_of_no_kind_is_refused(client):
    refused = client.post("/api/save", json={"kind": "train"})
    assert refused.status_code == 422
    assert refused.json()["problem"].startswith("The 'kind' of a run must be 'solve' or 'simulate'. Got 'train'")


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_python_text_computes_the_same_numbers(client, name):
    problem = {**PROBLEMS[name], "dimension": 40, "seeds": 2}
    found: dict = {}
    exec(client.post("/api/code", json=problem).json()["python"], found)
    flow = client.post("/api/flow", json=problem).json()
    shared = np.isin(flow["alpha"], found["theory"]["alpha"].values)
    assert shared.sum() == 201
    for what in ("generalization_error", "Q", "R"):
        assert np.array_equal(numbers(flow[what])[shared], found["theory"][what].values, equal_nan=True)
    exact = simulate(*by_hand(problem), dimension=40, until=problem["until"], seeds=2)
    assert found["paths"].identical(exact)


PROBLEM = st.builds(
    Problem,
    students=st.integers(1, 4),
    teachers=st.integers(1, 4),
    learning_rate=st.floats(1e-6, 100),
    inverse_temperature=st.floats(0.01, 1000),
    noise=st.just(0.0) | st.floats(0, 10),
    weight_decay=st.just(0.0) | st.floats(0, 1),
    batch_size=st.integers(1, 100),
    overlap=st.floats(0, 1e-3),
    norm=st.floats(0.1, 10),
    start_seed=st.integers(0, 2**53 - 1),
    start=st.sampled_from(["random", "near-symmetric"]),
    dimension=st.integers(8, 10**9),
    seeds=st.integers(1, 64),
    until=st.floats(0.01, 1e6),
)


@given(problem=PROBLEM)
@settings(max_examples=30)
def test_three_spellings_one_run(problem, tmp_path_factory):
    """Of any problem that has a start: whatever numbers are in it, its texts name the same two runs."""
    try:
        problem.overlaps()
    except practicum.ParameterError:
        return
    texts = code(problem)
    file = tmp_path_factory.mktemp("spelt") / "problem.toml"
    file.write_text(texts["toml"])
    asked: dict = {}
    names = {"solve": lambda *args, **rest: asked.update(solve=(args, rest)),
             "simulate": lambda *args, **rest: asked.update(simulate=(args, rest))}  # fmt: skip
    lines = [line for line in texts["python"].splitlines() if not line.startswith("from practicum")]
    exec(
        "\n".join(lines),
        {**{name: getattr(practicum, name) for name in practicum._HOMES if name[0].isupper()}, **names},
    )
    for line, kind, config in zip(
        texts["command"].splitlines(), ("solve", "simulate"), (problem.solve_config(), problem.simulate_config())
    ):
        settings_given = [word for word in line.split() if "=" in word]
        assert line.split()[:2] == ["practicum", kind]
        assert configuration(kind, None, settings_given).id == config.id
        assert configuration(kind, file).id == config.id
        (machine, rule, start), rest = asked[kind]
        assert type(config)(machine=machine, rule=rule, start=start, **rest).id == config.id


@pytest.mark.parametrize("name", ["near", "diverging"])
def test_files_hold_the_flow(client, name):
    import xarray as xr

    problem = PROBLEMS[name]
    theory = solve(
        *by_hand(problem), until=problem["until"], save_at=client.post("/api/flow", json=problem).json()["alpha"]
    )
    sent = client.post("/api/download?format=nc", json=problem)
    assert sent.headers["content-disposition"].endswith('.nc"')
    with xr.open_dataset(io.BytesIO(sent.content), engine="h5netcdf") as dataset:
        assert dataset.load().drop_encoding().equals(theory)
    table = client.post("/api/download?format=csv", json=problem).text.splitlines()
    names = table[0].split(",")
    columns = dict(zip(names, np.array([[float(cell) for cell in row.split(",")] for row in table[1:]]).T))
    assert np.array_equal(columns["alpha"], theory["alpha"].values)
    assert np.array_equal(columns["R_1_0"], theory["R"].values[:, 1, 0], equal_nan=True)
    assert np.array_equal(columns["Q_0_1"], theory["Q"].values[:, 0, 1], equal_nan=True)
    assert len(names) == 2 + 4 + 4


@pytest.mark.parametrize("format", ["", "svg", "../nc"])
def test_a_format_that_is_none_is_refused(client, format):
    refused = client.post("/api/download", params={"format": format}, json={})
    assert refused.status_code == 422
    assert "must be one of nc, csv" in refused.json()["problem"]

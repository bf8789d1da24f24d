"""The API of Runs says what the store says: the same rows, the same numbers, and a sentence where there are none."""

import json

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from made_up import MACHINE, RULE, START, compute, simulate_config, solve_config
from made_up_stores import fail_small, flip, store_small
from practicum import OrderParameters
from practicum.runs import SimulateConfig, SolveConfig, Store
from practicum.web.app import create_app
from practicum.web.explorable import explorable
from practicum.web.problems import Problem
from web.served import raw, served

SLOWER = solve_config(rule=RULE.replace(learning_rate=0.25))
NAMES = ("id", "kind", "K", "M", "eta", "beta", "N", "seeds", "until", "status", "size", "time")


def sensible(config):
    """Made-up runs whose overlaps a figure can show."""
    data = compute(config)
    return data.assign(Q=data["Q"].copy(data=np.random.default_rng(0).random(data["Q"].shape)))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("runs"))
    for config in (solve_config(), SLOWER, simulate_config()):
        made.run(config, sensible)
    store_small(made.folder, 1, 2, 5)
    fail_small(made.folder, 3)
    (damaged,) = store_small(made.folder, 4)
    flip(made.folder / f"{damaged}.nc")
    return made


@pytest.fixture(scope="module")
def client(store):
    with served(create_app(store)) as client:
        yield client


def ids(found):
    return [run["id"] for run in found["runs"]]


@pytest.mark.parametrize("where", ["", "learning_rate < 0.4", "K == 3 and N == 50", "status == 'failed'", "N > 1e9"])
def test_the_list_has_the_rows_of_the_store(client, store, where):
    found = client.get("/api/runs", params={"where": where}).json()
    rows = store.table(where)
    assert found["total"] == len(rows)
    assert found["stored"] == len(store.table()) == 8
    assert [{name: run[name] for name in NAMES} for run in found["runs"]] == [
        {name: row[name] for name in NAMES} for row in rows
    ]
    assert [run.get("problem") for run in found["runs"]] == [row.get("problem") for row in rows]


def test_the_list_is_sorted_and_turned_page_by_page(client, store):
    found = client.get("/api/runs", params={"where": "kind == 'simulate'", "sort": "-seeds.first", "limit": 200}).json()
    first = [json.loads(entry.settings)["seeds.first"] for entry in store.entries("kind == 'simulate'")]
    by_seed = dict(zip(store.select("kind == 'simulate'"), first))
    assert [by_seed[run] for run in ids(found)] == sorted(first, reverse=True)
    assert sorted(first, reverse=True) != first  # power: the order of the ids is another one
    whole = ids(client.get("/api/runs", params={"sort": "-size"}).json())
    parts = [ids(client.get("/api/runs", params={"sort": "-size", "limit": 3, "offset": o}).json()) for o in (0, 3, 6)]
    assert [run for part in parts for run in part] == whole
    assert [len(part) for part in parts] == [3, 3, 2]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ({"where": "student > 3"}, "where", "Did you mean 'students'?"),
        ({"where": "__import__('os')"}, "where", "A condition compares settings"),
        ({"where": "K = 3"}, "where", "Equality is written =="),
        ({"where": "K > 1 and " * 200 + "K > 1"}, "where", "characters at most"),
        ({"sort": "fast"}, "sort", "No run here has a setting 'fast'"),
        ({"limit": "0"}, "limit", "from 1 to 200. Got '0' instead"),
        ({"limit": "1e3"}, "limit", "from 1 to 200"),
        ({"limit": "²"}, "limit", "from 1 to 200"),
        ({"offset": "-1"}, "offset", "from 0 to"),
    ],
)
def test_a_mistake_is_answered_by_its_sentence_and_field(client, query, field, said):
    found = client.get("/api/runs", params=query)
    assert found.status_code == 422
    assert found.json()["field"] == field
    assert said in found.json()["problem"]


def test_a_run_in_detail_is_what_its_file_says(client, store):
    config = simulate_config()
    found = client.get(f"/api/runs/{config.id}").json()
    data = store.get(config)
    assert found["title"] == "simulate, K = 3, M = 2, η = 0.5, β = 4, N = 100"
    assert (found["status"], found["problem"]) == ("ok 2, diverged 1", None)
    assert found["size"] == store.path(config).stat().st_size
    assert dict(found["settings"])["rule.inverse_temperature"] == "4"
    assert {each["name"]: each["dims"] for each in found["variables"]} == {
        str(name): dict(data[name].sizes) for name in data.variables
    }
    assert found["versions"] == json.loads(data.attrs["versions"])
    space = {}
    exec(found["python"], space)
    assert space["run"].identical(data)


def test_failed_and_damaged_runs_say_why(client, store):
    rows = {row["status"]: row for row in store.table()}
    for status in ("failed", "damaged"):
        row = rows[status]
        found = client.get(f"/api/runs/{row['id']}").json()
        assert (found["status"], found["problem"]) == (status, row["problem"])
        curve = client.get(f"/api/runs/{row['id']}/curve")
        assert curve.status_code == 409
        assert row["problem"] in curve.json()["problem"]
    assert dict(client.get(f"/api/runs/{rows['failed']['id']}").json()["settings"])["dimension"] == "50"


def test_curves_are_means_over_seeds_with_their_errors(client, store):
    config = simulate_config()
    groups = {each["variable"]: each for each in client.get(f"/api/runs/{config.id}/curve").json()["groups"]}
    data = store.get(config)
    (curve,) = groups["generalization_error"]["curves"]
    values = data["generalization_error"].values
    np.testing.assert_array_equal(curve["x"], data["alpha"].values)
    there = [column[np.isfinite(column)] for column in values.T]
    error = [column.std(ddof=1) / len(column) ** 0.5 for column in there]
    np.testing.assert_allclose(curve["mean"], [column.mean() for column in there], rtol=1e-14)
    np.testing.assert_allclose(np.subtract(curve["high"], curve["mean"]), error, rtol=1e-9)
    np.testing.assert_allclose(np.subtract(curve["mean"], curve["low"]), error, rtol=1e-9)
    assert curve["seeds"] == 3
    assert sum(len(group["curves"]) for group in groups.values()) <= 20
    assert len(groups["R"]["curves"]) == 6


def test_a_long_curve_is_thinned(tmp_path):
    store = Store(tmp_path)
    config = solve_config(save_at=tuple(np.linspace(0, 20, 5000).tolist()))
    store.run(config, sensible)
    with served(create_app(store)) as client:
        (curve,) = client.get(f"/api/runs/{config.id}/curve").json()["groups"][0]["curves"]
    assert len(curve["x"]) == 600
    data = store.get(config)["generalization_error"]
    np.testing.assert_array_equal(curve["mean"], data.sel(alpha=curve["x"]).values)


@pytest.mark.parametrize("address", ["/api/runs/{}/report", "/api/compare/report?ids={},{}"])
def test_a_report_can_do_nothing(client, address):
    found = client.get(address.format(solve_config().id, SLOWER.id))
    assert found.status_code == 200
    policy = {part.split()[0]: part.split()[1:] for part in found.headers["content-security-policy"].split(";")}
    assert policy["default-src"] == ["'none'"]
    assert policy["sandbox"] == []
    assert "script-src" not in policy
    assert policy["style-src"] == ["'unsafe-inline'"]
    assert found.text.startswith("<!doctype html>")
    assert solve_config().id in found.text
    assert found.headers["x-content-type-options"] == "nosniff"


def test_the_file_is_the_stored_one(client, store):
    path = store.path(solve_config())
    found = client.get(f"/api/runs/{solve_config().id}/file")
    assert found.content == path.read_bytes()
    assert "attachment" in found.headers["content-disposition"]
    failed = next(row["id"] for row in store.table() if row["status"] == "failed")
    assert client.get(f"/api/runs/{failed}/file").status_code == 404


def test_runs_side_by_side(client, store):
    damaged = next(row["id"] for row in store.table() if row["status"] == "damaged")
    wanted = [solve_config().id, SLOWER.id, simulate_config().id, damaged]
    found = client.get("/api/compare", params={"ids": ",".join(wanted)}).json()
    assert ids(found) == wanted
    settings = {each["name"]: each["values"] for each in found["settings"]}
    assert settings["rule.learning_rate"] == ["0.5", "0.25", "0.5", "unknown"]
    assert settings["dimension"] == ["absent", "absent", "100", "unknown"]
    assert "machine.students" not in settings
    (group,) = [each for each in found["groups"] if each["variable"] == "generalization_error"]
    assert group["curves"][3] is None
    for run, curve in zip(wanted[:2], group["curves"]):
        np.testing.assert_array_equal(curve["mean"], store.load(run)["generalization_error"].values)
        assert curve["final"]["value"] == store.load(run)["generalization_error"].values[-1]


@pytest.mark.parametrize("count", [0, 1, 9])
def test_a_comparison_has_two_to_eight_runs(client, count):
    found = client.get("/api/compare", params={"ids": ",".join(f"{i:016x}" for i in range(count))})
    assert found.status_code == 422
    assert found.json()["field"] == "ids"
    assert f"Got {count} instead" in found.json()["problem"]


@pytest.mark.parametrize(
    "name",
    ["0" * 16, "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "x" * 16, "0" * 15, "0" * 17, "A" * 16, "a" * 15 + "%0a"],
)
def test_only_ids_of_what_is_stored_name_a_file(client, store, name):
    (store.folder.parent / f"{'b' * 16}.nc").write_text("not yours")
    for address in (f"/api/runs/{name}", f"/api/runs/{name}/file", f"/api/runs/{name}/curve", f"/api/sweeps/{name}"):
        status, body = raw(client, f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert status == 404
        assert b"not yours" not in body
    assert client.get(f"/api/runs/{'b' * 16}/file").status_code == 404


PROBLEMS = [
    {},
    {"students": 2, "teachers": 3, "learning_rate": 1.25, "inverse_temperature": 3.0, "until": 50.0},
    {"start_seed": 17, "norm": 0.123456789, "overlap": 2e-5, "noise": 0.1, "batch_size": 3},
    {"start": "near-symmetric", "norm": 0.3, "overlap": 0.007, "activation": "relu", "weight_decay": 0.01},
    {"dimension": 321, "seeds": 5, "overlap": 0.0},
]


@pytest.mark.parametrize("values", PROBLEMS, ids=range(len(PROBLEMS)))
def test_what_explore_has_stored_it_can_show_again(values):
    problem = Problem(**values)
    for config in (problem.solve_config(), problem.simulate_config()):
        found = explorable(config.canonical())
        again = Problem(**found)
        same = again.solve_config() if config.kind == "solve" else again.simulate_config()
        assert same == config
        assert explorable(config.replace(save_at=(0.0, 1.0)).canonical()) == found


def test_what_explore_cannot_show_is_not_said_to_be():
    base = {"machine": MACHINE, "rule": RULE, "start": START, "until": 10.0}
    other = OrderParameters(Q=START.Q, R=START.R, T=2 * np.eye(2))
    for config in (
        SolveConfig(**{**base, "start": other}),
        SolveConfig(**{**base, "rtol": 1e-6}),
        SolveConfig(**{**base, "until": "generalization_error < 1e-3"}),
        SolveConfig(**{**base, "start": OrderParameters.random(3, 2, seed=10**6)}),
        SimulateConfig(**base, dimension=50, seeds=[3, 4]),
        SimulateConfig(**base, dimension=50, seeds=[0], method="weights"),
        SimulateConfig(**{**base, "rule": RULE.replace(fan_out_learning_rate=0.1)}, dimension=50),
    ):
        assert explorable(config.canonical()) is None
    assert explorable(SolveConfig(**base).canonical()) is not None
    assert explorable("{}") is None

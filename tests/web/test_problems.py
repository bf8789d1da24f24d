"""Every bad value is one sentence that names the parameter, for the page to show beside its control."""

import json

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum import ParameterError
from practicum.runs.store import Store
from practicum.web.app import create_app
from practicum.web.problems import Problem, parameters
from web.served import served

BAD = [
    ('{"students": 0}', "students", "must be >= 1. Got 0"),
    ('{"students": 13}', "students", "must be <= 12. Got 13"),
    ('{"students": 2.5}', "students", "must be a whole number"),
    ('{"students": true}', "students", "must be a whole number"),
    ('{"students": "3"}', "students", "must be a whole number"),
    ('{"students": null}', "students", "must be a whole number"),
    ('{"students": [3]}', "students", "must be a whole number"),
    ('{"students": ' + "9" * 4000 + "}", "students", "must be"),
    ('{"teachers": -1}', "teachers", "must be >= 1"),
    ('{"activation": "tanh"}', "activation", "must be one of 'erf', 'relu' or 'linear'"),
    ('{"activation": 1}', "activation", "must be one of"),
    ('{"learning_rate": 0}', "learning_rate", "must be > 0"),
    ('{"learning_rate": -1e-9}', "learning_rate", "must be > 0"),
    ('{"learning_rate": 1e999}', "learning_rate", "must be"),
    ('{"learning_rate": ' + "9" * 4000 + "}", "learning_rate", "must be"),
    ('{"learning_rate": "fast"}', "learning_rate", "must be a number"),
    ('{"learning_rate": {"a": 1}}', "learning_rate", "must be a number"),
    ('{"inverse_temperature": 0}', "inverse_temperature", "must be >= 0.001"),
    ('{"activation": "relu", "inverse_temperature": 2}', "inverse_temperature", "must be 1 for activation='relu'"),
    ('{"noise": -0.1}', "noise", "must be >= 0"),
    ('{"weight_decay": -1}', "weight_decay", "must be >= 0"),
    ('{"batch_size": 0}', "batch_size", "must be >= 1"),
    ('{"overlap": -1}', "overlap", "must be >= 0"),
    ('{"overlap": 1, "norm": 0.01}', "overlap", "positive semidefinite"),
    ('{"start": "near-symmetric", "overlap": 1, "norm": 0.1}', "overlap", "positive semidefinite"),
    ('{"norm": 11}', "norm", "must be <= 10"),
    ('{"start_seed": -1}', "start_seed", "must be >= 0"),
    ('{"start_seed": 1e300}', "start_seed", "below 2^63"),
    ('{"start": "zero"}', "start", "must be one of 'random' or 'near-symmetric'"),
    ('{"dimension": 0}', "dimension", "must be >= 1"),
    ('{"seeds": 65}', "seeds", "must be <= 64"),
    ('{"until": 0}', "until", "must be >= 0.01"),
    ('{"until": "generalization_error < 1"}', "until", "must be a number"),
    ('{"lerning_rate": 1}', None, "has no parameter 'lerning_rate'"),
    ('{"": 1}', None, "has no parameter ''"),
    ('{"__class__": {}}', None, "has no parameter '__class__'"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(create_app(Store(tmp_path_factory.mktemp("runs")))) as client:
        yield client


@pytest.mark.parametrize("body, field, words", BAD, ids=[body[:50] for body, _, _ in BAD])
@pytest.mark.parametrize("path", ["flow", "marks", "chain", "save", "download?format=csv"])
def test_a_bad_value_is_one_sentence(client, path, body, field, words):
    if path == "save":
        body = '{"kind": "simulate", ' + body[1:]
    refused = client.post(f"/api/{path}", content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422
    answer = refused.json()
    assert words in answer["problem"]
    assert len(answer["problem"]) < 500
    assert "\n" not in answer["problem"]
    assert answer["field"] == field


@pytest.mark.parametrize("body, field, words", BAD, ids=[body[:50] for body, _, _ in BAD])
def test_code_needs_values_in_their_bounds_only(client, body, field, words):
    """What has no start is no reason to refuse its text, and to try it elsewhere."""
    impossible = "semidefinite" in words or "for activation" in words
    assert client.post("/api/code", content=body).status_code == (200 if impossible else 422)


def test_the_page_is_told_every_parameter(client):
    about = client.get("/api/about").json()
    assert about["parameters"] == parameters()
    assert [told["name"] for told in about["parameters"]] == list(Problem.model_fields)
    for told in about["parameters"]:
        assert told["label"]
        assert told["help"].endswith(".")
        if told["choices"] is None:
            assert told["least"] <= told["default"] <= told["most"]
            for value in (told["least"], told["most"]):
                whole = Problem.model_fields[told["name"]].annotation is int
                Problem(**{told["name"]: int(value) if whole else value})
        else:
            assert told["default"] in told["choices"]
    labels = [told["label"] for told in about["parameters"]]
    assert len(set(labels)) == len(labels)  # controls are found by their labels


def test_about_says_what_the_server_does(client):
    about = client.get("/api/about").json()
    assert about["limits"]["body"] == 65536
    assert set(about) >= {"version", "torch", "store", "limits", "parameters", "ready"}
    json.dumps(about)


def test_the_bounds_are_those_of_the_sentence():
    with pytest.raises(ParameterError, match="The page takes numbers from 1 to 12; practicum solve and simulate take"):
        Problem(students=13)
    with pytest.raises(ParameterError, match="The page takes numbers above 0 to 1000"):
        Problem(learning_rate=0)

"""Prune: what the server answers is what the Python API says of the networks that practicum train writes."""

import contextlib
import json

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")
pytest.importorskip("torch", reason="networks need the extra [networks]")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from made_up_training import train_config
from practicum.cli import main
from practicum.data import images
from practicum.networks import ImageInputs, make_data
from practicum.pruning import (
    DPP,
    GreedyMAP,
    Importance,
    Magnitude,
    Random,
    SoftMagnitude,
    as_module,
    masked,
    reweight,
    select_edges,
    select_nodes,
)
from practicum.runs.execute import execute
from practicum.runs.store import Store
from practicum.web.app import create_app
from web.served import events, served
from web.trained_files import networks

STUDENT = {"source": "digits", "teacher_nodes": 6, "multiple": 2, "epochs": 3, "student_seed": 1}
FRACTIONS = [0.25, 0.5, 1.0]
QUESTION = {"student": STUDENT, "draws": 2, "used": 100, "prune_seed": 4, "fractions": FRACTIONS}
NODES = {"random": Random(), "importance": Importance(), "magnitude": Magnitude(), "dpp": DPP(), "greedy": GreedyMAP()}
EDGES = {"random": Random(), "magnitude": Magnitude(), "soft-magnitude": SoftMagnitude(), "dpp": DPP()}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def client(store):
    with served(create_app(store)) as client:
        yield client


@pytest.fixture(scope="module")
def by_hand(client, tmp_path_factory):
    code = client.post("/api/prune/code", json=QUESTION).json()
    return networks(tmp_path_factory.mktemp("by-hand"), code["toml"])


def asked(client, question):
    answer = client.post("/api/prune", json=question)
    assert answer.status_code == 200, answer.text
    name, result = events(client, answer.json()["job"])[-1]
    assert name == "done", result
    return result


def held_out():
    import torch

    return torch.from_numpy(images("digits", "test").flat().astype(float))


def seen():
    return make_data(ImageInputs(name="digits"), None, [1], 1442, 1).inputs[0, :100]


def expected(pair, unit, folds, selector):
    """The share of other answers and the squared difference, over fraction and draw; and the masks of the first."""
    teacher, student = pair
    network, used, test = as_module(student), seen(), held_out()
    wanted = teacher(test)[0]
    select = select_nodes if unit == "nodes" else select_edges
    wrong, squared, masks = [], [], []
    for fraction in FRACTIONS:
        found = select(network, "0", fraction, selector, used, seed=4, draws=2 if selector.drawn else 1)
        several = found if isinstance(found, list) else [found]
        outputs = [(reweight(network, one, used) if folds else masked(network, one))(test) for one in several]
        wrong.append([float((out.argmax(-1) != wanted.argmax(-1)).double().mean()) for out in outputs])
        squared.append([float((out - wanted).square().mean()) for out in outputs])
        masks.append(several[0].mask.numpy())
    return wrong, squared, masks


@pytest.mark.parametrize("unit", ["nodes", "edges"])
@pytest.mark.parametrize("folds", [True, False])
def test_the_errors_are_those_of_the_files_of_the_command_line(client, by_hand, unit, folds):
    result = asked(client, {**QUESTION, "unit": unit, "reweight": "least squares" if folds else "no"})
    selectors = NODES if unit == "nodes" else EDGES
    assert [*result["selectors"]] == [*selectors]
    for name, selector in selectors.items():
        wrong, squared, masks = expected(by_hand, unit, folds, selector)
        found = result["selectors"][name]
        np.testing.assert_allclose(found["wrong"], wrong, rtol=1e-12)
        np.testing.assert_allclose(found["squared"], squared, rtol=1e-9)
        if unit == "nodes":
            assert found["kept"] == [np.flatnonzero(mask).tolist() for mask in masks]
        else:
            assert found["edges"] == [int(mask.sum(1)[0]) for mask in masks]
    assert result["before"]["wrong"] == pytest.approx(result["selectors"]["random"]["wrong"][-1][0])
    # Power: without the fit, or with it, the numbers are others.
    other, _, _ = expected(by_hand, unit, not folds, Random())
    assert np.abs(np.subtract(other, result["selectors"]["random"]["wrong"]))[0].max() > 0.01


def correlations(teacher, student):
    """Of hidden nodes on the test pictures, (teacher, student); 0 where a node is constant."""
    x = held_out()
    ours, theirs = (as_module(network)[:-1](x).detach().numpy() for network in (student, teacher))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.corrcoef(theirs.T, ours.T)[: theirs.shape[1], theirs.shape[1] :]
    return np.nan_to_num(rho)


def test_survivors_serve_the_teacher_nodes_that_they_resemble_most(client, by_hand):
    result = asked(client, QUESTION)
    rho = correlations(*by_hand)
    varies = np.abs(rho).max(0) > 0
    before = result["before"]
    np.testing.assert_array_equal(before["serves"], np.where(varies, rho.argmax(0), -1))
    np.testing.assert_allclose(before["alignment"], np.where(varies, rho.max(0), 0), atol=1e-9)
    assert result["teachers"] == 6
    assert result["nodes"] == 12
    # Power: nodes of the other network would serve otherwise.
    assert (np.roll(rho, 1, axis=0).argmax(0) != before["serves"]).any()


def test_of_edges_the_resemblance_is_that_of_what_is_left(client):
    result = asked(client, {**QUESTION, "unit": "edges", "selectors": ["magnitude"], "reweight": "no"})
    found = result["selectors"]["magnitude"]
    assert found["edges"] == [16, 32, 64]
    np.testing.assert_array_equal(found["serves"][-1], result["before"]["serves"])
    np.testing.assert_allclose(found["alignment"][-1], result["before"]["alignment"], atol=1e-9)
    assert np.abs(np.subtract(found["alignment"][0], result["before"]["alignment"])).max() > 0.02


@pytest.mark.parametrize("changes", [{}, {"unit": "edges", "reweight": "no", "selectors": ["random", "dpp"]}])
def test_the_copied_python_gives_the_same(client, changes, tmp_path):
    question = {**QUESTION, **changes}
    code = client.post("/api/prune/code", json=question).json()
    networks(tmp_path, code["toml"])
    space = {}
    with contextlib.chdir(tmp_path):
        exec(compile(code["python"], "<the page>", "exec"), space)
    result = asked(client, question)
    assert len(space["errors"]) == len(result["selectors"]) * len(FRACTIONS)
    for (name, fraction), errors in space["errors"].items():
        np.testing.assert_allclose(errors, result["selectors"][name]["wrong"][FRACTIONS.index(fraction)], rtol=1e-12)


def test_the_copied_commands_run(client, tmp_path, capsys):
    code = client.post("/api/prune/code", json={**QUESTION, "selectors": ["dpp", "greedy"]}).json()
    networks(tmp_path, code["toml"])
    capsys.readouterr()
    _, *commands = code["command"].strip().splitlines()
    assert len(commands) == 2
    for command in commands:
        with contextlib.chdir(tmp_path), pytest.raises(SystemExit) as ended:
            main([*command.split()[1:], "--json"])
        assert ended.value.code == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["kept"], told["of"], told["reweighted"]) == (6, 12, True)


def test_a_student_of_regression_is_measured_by_squares(client, store, tmp_path):
    from practicum.networks import BalancedTeacher

    config = train_config(teacher=BalancedTeacher(inputs=6, hidden=(4, 3), outputs=1, samples=200), seeds=1)
    store.put(config, execute(config))
    student = {"source": "run", "run": config.id}
    result = asked(client, {**QUESTION, "student": student, "layer": 2, "used": 20})
    assert result["classes"] is False
    assert (result["layer"], result["teachers"], result["nodes"]) == (2, 3, 6)
    assert result["before"]["squared"] == pytest.approx(result["selectors"]["dpp"]["squared"][-1][0], rel=1e-6)
    code = client.post("/api/prune/code", json={**QUESTION, "student": student, "layer": 2, "used": 20}).json()
    networks(tmp_path, code["toml"])
    space = {}
    with contextlib.chdir(tmp_path):
        exec(compile(code["python"], "<the page>", "exec"), space)
    for (name, fraction), errors in space["errors"].items():
        np.testing.assert_allclose(errors, result["selectors"][name]["squared"][FRACTIONS.index(fraction)], rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"layer": 2}, "layer", "1 hidden layer"),
        ({"selectors": ["dpq"]}, "selectors", "Did you mean 'dpp'?"),
        ({"unit": "edges", "selectors": ["importance"]}, "selectors", "of edges"),
        ({"fractions": [0.5, 0]}, "fractions", "above 0"),
        ({"fractions": []}, "fractions", "at least 1"),
        ({"fractions": [0.5] * 21}, "fractions", "at most 20"),
        ({"unit": "edges", "student": {"source": "mnist"}}, "draws", "others wait"),
        ({"draws": 51}, "draws", "practicum prune"),
    ],
)
def test_what_cannot_be_pruned_is_refused_with_a_sentence(client, changes, field, words, monkeypatch):
    monkeypatch.setattr("practicum.web.students.sets", lambda: dict.fromkeys(("digits", "mnist", "fashion-mnist"), ""))
    answer = client.post("/api/prune", json={**QUESTION, **changes})
    assert answer.status_code == 422, answer.text
    told = answer.json()
    assert words in told["problem"]
    assert told["field"] == field

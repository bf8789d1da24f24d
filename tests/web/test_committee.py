"""A committee machine on the page: its expected errors are the theory's, and what is measured scatters around them."""

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum import pruned
from practicum.runs.store import Store
from practicum.web.app import create_app
from practicum.web.committee import chosen, trained
from practicum.web.prune import PruneQuestion
from practicum.web.students import StudentQuestion
from web.served import events, served

STUDENT = {"source": "committee", "teacher_nodes": 2, "multiple": 2, "student_seed": 3}
DRAWS = 50
THEORY = ("random", "importance", "dpp")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(create_app(Store(tmp_path_factory.mktemp("runs")))) as client:
        yield client


class Silent:
    """A job that nobody listens to."""

    def tell(self, *_):
        pass

    def check(self, *_):
        pass


@pytest.fixture(scope="module")
def parameters():
    return trained(StudentQuestion(**STUDENT), Silent())


def asked(client, **question):
    answer = client.post("/api/prune", json={"student": STUDENT, "draws": DRAWS, **question})
    assert answer.status_code == 200, answer.text
    name, result = events(client, answer.json()["job"])[-1]
    assert name == "done", result
    return result


@pytest.mark.parametrize(("word", "refit"), [("no", "none"), ("least squares", "fuse")])
def test_the_theory_is_that_of_the_python_api_and_the_draws_scatter_around_it(client, parameters, word, refit):
    result = asked(client, reweight=word)
    assert result["fractions"] == [0.25, 0.5, 0.75, 1.0]
    for name in THEORY:
        wanted = [pruned.node_error(parameters, k, name, refit=refit, kernel="divnet") for k in range(1, 5)]
        found = result["selectors"][name]
        np.testing.assert_allclose(found["theory"], wanted, rtol=1e-9, atol=1e-12)
        draws = np.array(found["squared"])
        error = draws.std(1, ddof=1) / np.sqrt(DRAWS) if draws.shape[1] > 1 else np.zeros(4)
        assert (np.abs(draws.mean(1) - wanted) <= 4.5 * error + 1e-9).all()
        # Power: the errors of one node more are not these.
        assert (np.abs(draws.mean(1)[:-1] - wanted[1:]) > 4.5 * error[:-1] + 1e-9).any()
    assert result["selectors"]["greedy"]["theory"] is None
    assert result["before"]["squared"] == pytest.approx(pruned.subset_error(parameters, np.ones(4, bool)))


def test_every_draw_is_the_error_of_the_nodes_that_it_keeps(client, parameters):
    result = asked(client, reweight="no", prune_seed=2)
    masks = chosen(parameters, PruneQuestion(draws=DRAWS, prune_seed=2))
    for name, found in result["selectors"].items():
        for k, (kept, errors) in enumerate(zip(found["kept"], found["squared"], strict=True), start=1):
            assert len(kept) == k
            assert errors[0] == pytest.approx(pruned.subset_error(parameters, kept), rel=1e-12)
            assert np.flatnonzero(masks[name][k - 1, 0]).tolist() == kept


def test_nodes_serve_the_teacher_node_that_they_overlap_with_most(client, parameters):
    before = asked(client)["before"]
    rho = np.abs(parameters.R) / np.sqrt(np.diag(parameters.Q))[:, None]  # teacher nodes have length 1
    assert before["serves"] == rho.argmax(1).tolist()
    np.testing.assert_allclose(before["alignment"], rho.max(1))
    assert set(before["serves"]) == {0, 1}


def test_the_copied_python_gives_the_same_theory(client):
    code = client.post("/api/prune/code", json={"student": STUDENT}).json()
    assert code["command"] == code["toml"] == ""
    space = {}
    exec(compile(code["python"], "<the page>", "exec"), space)
    theory = space["theory"].generalization_error.isel(refit=0)
    result = asked(client)
    for name in THEORY:
        np.testing.assert_array_equal(theory.sel(selector=f"{name}_node"), result["selectors"][name]["theory"])


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"unit": "edges"}, "unit", "edge_error"),
        ({"layer": 2}, "layer", "only one"),
        ({"student": {**STUDENT, "multiple": 5}}, "teacher_nodes", "all subsets"),
        ({"student": {**STUDENT, "multiple": 13}, "reweight": "no"}, "teacher_nodes", "at most 24"),
        ({"selectors": ["dp"]}, "selectors", "Did you mean"),
    ],
)
def test_what_cannot_be_pruned_is_refused_with_a_sentence(client, changes, field, words):
    answer = client.post("/api/prune", json={"student": STUDENT, **changes})
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert words in answer.json()["problem"]


def test_it_can_neither_be_attacked_nor_stored(client):
    for path, body in (("/api/attack", {"student": STUDENT}), ("/api/students/save", STUDENT)):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "source")


def test_it_needs_no_torch(client, monkeypatch):
    from practicum.web import students

    real = students.find_spec
    monkeypatch.setattr(students, "find_spec", lambda name: None if name == "torch" else real(name))
    assert client.get("/api/students").json()["problem"] is not None
    assert asked(client)["nodes"] == 4

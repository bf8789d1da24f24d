"""Attack: what the server answers is what the Python API says of the networks that practicum train writes."""

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
from practicum.networks import LowRankInputs, SeparatedTeacher
from practicum.robustness import PGD, robust_errors
from practicum.runs.checkpoints import save_trained
from practicum.runs.execute import execute
from practicum.runs.store import Store
from practicum.web import students as choosing
from practicum.web.app import create_app
from practicum.web.limits import Limits
from practicum.web.students import StudentQuestion, config_of
from practicum.web.trained import Students
from web.served import events, served
from web.trained_files import networks

STUDENT = {"source": "digits", "teacher_nodes": 6, "multiple": 2, "epochs": 3, "student_seed": 2}
QUESTION = {"student": STUDENT, "samples": 40, "radii": 4, "most": 1.2, "steps": 5, "rank": 9, "attack_seed": 3}
EPSILONS = [0.0, 0.4, 0.8, 1.2]
ERRORS = ["fixed_label_error", "oracle_error", "margin_gated_oracle_error"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def client(store):
    with served(create_app(store)) as client:
        yield client


@pytest.fixture(scope="module")
def code(client):
    return client.post("/api/attack/code", json=QUESTION).json()


@pytest.fixture(scope="module")
def by_hand(code, tmp_path_factory):
    return networks(tmp_path_factory.mktemp("by-hand"), code["toml"])


def asked(client, question):
    """The result of a job, and what was told on the way."""
    answer = client.post("/api/attack", json=question)
    assert answer.status_code == 200, answer.text
    told = events(client, answer.json()["job"])
    name, result = told[-1]
    assert name == "done", result
    return result, told


@pytest.fixture(scope="module")
def result(client):
    return asked(client, QUESTION)[0]


def pixels(split="test"):
    return images("digits", split).flat().astype(float)


def expected(pair, **changes):
    teacher, student = pair
    attack = PGD(norm="l2", steps=5, box=(0.0, 1.0))
    given = {"teacher": teacher, "attack": attack, "kinds": ERRORS, "clean": True, "seed": 3, **changes}
    return robust_errors(student, pixels()[:40], EPSILONS, **given)


def test_the_errors_are_those_of_the_files_of_the_command_line(result, by_hand):
    assert result["epsilon"] == EPSILONS
    found = expected(by_hand)
    for name in ERRORS:
        np.testing.assert_array_equal(result["errors"][name]["values"], found[name].values[:, 0])
    assert result["margin"] == found.margin_gated_oracle_error.attrs["margin"]
    assert result["errors"]["fixed_label_error"]["values"][-1] > result["errors"]["fixed_label_error"]["values"][0]
    # Power: an attack of one step is another one, and is seen.
    weaker = expected(by_hand, attack=PGD(norm="l2", steps=1, box=(0.0, 1.0)))
    assert any((weaker[name].values[:, 0] != result["errors"][name]["values"]).any() for name in ERRORS)


def test_the_copied_python_gives_the_same(result, code, by_hand, tmp_path):
    networks(tmp_path, code["toml"])
    space = {}
    with contextlib.chdir(tmp_path):
        exec(compile(code["python"], "<the page>", "exec"), space)
    for name in ERRORS:
        np.testing.assert_array_equal(space["errors"][name].values[:, 0], result["errors"][name]["values"])


def test_the_copied_command_gives_the_same(result, code, tmp_path, capsys):
    networks(tmp_path, code["toml"])
    capsys.readouterr()
    _, command = code["command"].strip().splitlines()
    with contextlib.chdir(tmp_path), pytest.raises(SystemExit) as ended:
        main([*command.split()[1:], "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["epsilon"] == EPSILONS
    for name in ERRORS:
        assert told["errors"][name]["mean"] == result["errors"][name]["values"]


@pytest.mark.parametrize("side", ["inside", "outside"])
@pytest.mark.parametrize("stored", [False, True])
def test_the_copied_python_of_a_side_gives_the_same(client, store, side, stored, tmp_path):
    question = {**QUESTION, "side": side}
    if stored:
        teacher = SeparatedTeacher(inputs=6, hidden=3, outputs=4)
        config = train_config(teacher=teacher, inputs=LowRankInputs(dimension=6, rank=2), seeds=1)
        store.put(config, execute(config))
        question |= {"student": {"source": "run", "run": config.id}}
    code = client.post("/api/attack/code", json=question).json()
    networks(tmp_path, code["toml"])
    space = {}
    with contextlib.chdir(tmp_path):
        exec(compile(code["python"], "<the page>", "exec"), space)
    result, _ = asked(client, question)
    for name in ERRORS:
        np.testing.assert_array_equal(space["errors"][name].values[:, 0], result["errors"][name]["values"])


def test_what_a_settings_file_cannot_say_is_said(client, store):
    config = train_config(seeds=1)  # its teacher has no bias of the outputs, and TOML has no word for that
    store.put(config, execute(config))
    code = client.post("/api/attack/code", json={"student": {"source": "run", "run": config.id}}).json()
    assert code["toml"].startswith("# A settings file cannot say all of this training")


@pytest.mark.parametrize("student", [{"regime": "adversarial"}, {"regime": "noise", "strength": 0.1}, {"epochs": 7}])
def test_the_settings_file_is_the_same_training(client, store, student, tmp_path):
    from practicum.runs.train_settings import training_configuration

    told = client.post("/api/attack/code", json={"student": student}).json()["toml"]
    (tmp_path / "student.toml").write_text(told)
    config = config_of(StudentQuestion(**student), store, Limits())
    assert training_configuration(tmp_path / "student.toml").id == config.id


def test_the_parts_of_a_perturbation_add_up_and_are_orthogonal(result, by_hand):
    assert result["subspace"] == 9
    # The subspace by another way: a singular value decomposition of the centred pictures.
    train = pixels("train")
    _, _, directions = np.linalg.svd(train - train.mean(0), full_matrices=False)
    onto = directions[:9].T @ directions[:9]
    found = expected(by_hand, kinds=["fixed_label_error"], perturbed=True).fixed_label_inputs.values[:, 0]
    for picture in result["pictures"]:
        clean = pixels()[picture["number"]]
        np.testing.assert_allclose(picture["input"], clean, atol=1e-4)
        for k, epsilon in enumerate(EPSILONS):
            inside, outside = np.array(picture["inside"][k]), np.array(picture["outside"][k])
            change = found[k, picture["number"]] - clean
            np.testing.assert_allclose(inside + outside, change, atol=2e-4)
            np.testing.assert_allclose(inside, onto @ change, atol=2e-4)
            assert np.linalg.norm(change) <= epsilon + 1e-9
    changes = found - pixels()[:40]
    share = np.square(changes - changes @ onto).sum((1, 2))[1:] / np.square(changes).sum((1, 2))[1:]
    np.testing.assert_allclose(result["outside_share"][1:], share, rtol=1e-9)
    # Power: another subspace splits otherwise.
    other = directions[:8].T @ directions[:8]
    assert abs(np.square(changes - changes @ other).sum() / np.square(changes).sum() - share[-1]) > 1e-3


def test_the_answers_are_those_of_both_networks(result, by_hand):
    import torch

    teacher, student = by_hand
    found = torch.from_numpy(
        expected(by_hand, kinds=["fixed_label_error"], perturbed=True).fixed_label_inputs.values[:, 0]
    )
    theirs, ours = (
        network(found.reshape(1, -1, 64)).argmax(-1).reshape(4, 40).numpy() for network in (teacher, student)
    )
    labels = images("digits", "test").labels
    assert len(result["pictures"]) > 3
    for picture in result["pictures"]:
        number = picture["number"]
        assert picture["label"] == labels[number]
        assert picture["teacher"] == theirs[:, number].tolist()
        assert picture["student"] == ours[:, number].tolist()
        assert picture["student"][0] == picture["teacher"][0]  # nobody starts fooled
        assert picture["student"][-1] != picture["teacher"][0]  # and all are in the end
    np.testing.assert_allclose(result["teacher_changes"], (theirs != theirs[0]).mean(1))


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_a_side_leaves_the_other_alone(client, side):
    result, _ = asked(client, {**QUESTION, "side": side})
    other = {"inside": "outside", "outside": "inside"}[side]
    assert f"side='{side}'" in result["attack"]
    for picture in result["pictures"]:
        assert np.abs(picture[other]).max() < 1e-4
    assert max(np.abs(picture[side]).max() for picture in result["pictures"]) > 0.05


def test_a_trained_student_is_kept_and_not_trained_again(client):
    student = {**STUDENT, "epochs": 4}
    stages = [
        {
            data["stage"]
            for name, data in asked(client, {**QUESTION, "student": student, "norm": norm})[1]
            if name == "progress"
        }
        for norm in ("l2", "linf")
    ]
    assert "The student learns" in stages[0]
    assert stages[1] == {"The attack"}


class Silent:
    """A job that nobody listens to."""

    def tell(self, *_):
        pass

    def check(self, *_):
        pass


def test_only_a_few_students_are_kept(store):
    kept = Students(2)
    configs = [
        config_of(StudentQuestion(**{**STUDENT, "epochs": 1, "student_seed": k}), store, Limits()) for k in range(3)
    ]
    first = kept.of(configs[0], Silent())
    assert kept.of(configs[0], Silent()) is first
    for config in configs[1:]:
        kept.of(config, Silent())
    assert len(kept._pairs) == 2
    assert kept.of(configs[0], Silent()) is not first


def test_of_a_stored_run_one_seed_is_trained_to_the_same_bits(store, client, tmp_path):
    config = train_config(inputs=LowRankInputs(dimension=6, rank=2))
    last = []
    store.put(config, execute(config, save=last.append))
    save_trained(config, last[-1], tmp_path)
    from practicum.runs import load_network

    listed = {run["id"]: run for run in client.get("/api/students").json()["runs"]}
    assert listed[config.id]["problem"] is None
    assert "6 low-rank inputs" in listed[config.id]["label"]
    question = StudentQuestion(source="run", run=config.id, student_seed=2)
    pair = Students(1).of(config_of(question, store, Limits()), Silent())
    for ours, file in ((pair.student, "students"), (pair.teacher, "teacher")):
        wanted = load_network(tmp_path / f"{file}.safetensors").double().select([2])
        for key, value in wanted.state_dict().items():
            np.testing.assert_array_equal(ours.state_dict()[key], value)
    result, _ = asked(
        client, {"student": question.model_dump(), "samples": 20, "radii": 3, "steps": 3, "side": "outside"}
    )
    assert result["subspace"] == 2
    assert result["pictures"] == []
    assert result["outside_share"][-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"student": {"source": "run", "run": "../../../etc/passwd"}}, "run", "id of a stored run"),
        ({"student": {"source": "run", "run": "0123456789abcdef"}}, "run", "id of a stored run"),
        ({"student": []}, None, "must be an object"),
        ({"student": {"epoch": 3}}, None, "no parameter 'epoch'"),
        ({"student": {**STUDENT, "teacher_nodes": 0}}, "teacher_nodes", "practicum train"),
        ({"rank": 64}, "rank", "outside"),
        ({"radii": 1}, "radii", "practicum attack"),
        ({"steps": 500, "samples": 1000, "student": {"multiple": 16, "teacher_nodes": 200}}, "samples", "radii"),
        ({"attack": "magic"}, "attack", "'apgd'"),
    ],
)  # fmt: skip
def test_what_cannot_be_attacked_is_refused_with_a_sentence(client, changes, field, words):
    answer = client.post("/api/attack", json={**QUESTION, **changes})
    assert answer.status_code == 422
    told = answer.json()
    assert words in told["problem"]
    if field is not None:
        assert told["field"] == field


def test_other_runs_are_not_students(store, client):
    from practicum import Committee, LearningRule, OrderParameters, solve
    from practicum.runs import SolveConfig

    start = OrderParameters.random(2, 2, seed=0)
    config = SolveConfig(
        machine=Committee(students=2, teachers=2), rule=LearningRule(learning_rate=0.1), start=start, until=1.0
    )
    store.put(config, solve(config.machine, config.rule, config.start, config.until))
    answer = client.post("/api/attack", json={"student": {"source": "run", "run": config.id}})
    assert answer.status_code == 422
    assert "'solve'" in answer.json()["problem"]
    large = train_config(samples=10_000, training={**train_config().training.model_dump(), "epochs": 10**7})
    assert "products" in choosing.why_not(large, Limits())


def test_without_torch_the_page_says_what_to_install(client, monkeypatch):
    real = choosing.find_spec
    monkeypatch.setattr(choosing, "find_spec", lambda name: None if name in ("torch", "sklearn") else real(name))
    told = client.get("/api/students").json()
    assert "practicum[networks]" in told["problem"]
    assert "practicum[data]" in told["sets"]["digits"]
    answer = client.post("/api/attack", json=QUESTION)
    assert (answer.status_code, "practicum[networks]" in answer.json()["problem"]) == (422, True)


def test_images_that_are_not_here_are_never_fetched(client, monkeypatch, tmp_path):
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path))
    monkeypatch.setattr("practicum.data.sources.DEBIAN", tmp_path / "nothing")
    monkeypatch.setattr("practicum.data.sources._fetched", lambda *_: pytest.fail("the page fetches images"))
    assert "PRACTICUM_DATA" in client.get("/api/students").json()["sets"]["mnist"]
    answer = client.post("/api/attack", json={**QUESTION, "student": {"source": "mnist"}})
    assert answer.status_code == 422
    assert "mnist" in answer.json()["problem"]


def test_a_student_can_be_stored(client, store):
    run = client.post("/api/students/save", json={**STUDENT, "epochs": 1}).json()["run"]
    config = config_of(StudentQuestion(**{**STUDENT, "epochs": 1}), store, Limits())
    assert run == config.id
    expected = execute(config)
    np.testing.assert_array_equal(store.load(run).loss, expected.loss)

"""The API of Specialize tells the numbers of the Python API while they come, and changes none of them."""

import io
import json
import shlex
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the page needs the extra [web]")
pytest.importorskip("torch", reason="students are trained with PyTorch")

from practicum import ParameterError, train
from practicum.cli import main
from practicum.networks import (
    BalancedTeacher,
    GaussianInputs,
    SeparatedTeacher,
    Students,
    Training,
    fit,
    make_data,
)
from practicum.runs.execute import execute
from practicum.runs.store import Store
from practicum.runs.train_settings import training_configuration
from practicum.runs.training import TrainConfig
from practicum.web.app import create_app
from practicum.web.frames import Film
from practicum.web.limits import Limits
from practicum.web.problems import parameters
from practicum.web.training_code import training_code
from practicum.web.trainings import SmallTraining
from web.served import events, served

PLANE = {"epochs": 8, "samples": 200, "training_seed": 3}
DEEP = {"inputs": 4, "layers": 2, "hidden": 3, "multiple": 2, "examples": "online", "epochs": 5, "samples": 100}
LONG = {"inputs": 6, "epochs": 101, "samples": 20, "learning_rate": 0.1, "decay": 0.0}
TRAININGS = {"plane": PLANE, "deep": DEEP, "long": LONG}
DIVERGING = {**PLANE, "learning_rate": 50.0}
KEPT = ("activity", "alignment", "fan_out", "rho")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def client(store):
    with served(create_app(store)) as client:
        yield client


def parts(asked):
    """Teacher, students, inputs and training, written as the documentation of Python writes them."""
    get = {"inputs": 2, "hidden": 5, "multiple": 4, "decay": 0.5, "learning_rate": 0.01, **asked}.get
    d, m, p = get("inputs"), get("hidden"), get("decay")
    if get("layers", 1) == 1:
        teacher = SeparatedTeacher(inputs=d, hidden=m, outputs=20, decay=p, bias=-0.7)
    else:
        teacher = BalancedTeacher(inputs=d, hidden=(m,) * get("layers"), outputs=20, decay=p)
    training = Training(
        learning_rate=get("learning_rate"), epochs=get("epochs"), regenerate=get("examples") == "online"
    )
    return teacher, Students(multiple=get("multiple")), GaussianInputs(dimension=d), training


def by_hand(asked, **changes):
    every = -(-asked["epochs"] // 100)
    given = {"seeds": [asked.get("training_seed", 0)], "samples": asked["samples"], "held_out": 1000, **changes}
    return train(*parts(asked), keep=KEPT, observe_at=every, **given)


def told(client, asked):
    """What does not move, the frames, and the end."""
    (first, still), *frames, end = events(client, client.post("/api/train", json=asked).json()["job"])
    assert first == "begin"
    assert {name for name, _ in frames} == {"frame"}
    return still, [frame for _, frame in frames], end


def same(frames, run):
    """Whether frames hold the numbers of a training, all digits of float32 and nine of a double."""
    rho = np.array([frame["rho"] for frame in frames], dtype=np.float32)
    if not np.array_equal(rho, run["rho"].values[:, 0], equal_nan=True):
        return False
    return all(
        np.allclose(
            np.array([frame[name] for frame in frames], dtype=float), run[name].values[:, 0], rtol=1e-8, equal_nan=True
        )
        for name in ("loss", "training_loss", "coverage", "fan_out", "activity")
    )


@pytest.mark.parametrize("name", TRAININGS)
def test_the_frames_are_what_train_sees(client, name):
    asked = TRAININGS[name]
    run = by_hand(asked)
    still, frames, end = told(client, asked)
    assert end == ("done", {"status": "ok", "diverged_at": -1})
    assert [frame["epoch"] for frame in frames] == still["epochs"] == run["epoch"].values.tolist()
    assert [frame["step"] for frame in frames] == run["step"].values.tolist()
    assert (still["layers"], still["teachers"], still["students"]) == tuple(
        run.sizes[dimension] for dimension in ("layer", "teacher", "student")
    )
    assert same(frames, run)
    # Power: another seed, or a learning rate one rounding away, would be noticed.
    assert not same(frames, by_hand(asked, seeds=[77]))
    nudged = {**asked, "learning_rate": 1.001 * asked.get("learning_rate", 0.01)}
    assert not same(frames, by_hand(nudged))


def test_lines_are_the_weights_that_fit_leaves(client):
    teacher, students, law, training = parts(PLANE)
    seeds = [PLANE["training_seed"]]
    fixed = teacher.build(seeds, law=law, dtype="float32")
    networks = students.build(fixed, seeds, dtype="float32")
    before = [networks.weights[0][0].detach().numpy().copy(), networks.biases[0][0].detach().numpy().copy()]
    data = make_data(law, fixed, seeds, PLANE["samples"], 1000, dtype="float32")
    fit(fixed, networks, data, training, seeds=seeds, observe_at=8)
    after = [networks.weights[0][0].detach().numpy(), networks.biases[0][0].detach().numpy()]
    still, frames, _ = told(client, PLANE)
    for frame, (weights, biases) in ((frames[0], before), (frames[-1], after)):
        assert np.array_equal(np.array(frame["weights"], np.float32), weights)
        assert np.array_equal(np.array(frame["biases"], np.float32), biases)
    assert not np.array_equal(np.array(frames[0]["weights"], np.float32), after[0])  # power
    assert np.array_equal(np.array(still["weights"], np.float32), fixed.weights[0][0].numpy())
    assert np.array_equal(np.array(still["biases"], np.float32), fixed.biases[0][0].numpy())
    assert np.array_equal(np.array(still["points"], np.float32), data.held_out[0, :200].numpy())
    strength = np.linalg.norm(fixed.weights[1][0].numpy(), axis=0)
    np.testing.assert_allclose(still["strength"], [strength], rtol=1e-6)


def test_watching_changes_no_bit():
    config = SmallTraining(**DEEP).config()
    assert execute(config, save=Film(config, lambda *_: None).begin()).identical(execute(config))


def test_lines_are_told_for_two_inputs_only(client):
    still, frames, _ = told(client, DEEP)
    assert not {"weights", "biases", "points"} & {*still, *frames[0]}


def test_a_student_that_diverges_is_told_as_unknown(client):
    _, frames, (end, result) = told(client, DIVERGING)
    run = by_hand(DIVERGING)
    assert (end, result["status"]) == ("done", "diverged")
    assert result["diverged_at"] == int(run["diverged_at"][0]) > 0
    assert frames[0]["loss"] is not None
    assert frames[-1]["loss"] is None
    assert frames[-1]["rho"][0][0][0] is None
    assert frames[-1]["weights"][0] == [None, None]
    assert same(frames, run)


def test_a_training_is_cancelled(client):
    job = client.post("/api/train", json={"epochs": 1000, "samples": 10000}).json()["job"]
    with client.stream("GET", f"/api/jobs/{job}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: frame"):
                client.delete(f"/api/jobs/{job}")
            if line.startswith("data: ") and "cancelled" in line:
                assert json.loads(line.removeprefix("data: "))["problem"] == "The job was cancelled."
                return
    pytest.fail("the training went on")


def test_a_saved_training_is_the_run_of_the_command(client, store, tmp_path, capsys):
    run = client.post("/api/train/save", json=DEEP).json()["run"]
    assert run in store.ids()
    command = client.post("/api/train/code", json=DEEP).json()["command"]
    elsewhere = Store(tmp_path / "runs")
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(command)[1:], "--store", str(elsewhere.folder), "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["id"] == run
    assert (elsewhere.folder / f"{run}.nc").read_bytes() == (store.folder / f"{run}.nc").read_bytes()


def test_the_file_holds_the_training(client):
    import xarray as xr

    sent = client.post("/api/train/download?format=nc", json=DEEP)
    assert f"{SmallTraining(**DEEP).config().id}.nc" in sent.headers["content-disposition"]
    with xr.open_dataset(io.BytesIO(sent.content), engine="h5netcdf") as dataset:
        assert dataset.load().drop_encoding().equals(by_hand(DEEP))
    refused = client.post("/api/train/download?format=csv", json=DEEP)
    assert refused.status_code == 422
    assert "must be one of nc. Got 'csv'" in refused.json()["problem"]


def test_the_python_text_computes_the_same_run():
    found: dict = {}
    exec(training_code(SmallTraining(**PLANE).config())["python"], found)
    assert found["run"].identical(by_hand(PLANE))


ANY = st.builds(
    SmallTraining,
    inputs=st.integers(2, 20),
    layers=st.integers(1, 3),
    hidden=st.integers(2, 20),
    multiple=st.integers(1, 20),
    decay=st.just(0.0) | st.floats(0, 4),
    learning_rate=st.floats(1e-9, 100),
    batch_size=st.integers(1, 1000),
    examples=st.sampled_from(["fixed", "online"]),
    samples=st.integers(10, 20_000),
    epochs=st.integers(1, 1000),
    training_seed=st.integers(0, 2**53 - 1),
    threshold=st.floats(0, 0.999),
)


@given(training=ANY)
@settings(max_examples=30)
def test_three_spellings_one_run(training, tmp_path_factory):
    """Whatever numbers are in a training, its texts name the same run."""
    config = training.config()
    texts = training_code(config)
    file = tmp_path_factory.mktemp("spelt") / "training.toml"
    file.write_text(texts["toml"])
    assert training_configuration(file).id == config.id
    words = shlex.split(texts["command"])
    assert words[:2] == ["practicum", "train"]
    assert training_configuration(None, [word for word in words if "=" in word]).id == config.id
    asked: list = []
    lines = texts["python"].replace("from practicum import train\n", "")
    exec(lines, {"train": lambda *values, **rest: asked.append((values, rest))})
    ((values, rest),) = asked
    names = ("teacher", "students", "inputs", "training")
    assert TrainConfig(**dict(zip(names, values)), **rest).id == config.id


BAD = [
    ({"inputs": 1}, "inputs", ">= 2. Got 1 instead. The page takes numbers from 2 to 20; practicum train takes larger"),
    ({"inputs": 21}, "inputs", "must be <= 20"),
    ({"layers": 4}, "layers", "must be <= 3"),
    ({"hidden": 2.5}, "hidden", "must be a whole number"),
    ({"hidden": 21}, "hidden", "must be <= 20"),
    ({"multiple": 0}, "multiple", "must be >= 1"),
    ({"decay": -1}, "decay", "must be >= 0"),
    ({"learning_rate": 0}, "learning_rate", "must be > 0"),
    ({"learning_rate": "fast"}, "learning_rate", "must be a number"),
    ({"batch_size": 0}, "batch_size", "must be >= 1"),
    ({"examples": "all"}, "examples", "must be one of 'fixed' or 'online'"),
    ({"samples": 1}, "samples", "must be >= 10"),
    ({"epochs": 1001}, "epochs", "must be <= 1000"),
    ({"training_seed": -1}, "training_seed", "must be >= 0"),
    ({"threshold": 1}, "threshold", "must be <= 0.999"),
    ({"lerning_rate": 3}, None, "has no parameter 'lerning_rate'"),
    ({"epochs": 1000, "samples": 20000, "hidden": 20, "multiple": 20}, "epochs", "and the page allows 1e+10"),
]


@pytest.mark.parametrize("body, field, words", BAD, ids=[str(body) for body, _, _ in BAD])
@pytest.mark.parametrize("path", ["", "/save", "/download?format=nc"])
def test_a_bad_value_is_one_sentence_beside_its_control(client, path, body, field, words):
    refused = client.post(f"/api/train{path}", json=body)
    assert refused.status_code == 422
    answer = refused.json()
    assert words in answer["problem"]
    assert "\n" not in answer["problem"]
    assert answer["field"] == field


def test_the_page_is_told_every_parameter(client):
    answer = client.get("/api/train/parameters").json()
    assert answer["problem"] is None
    assert answer["parameters"] == parameters(SmallTraining)
    assert [each["name"] for each in answer["parameters"]] == list(SmallTraining.model_fields)
    labels = [each["label"] for each in answer["parameters"]]
    assert len(set(labels)) == len(labels)
    for each in answer["parameters"]:
        assert each["help"].endswith(".")
        if each["choices"] is None:
            assert each["least"] <= each["default"] <= each["most"]
            for value in (each["least"], each["most"]):
                SmallTraining(**{each["name"]: value})


def test_the_defaults_and_the_sliders_are_within_the_bound():
    limits = Limits()
    SmallTraining().check(limits)
    SmallTraining(inputs=20, hidden=12, multiple=10, samples=10000).check(limits)
    with pytest.raises(ParameterError, match="takes epochs \\* samples \\* weights"):
        SmallTraining(inputs=20, hidden=12, multiple=10, layers=3, samples=10000).check(limits)


def test_without_torch_it_says_what_to_install(store, monkeypatch):
    for thread in threading.enumerate():
        if thread.name == "practicum-trainer":  # of another server, which has torch
            thread.join()
    monkeypatch.setitem(sys.modules, "torch", None)
    with served(create_app(store)) as client:
        sentence = client.get("/api/train/parameters").json()["problem"]
        assert "pip install 'practicum[networks]'" in sentence
        refused = client.post("/api/train", json={})
        assert refused.status_code == 422
        assert refused.json()["problem"] == sentence
        assert client.post("/api/train/code", json={}).status_code == 200  # a text can be taken elsewhere

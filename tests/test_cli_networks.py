"""Networks on the command line: train, specialization and batchnorm."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from data.cifar_files import batches, write_archive

torch = pytest.importorskip("torch")

from practicum.cli import main  # noqa: E402
from practicum.networks import Students  # noqa: E402
from practicum.runs import Store, load_network, save_network  # noqa: E402
from practicum.runs.checkpoints import about_network  # noqa: E402
from practicum.runs.execute import execute  # noqa: E402
from practicum.runs.train_settings import training_configuration  # noqa: E402

SETTINGS = ["inputs=6", "hidden=3", "outputs=4", "multiple=2", "epochs=4", "samples=40", "held_out=50", "seeds=3"]
SET = [word for setting in SETTINGS for word in ("--set", setting)]


def config(*more):
    return training_configuration(None, [*SETTINGS, *more])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PRACTICUM_RUNS", "PRACTICUM_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def practicum(here, capsys):
    """Call a command; returns exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return call


def test_train_prints_stores_and_names_the_run(practicum):
    code, out, err = practicum("train", *SET)
    assert (code, err) == (0, "")
    assert "median loss of 3 seeds" in out
    assert re.search(r"^ ?4 +0\.\d+ +[01]\.\d\d\d", out, re.M)
    assert "status: ok; a teacher node is covered if" in out
    path = f"practicum-runs/{config().id}.nc"
    assert re.search(rf"run {config().id}, computed in \d+\.\d s and stored: {path}\n$", out)
    assert Store().get(config())["loss"].equals(execute(config())["loss"])
    code, out, _ = practicum("train", *SET)
    assert out.endswith(f"run {config().id}, read from the store: {path}\n")
    code, out, _ = practicum("runs", "show", config().id)
    assert "median loss of 3 seeds" in out
    assert "students: " in out
    assert json.loads(practicum("runs", "show", config().id, "--json")[1])["final_loss"]
    _, out, _ = practicum("runs", "list")
    row = next(line for line in out.splitlines() if config().id in line)
    assert re.split(r"\s+", row.strip())[1:9] == ["train", "6", "3", "0.01", "6", "0-2", "4", "epochs"]
    assert practicum("runs", "verify")[:2] == (0, "1 of 1 runs in practicum-runs are whole.\n")
    assert practicum("report", "--output", "pages")[0] == 0
    assert "separated teacher of 3 nodes, students 2" in Path("pages/runs.html").read_text()


def test_train_json(practicum):
    code, out, err = practicum("train", *SET, "--json", "--set", "thresholds=[0.9, 0.95]")
    document = json.loads(out)
    data = execute(config("thresholds=[0.9, 0.95]"))
    assert (code, err) == (0, "")
    assert (document["epoch"], document["seeds"]) == ([0, 1, 2, 3, 4], [0, 1, 2])
    assert document["loss"] == pytest.approx(data["loss"].median("seed").values)
    assert document["final_loss"] == pytest.approx(data["loss"].values[-1])
    assert document["threshold"] == 0.9
    coverage = data["coverage"].sel(threshold=0.9).mean("seed").transpose("layer", "step")
    np.testing.assert_allclose(document["coverage"], coverage.values)
    assert (document["from_store"], document["resumed_at"], document["networks"]) == (False, 0, [])
    assert json.loads(practicum("train", *SET, "--json", "--set", "thresholds=[0.9, 0.95]")[1])["from_store"] is True


def test_a_file_and_deep_students(practicum, here):
    (here / "deep.toml").write_text(
        "seeds = 1\nsamples = 40\nheld_out = 50\n"
        "[teacher]\nkind = 'balanced'\ninputs = 5\nhidden = [4, 3]\noutputs = 2\n[training]\nepochs = 2\n"
    )
    code, out, err = practicum("train", "deep.toml")
    assert (code, err) == (0, "")
    for words in ("loss of seed 0", "coverage of layer 1", "coverage of layer 2"):
        assert words in out


def test_a_regime_by_name(practicum):
    """The same run as by settings; the networks of the files have the loss that it says."""
    more = ["--set", "epsilon=0.3", "--set", "regime.attack.steps=2", "--set", "labels=fixed"]
    code, out, err = practicum("train", *SET, "--regime", "adversarial", *more, "--networks", "nets")
    assert (code, err) == (0, "")
    told = config("regime.kind=adversarial", "regime.epsilon=0.3", "regime.attack={steps = 2}", "regime.labels=fixed")
    assert f"run {told.id}, computed" in out
    data = Store().get(told)
    assert not np.allclose(data["loss"].values[-1], execute(config())["loss"].values[-1], rtol=1e-3)
    assert '"regime":{"attack":' in data.attrs["config"]
    assert practicum("train", *SET, "--regime", "standard")[1].count(config().id) == 2
    code, out, err = practicum("train", *SET, "--regime", "adversary")
    assert (code, out) == (2, "")
    assert "Did you mean 'adversarial'?" in err
    code, out, err = practicum("train", *SET, "--regime", "trades", "--set", "epsilon=0.1")
    assert (code, out) == (2, "")
    assert "TRADES needs a training with loss 'cross-entropy' or 'kl'" in err


def test_seeds_that_diverge_are_counted(practicum):
    code, out, _ = practicum("train", *SET, "--set", "learning_rate=1e6", "--networks", "nets")
    assert code == 0
    assert "status: diverged" in out
    assert "Every seed diverged: a result" in out
    assert "Only 0 of 3 seeds are in the files" in out
    assert list(Path("nets").iterdir()) == []
    assert "nan" in out
    code, out, _ = practicum("train", *SET, "--set", "learning_rate=1e6", "--json")
    assert json.loads(out)["loss"][-1] is None


@pytest.mark.parametrize("known", [False, True], ids=["computed", "stored before"])
def test_networks_are_those_of_the_run(practicum, known):
    if known:
        practicum("train", *SET)
    code, out, err = practicum("train", *SET, "--networks", "nets")
    assert (code, err) == (0, "")
    assert out.endswith("networks: nets/teacher.safetensors\nnetworks: nets/students.safetensors\n")
    teacher, students = (load_network(f"nets/{name}.safetensors") for name in ("teacher", "students"))
    assert about_network("nets/students.safetensors")["run"] == config().id
    assert about_network("nets/students.safetensors")["seeds"] == [0, 1, 2]
    # The power: what the files compute must give the loss that the run has.
    from practicum.networks import make_data

    data = make_data(config().inputs, teacher, [0, 1, 2], 40, 50, dtype="float32")
    with torch.no_grad():
        loss = (students(data.held_out) - teacher(data.held_out)).square().mean((1, 2)).numpy()
    np.testing.assert_allclose(loss, Store().get(config())["loss"].values[-1], rtol=1e-5)
    assert len(list(Path("practicum-runs").iterdir())) == 1  # no checkpoint is left


def test_an_interrupted_training_goes_on(practicum, monkeypatch):
    from practicum.networks import training
    from practicum.runs import store

    monkeypatch.setattr(store, "SECONDS", 0.0)
    monkeypatch.setattr(Store.run, "__kwdefaults__", {"seconds": 0.0})
    advance = training.fit

    def stop(*arguments, save, **others):
        def count(state):
            save(state)
            if state.epoch == 2:
                raise KeyboardInterrupt

        return advance(*arguments, save=count, **others)

    def leave(code):
        raise SystemExit(code)

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", stop)
        patch.setattr(os, "_exit", leave)
        code, out, err = practicum("train", *SET)
        assert (code, out, err) == (130, "", "practicum: Interrupted; runs stored before are safe.\n")
    (left,) = Path("practicum-runs").iterdir()
    code, out, _ = practicum("runs", "verify")
    assert out.startswith("0 of 0 runs in practicum-runs are whole.\n1 of 1 checkpoints in practicum-runs are whole.\n")
    checks = {check["name"]: check for check in json.loads(practicum("doctor", "--json")[1])}
    assert checks["unfinished computations"]["found"] == f"{left.name} (2 epoch(s) done)"
    document = json.loads(practicum("train", *SET, "--json")[1])
    assert (document["resumed_at"], document["from_store"]) == (2, False)
    assert Store().get(config())["loss"].equals(execute(config())["loss"])
    assert "checkpoint" not in practicum("runs", "verify")[1]


@pytest.mark.filterwarnings("default::practicum.runs.resuming.CheckpointWarning")
def test_a_damaged_checkpoint_is_one_sentence_and_no_traceback(practicum):
    Path("practicum-runs").mkdir()
    path = Store().checkpoint(config()).path
    path.write_bytes(b"nonsense")
    checks = {check["name"]: check for check in json.loads(practicum("doctor", "--json")[1])}
    assert checks["unfinished computations"]["found"] == f"{path.name} (damaged)"
    code, _, err = practicum("train", *SET)
    assert code == 0
    assert re.fullmatch(
        r"practicum: The file .*\.checkpoint of an unfinished computation .* The computation starts over\.\n", err
    )


def write_networks(folder=Path()):
    teacher = config().teacher.build([0])
    students = Students(multiple=2).build(teacher, [0])
    # Two students are copies of teacher nodes, one of them twice as steep.
    students.weights[0].data[0, 1] = teacher.weights[0][0, 0]
    students.biases[0].data[0, 1] = teacher.biases[0][0, 0]
    students.weights[0].data[0, 4] = 2 * teacher.weights[0][0, 2]
    students.biases[0].data[0, 4] = 2 * teacher.biases[0][0, 2]
    return save_network(teacher, folder / "t"), save_network(students, folder / "s")


def test_specialization_finds_who_resembles_whom(practicum):
    files = write_networks()
    code, out, err = practicum("specialization", *files, "--data", "gaussian:6", "--scale", "1.5")
    assert (code, err) == (0, "")
    assert re.search(r"^ ?1 +0 +1 +1\.0000 +1 +1\.0000", out, re.M)
    assert re.search(r"^ ?1 +2 +4 +1\.0000 +4 +1\.0000", out, re.M)
    assert re.search(r"layer 1: coverage 0\.667 at 0\.95, .* of 6 students 2 are aligned, ", out)
    document = json.loads(practicum("specialization", *files, "--json", "--samples", "500")[1])
    ((layer,),) = document["networks"]
    assert [node["best_student"] for node in layer["teachers"]][::2] == [1, 4]
    assert layer["teachers"][0]["best_correlation"] == pytest.approx(1.0, abs=1e-12)
    assert [node["aligned"] for node in layer["students"]] == [False, True, False, False, True, False]
    assert (document["samples"], document["threshold"]) == (500, 0.95)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_specialization_on_inputs_from_a_file(practicum, ending):
    from practicum.specialization import compare

    files = write_networks()
    inputs = np.random.default_rng(1).normal(size=(300, 6))
    if ending == "npy":
        np.save("x.npy", inputs)
    else:
        np.savez("x.npz", inputs=inputs, labels=np.zeros(300))
    document = json.loads(practicum("specialization", *files, "--data", f"x.{ending}", "--json")[1])
    expected = compare(*(load_network(file) for file in files), inputs)
    ((layer,),) = document["networks"]
    found = [node["best_correlation"] for node in layer["teachers"]]
    np.testing.assert_allclose(found, expected["best_correlation"].values[0], rtol=1e-12)


def test_specialization_of_several_networks(practicum):
    practicum("train", *SET, "--networks", "nets")
    files = ["nets/teacher.safetensors", "nets/students.safetensors"]
    code, out, err = practicum("specialization", *files)
    assert (code, err) == (0, "")
    assert len(re.findall(r"^ ?[012] +1 +-?[01]\.\d{4} +[01]\.\d{3}", out, re.M)) == 3
    assert "--row shows the nodes of one." in out
    assert "best student" in practicum("specialization", *files, "--row", "2")[1]
    whole = json.loads(practicum("specialization", *files, "--json")[1])["networks"]
    one = json.loads(practicum("specialization", *files, "--row", "2", "--json")[1])["networks"]
    assert one == whole[2:]


def test_specialization_of_networks_by_others(practicum):
    from torch import nn

    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 5), nn.LeakyReLU(0.0), nn.Linear(5, 2))
    torch.save(module.state_dict(), "s.pt")
    teacher, _ = write_networks()
    code, out, err = practicum("specialization", teacher, "s.pt", "--activation", "relu")
    assert (code, err) == (0, "")
    assert "of 5 students" in out


def test_specialization_on_images(practicum):
    pytest.importorskip("sklearn")
    teacher = config("inputs=64").teacher.build([0])
    save_network(teacher, "t")
    save_network(Students().build(teacher, [1]), "s")
    code, out, err = practicum("specialization", "t.safetensors", "s.safetensors", "--data", "digits")
    assert (code, err) == (0, "")
    assert out.endswith("355 inputs\n")  # the test split of the set, all of it


def test_batchnorm(practicum):
    students = Students(widths=(5,), normalisation="before").build((6, 3, 4), [0])
    students.norms[0].bias.data[0] = torch.tensor([-1.0, -2.0, 0.0, 0.5, -0.1])
    path = save_network(students, "s")
    code, out, err = practicum("batchnorm", path)
    assert (code, err) == (0, "")
    assert re.search(r"norms\.0 +before-relu +5 +20\.0 % +20\.0 % +60\.0 %", out)
    assert re.search(r"all +5 +20\.0 %", out)
    document = json.loads(practicum("batchnorm", path, "--json")[1])
    (layer,) = document["layers"]
    assert (layer["layer"], layer["negative"], layer["zero"], layer["channels"]) == ("norms.0", 0.6, 0.2, 5)
    assert [row["position"] for row in document["positions"]] == ["before-relu", "all"]
    several = Students(widths=(5,), normalisation="before").build((6, 3, 4), [0, 1])
    code, out, _ = practicum("batchnorm", save_network(several, "several"))
    assert "Means over 2 networks" in out
    assert "100.0 %" in out  # an untrained one has beta = 0 everywhere


def of_shape(*sizes, name):
    torch.manual_seed(1)
    save_network(Students(widths=sizes[1:-1]).build((sizes[0], *sizes[1:-1], sizes[-1]), [0]), name)
    return f"{name}.safetensors"


def bad_inputs(values, name="x.npy"):
    np.save(name, values) if name.endswith("npy") else np.savez(name, **values)
    return name


def pickled(name="x.npy"):
    np.save(name, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return name


def damaged(name="x.npy", content=b"nothing"):
    Path(name).write_bytes(content)
    return name


def asked(*data):
    return ["specialization", *write_networks(), "--data", *data]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (lambda: ["train", "--set", "epochs=0"], 2, "'epochs' parameter of Training must be >= 1"),
        (lambda: ["train", "nowhere.toml"], 2, "nowhere.toml cannot be read: no such file"),
        (lambda: ["train", *SET, "--set", "inputs.dimension=3"], 2, "The teacher has 6 inputs"),
        (lambda: ["train", *SET, "--store", damaged("file", b"")], 1, "cannot be written: "),
        (lambda: ["train", *SET, "--set", "teacher.kind=image", "--networks", "n"], 2, "hidden"),
        (lambda: ["train", "--set", "teacher.kind=image", "--networks", "n"], 2, "Only perceptrons can be saved"),
        (
            lambda: ["train", *SET, "--networks", damaged("file", b"")],
            1,
            "cannot be written to file: ",
        ),
        (lambda: ["specialization", "a", "b"], 1, "a cannot be read: no such file"),
        (lambda: asked("cifar"), 2, "--data must be gaussian, mnist"),
        (lambda: asked("gaussian:7"), 2, "The networks have 6 inputs"),
        (lambda: asked("no.npy"), 1, "no.npy cannot be read: no such file"),
        (
            lambda: asked(damaged()),
            1,
            "damaged, or holds no plain array",
        ),
        (lambda: asked(damaged("x.npz")), 1, "damaged, or holds no plain array"),
        (
            lambda: asked(pickled()),
            1,
            "damaged, or holds no plain array",
        ),
        (
            lambda: asked(bad_inputs(np.ones(6))),
            2,
            "Got float64 of shape (6,)",
        ),
        (lambda: asked(bad_inputs(np.ones((0, 6)))), 2, "shape (0, 6)"),
        (lambda: asked(bad_inputs(np.ones((9, 7)))), 2, "has 7 numbers"),
        (
            lambda: asked(bad_inputs(np.full((9, 6), np.nan))),
            2,
            "Got nan in example 0",
        ),
        (
            lambda: asked(bad_inputs({"a": [1], "b": [2]}, "x.npz")),
            2,
            "holds 2 arrays (a, b), and none is called 'inputs'",
        ),
        (lambda: ["specialization", of_shape(6, 3, 4, name="a"), of_shape(6, 3, 3, 4, name="b")], 2, "as many layers"),
        (
            lambda: ["specialization", of_shape(6, 3, 4, name="a"), of_shape(7, 3, 4, name="b")],
            2,
            "must have 7 columns",
        ),
        (lambda: asked("gaussian", "--threshold", "2"), 2, "The threshold of a coverage must be"),
        (lambda: asked("gaussian", "--samples", "1"), 2, "--samples"),
        (
            lambda: asked("gaussian", "--scale", "0"),
            2,
            "'scale' parameter of GaussianInputs must be > 0",
        ),
        (lambda: ["specialization", damaged("a.pkl"), "b"], 1, "is refused, because unpickling it can run any program"),
        (lambda: ["batchnorm", write_networks()[1]], 2, "There is no BatchNorm with a beta in"),
        (lambda: ["batchnorm", "vgg19-b"], 2, "Did you mean 'vgg19-bn'?"),
        (lambda: ["batchnorm", "nowhere.pt"], 1, "nowhere.pt cannot be read: no such file"),
    ],
)
def test_mistakes_are_one_sentence(practicum, arguments, code, sentence):
    got, out, err = practicum(*arguments())
    assert (got, out) == (code, "")
    assert sentence in err
    assert err.startswith("practicum: ")
    assert err.count("\n") == 1
    assert not Path("practicum-runs").exists() or not list(Path("practicum-runs").glob("*.checkpoint"))


def test_a_row_that_is_not_there(practicum):
    practicum("train", *SET, "--networks", "nets")
    files = ["nets/teacher.safetensors", "nets/students.safetensors"]
    code, out, err = practicum("specialization", *files, "--row", "3")
    assert (code, out) == (2, "")
    assert "holds 3 networks, rows 0 to 2. Got --row 3 instead." in err


def test_a_device_that_is_not_there(practicum):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    code, out, err = practicum("train", *SET, "--set", "device=cuda")
    assert (code, out) == (2, "")
    assert "finds no CUDA device" in err
    assert err.count("\n") == 1


# ---- colour images

COLOUR = ["--set", "teacher.kind=image", "--set", "teacher.widths=[4, 4]", "--set", "teacher.epochs=1"]
COLOUR += ["--set", "samples=60", "--set", "held_out=50", "--set", "training.epochs=2", "--set", "seeds=2"]


def test_a_training_on_colour_images(practicum, here, monkeypatch):
    write_archive(here / "data/cifar-10", batches(train=40, test=60))
    monkeypatch.setenv("PRACTICUM_DATA", str(here / "data"))
    code, out, err = practicum("train", *COLOUR, "--set", "inputs.name=cifar-10")
    assert (code, err) == (0, "")
    assert "median loss of 2 seeds" in out
    assert "status: ok" in out
    pytest.importorskip("sklearn")
    patches = ["--set", "inputs.kind=patches", "--set", 'teacher.inputs={name = "cifar-10"}']
    code, out, err = practicum("train", *COLOUR, *patches, "--set", 'photographs=["china", "flower"]')
    assert (code, err) == (0, "")
    assert "status: ok" in out
    # Perceptrons see the test images as rows.
    teacher = config("inputs=3072").teacher.build([0])
    save_network(teacher, "t")
    save_network(Students().build(teacher, [1]), "s")
    code, out, err = practicum("specialization", "t.safetensors", "s.safetensors", "--data", "cifar-10")
    assert (code, err) == (0, "")
    assert out.endswith("60 inputs\n")


def test_colour_images_that_are_not_there_are_one_sentence(practicum, here, monkeypatch):
    (here / "data/cifar-10").mkdir(parents=True)
    monkeypatch.setenv("PRACTICUM_DATA", str(here / "data"))
    code, out, err = practicum("train", *COLOUR, "--set", "inputs.name=cifar-10")
    assert (code, out) == (1, "")
    assert "cifar-10 lacks cifar-10-python.tar.gz or the folder cifar-10-batches-py; put the files of the set" in err
    assert err.count("\n") == 1

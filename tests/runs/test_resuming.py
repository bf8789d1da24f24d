"""A training that is killed at any moment goes on, and ends with the bytes of one that was not."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_up_training import train_config  # noqa: E402
from practicum import StorageError  # noqa: E402
from practicum.networks.settings import Training  # noqa: E402
from practicum.networks.state import State  # noqa: E402
from practicum.runs import (  # noqa: E402
    Store,
    resuming,
    run_all,
)
from practicum.runs.execute import execute  # noqa: E402
from practicum.runs.resuming import Checkpoint, CheckpointWarning, progress_of, unfinished  # noqa: E402


class Stop(Exception):
    pass


def stops_after(epochs):
    """Compute as usual, but stop dead once so many epochs are done."""

    def compute(config, *, save, resume):
        def count(state):
            save(state)
            if state.epoch == epochs:
                raise Stop

        return execute(config, save=count, resume=resume)

    return compute


def never(config, **_):
    raise AssertionError("computed again")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The bytes of a run that nothing disturbed."""
    store = Store(tmp_path_factory.mktemp("whole"))
    store.run(train_config())
    return store.path(train_config()).read_bytes()


def test_a_stored_training_is_what_was_computed(tmp_path):
    store, config = Store(tmp_path), train_config()
    computed = execute(config)
    stored, again = store.run(config), store.run(config, never)
    assert stored.identical(again)
    for name in computed.variables:
        assert stored[name].equals(computed[name]), name
    assert stored.attrs["config"] == config.canonical()
    assert json.loads(stored.attrs["versions"])["torch"] == torch.__version__
    assert "tian2020student" in stored.attrs["references"]
    assert unfinished(tmp_path) == []
    (row,) = store.table()
    expected = {"kind": "train", "K": "6", "M": "3", "eta": 0.05, "N": 6, "seeds": "0-2", "until": "6 epochs"}
    assert {**expected, "status": "ok"}.items() <= row.items()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("normalisation", [None, "before"])
def test_a_state_comes_back_to_the_last_bit(tmp_path, optimizer, normalisation):
    training = {"epochs": 2, "optimizer": optimizer, "momentum": 0.5 if optimizer == "sgd" else 0.0}
    config = train_config(students={"multiple": 2, "normalisation": normalisation}, training=training)
    states = []
    execute(config, save=states.append)
    checkpoint = Checkpoint(tmp_path / "a.checkpoint", config, 0)
    checkpoint(states[0])
    back = checkpoint.load()
    for name in State.__dataclass_fields__:
        ours, theirs = getattr(states[0], name), getattr(back, name)
        if isinstance(ours, np.ndarray):
            ours, theirs = {name: ours}, {name: theirs}
        if isinstance(ours, dict):
            assert list(ours) == list(theirs)
        for key in ours if isinstance(ours, dict) else ():
            if isinstance(ours[key], np.ndarray):
                assert (ours[key].dtype, ours[key].shape) == (theirs[key].dtype, theirs[key].shape), (name, key)
                assert ours[key].tobytes() == theirs[key].tobytes(), (name, key)
            else:
                assert ours[key] == theirs[key]
        if not isinstance(ours, dict):
            assert ours == theirs
    assert back.optimizer, "the momentum must be among it"


@pytest.mark.parametrize("rule", [{"momentum": 0.0}, {"momentum": 0.5}, {"optimizer": "adam"}], ids=str)
def test_a_training_under_a_regime_ends_the_same(tmp_path, rule):
    """Also with plain descent, of which there is nothing to remember."""
    training = Training(epochs=3, batch_size=8, **rule)
    config = train_config(training=training, regime={"kind": "adversarial", "epsilon": 0.1})
    stopped, whole = Store(tmp_path / "stopped"), Store(tmp_path / "whole")
    with pytest.raises(Stop):
        stopped.run(config, stops_after(2), seconds=0)
    stopped.run(config)
    whole.run(config)
    assert stopped.path(config).read_bytes() == whole.path(config).read_bytes()


@pytest.mark.parametrize("epochs", range(1, 7))
def test_stopped_after_any_epoch_it_ends_the_same(tmp_path, uninterrupted, epochs):
    store, config = Store(tmp_path), train_config()
    with pytest.raises(Stop):
        store.run(config, stops_after(epochs), seconds=0)
    (left,) = unfinished(tmp_path)
    assert (left.name, progress_of(left), store.ids()) == (f"{config.id}.checkpoint", f"{epochs} epoch(s)", [])
    seen = []

    def watched(config, *, save, resume):
        seen.append(resume.epoch)
        return execute(config, save=save, resume=resume)

    store.run(config, watched)
    assert seen == [epochs]
    assert store.path(config).read_bytes() == uninterrupted
    assert list(store.folder.iterdir()) == [store.path(config)]


def test_a_resumption_that_forgets_something_is_noticed(tmp_path, uninterrupted):
    """The power of the comparison: without the optimizer's memory the end is another."""
    store, config = Store(tmp_path), train_config()
    with pytest.raises(Stop):
        store.run(config, stops_after(3), seconds=0)

    def forgetful(config, *, save, resume):
        zeros = {name: np.zeros_like(value) for name, value in resume.optimizer.items()}
        return execute(config, save=save, resume=State(**{**vars(resume), "optimizer": zeros}))

    store.run(config, forgetful)
    assert store.path(config).read_bytes() != uninterrupted


def test_checkpoints_are_written_now_and_then_only(tmp_path, monkeypatch):
    clock, written = [0.0], []
    monkeypatch.setattr(resuming.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(resuming, "write_sealed", lambda path, body: written.append(clock[0]))
    monkeypatch.setattr(resuming, "to_bytes", lambda state, identity: b"")
    checkpoint = Checkpoint(tmp_path / "a.checkpoint", train_config(), 10.0)
    for second in range(0, 60, 4):
        clock[0] = second
        checkpoint(None)
    assert written == [12, 24, 36, 48]


def test_a_large_checkpoint_is_written_less_often(tmp_path, monkeypatch):
    """Each takes 4 seconds, so that the next one waits for 80, whatever was asked for."""
    clock, written = [0.0], []

    def slowly(path, body):
        written.append(clock[0])
        clock[0] += 4

    monkeypatch.setattr(resuming.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(resuming, "write_sealed", slowly)
    monkeypatch.setattr(resuming, "to_bytes", lambda state, identity: b"")
    checkpoint = Checkpoint(tmp_path / "a.checkpoint", train_config(), 10.0)
    while clock[0] < 200:
        clock[0] += 1
        checkpoint(None)
    assert written == [10, 94, 178]


def no_space(path, body):
    raise StorageError(f"The disk that holds {path.parent} is full.")


def test_without_room_for_checkpoints_a_training_goes_on(tmp_path, uninterrupted, monkeypatch):
    """And says so, once."""
    store, config = Store(tmp_path), train_config()
    monkeypatch.setattr(resuming, "write_sealed", no_space)
    with pytest.warns(CheckpointWarning) as warned:
        store.run(config, seconds=0)
    (warning,) = warned
    assert str(warning.message).startswith(
        "No checkpoint can be written, and the computation goes on without. The disk"
    )
    assert store.path(config).read_bytes() == uninterrupted


def test_a_checkpoint_of_a_run_that_is_stored_is_not_unfinished(tmp_path):
    """Killed between the two: the run is there, and its checkpoint is removed by whoever comes next."""
    store, config = Store(tmp_path), train_config()
    kept = left_behind(store, config).read_bytes()
    store.run(config)
    path = store.checkpoint(config).path
    path.write_bytes(kept)
    assert unfinished(tmp_path) == []
    store.run(config, never)
    assert not path.exists()


def test_a_short_training_writes_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "write_sealed", never)
    Store(tmp_path).run(train_config())


def left_behind(store, config, epochs=3):
    with pytest.raises(Stop):
        store.run(config, stops_after(epochs), seconds=0)
    return store.checkpoint(config).path


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda body: body[:-5], "is truncated or damaged"),
        (lambda body: b"", "is truncated or damaged"),
        (lambda body: body[:900] + bytes([body[900] ^ 1]) + body[901:], "is damaged"),
    ],
)
def test_a_damaged_checkpoint_is_left_out_with_a_word(tmp_path, uninterrupted, damage, why):
    store, config = Store(tmp_path), train_config()
    path = left_behind(store, config)
    path.write_bytes(damage(path.read_bytes()))
    assert progress_of(path) is None
    with pytest.warns(CheckpointWarning, match=rf"{why}.* The computation starts over\."):
        store.run(config)
    assert store.path(config).read_bytes() == uninterrupted
    assert unfinished(tmp_path) == []


def test_what_is_sealed_and_no_checkpoint_is_left_out(tmp_path):
    from practicum.runs.files import read_sealed, write_sealed

    checkpoint = Checkpoint(tmp_path / "a.checkpoint", train_config(), 0)
    execute(train_config(), save=checkpoint)
    whole = read_sealed(checkpoint.path, "a checkpoint")
    unread, other = "holds no checkpoint that can be read", "has another format"
    for body, why in (
        (b"", unread),
        (b"\xff" * 30, unread),
        (b"\x02" + bytes(7) + b"{}", other),
        (whole[:-8], unread),
        (whole.replace(b'"<f8"', b'"|O8"'), unread),
        (whole.replace(b'"training_loss"', b'"training_lost"'), unread),
    ):
        write_sealed(checkpoint.path, body)
        with pytest.warns(CheckpointWarning, match=why):
            assert checkpoint.load() is None


NAMES = {"config_sha256": "config sha256", "vectors": "width of vectors"}


@pytest.mark.parametrize("part", ["config_sha256", "versions", "architecture", "vectors", "format"])
def test_a_checkpoint_of_something_else_is_left_out(tmp_path, uninterrupted, monkeypatch, part):
    store, config = Store(tmp_path), train_config()
    if part == "config_sha256":
        other = train_config(samples=41)
        left_behind(store, other).rename(store.checkpoint(config).path)
    else:
        with monkeypatch.context() as patch:
            if part == "format":
                patch.setitem(resuming.FORMATS, "train", "training-1")
            else:
                patch.setattr(resuming, part, lambda *_: "another")
            left_behind(store, config)
    with pytest.warns(CheckpointWarning, match=rf"has another {NAMES.get(part, part)}\."):
        store.run(config)
    assert store.path(config).read_bytes() == uninterrupted


def test_runs_in_parallel_leave_no_checkpoint_and_go_on_from_one(tmp_path, uninterrupted):
    store, configs = Store(tmp_path), [train_config(), train_config(samples=41)]
    left_behind(store, configs[0])
    run_all(store, [(config, None) for config in configs], 2)
    assert store.path(configs[0]).read_bytes() == uninterrupted
    assert unfinished(tmp_path) == []

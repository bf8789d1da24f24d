"""A simulation that is stopped anywhere goes on, with any number of threads, and ends with the same bits."""

import json
import random
from threading import Thread

import numpy as np
import pytest

from practicum import Committee, LearningRule, OrderParameters, ParameterError, StorageError, simulate
from practicum.runs import SimulateConfig, Store, netcdf, resuming
from practicum.runs.execute import execute
from practicum.runs.resuming import Checkpoint, CheckpointWarning, progress_of, unfinished
from practicum.runs.states import from_bytes, to_bytes
from practicum.simulation import Weights, _weights_run, chain
from practicum.simulation.inputs import BlockIsotropic, Examples

PAIR = Committee(students=2, teachers=2)
NOISY = Committee(students=2, teachers=2, noise=0.2)
START = OrderParameters.near_symmetric(2, 2, split=0.01)
ROWS = np.random.default_rng(3).normal(size=(300, 50))
EXPLICIT = Weights(ROWS[:2] / 7, ROWS[2:4] / 7)


def law(rng, shape):
    return rng.uniform(-np.sqrt(3), np.sqrt(3), shape)


# What moves differs from case to case: the batch under way, the fan-outs, a stream of noise, one of single precision.
CASES = {
    "chain": (PAIR, LearningRule(learning_rate=0.7), START, {}),
    "chain, batches": (NOISY, LearningRule(learning_rate=0.7, batch_size=7, weight_decay=0.01), START, {}),
    "chain, fan-outs": (PAIR, LearningRule(learning_rate=0.7, fan_out_learning_rate=0.3), START, {}),
    "chain, blocks": (
        NOISY,
        LearningRule(learning_rate=0.7),
        START,
        {"inputs": BlockIsotropic(dimension=20, scale=0.4)},
    ),
    "weights": (PAIR, LearningRule(learning_rate=0.7), START, {"method": "weights"}),
    "weights, batches": (
        NOISY,
        LearningRule(learning_rate=0.7, batch_size=40, fan_out_learning_rate=0.2),
        START,
        {"method": "weights", "dtype": "float32"},
    ),
    "weights, blocks": (
        NOISY,
        LearningRule(learning_rate=0.7),
        START,
        {"method": "weights", "inputs": BlockIsotropic(dimension=20, scale=0.4)},
    ),
    "weights, a law": (
        NOISY,
        LearningRule(learning_rate=0.7, batch_size=4),
        START,
        {"method": "weights", "inputs": law},
    ),
    "weights, rows": (PAIR, LearningRule(learning_rate=0.7), EXPLICIT, {"method": "weights", "inputs": ROWS}),
    # Of six paths some end early, each at a moment of its own.
    "chain, some diverge": (PAIR, LearningRule(learning_rate=2.0), START, {"largest_norm": 1.41}),
    "weights, some diverge": (PAIR, LearningRule(learning_rate=2.0), START, {"largest_norm": 1.7, "method": "weights"}),
}


@pytest.fixture(autouse=True)
def many_looks(monkeypatch):
    """Paths are looked at every few hundred updates, so that short ones show what long ones do."""
    monkeypatch.setattr(chain, "_CHUNK", 2000)
    monkeypatch.setattr(_weights_run, "_CHUNK", 2**13)


def run(name, **more):
    machine, rule, start, given = CASES[name]
    until = 30.0
    return simulate(machine, rule, start, 50, until, seeds=6, save_at=np.linspace(0, until, 8), **{**given, **more})


def image(dataset):
    return bytes(netcdf.to_bytes(dataset))


class Stop(Exception):
    pass


def stops_after(saves):
    """A receiver that raises at the n-th state; what it was given so far."""
    seen = []

    def save(state):
        seen.append(state)
        if len(seen) == saves:
            raise Stop

    return save, seen


def again_and_again(name, draws, between=lambda state: state):
    """The end, after stops at random moments and with a random number of threads each time; the states on the way."""
    state, states = None, []
    while True:
        save, seen = stops_after(draws.randrange(1, 4))
        try:
            return run(name, workers=draws.choice([1, 2, 4]), save=save, resume=state), states
        except Stop:
            state = between(seen[-1])
            states.append(state)


def through_bytes(state):
    return from_bytes(to_bytes(state, {"format": "simulation-1"}))


@pytest.mark.parametrize("name", CASES)
def test_stopped_again_and_again_it_ends_with_the_same_bits(name):
    whole = run(name, workers=2)
    end, states = again_and_again(name, random.Random(1), through_bytes)
    assert len(states) >= 3
    assert image(end) == image(whole)
    done = [state.done for state in states]
    assert done == sorted(done)
    assert 0 < done[0] < done[-1] <= 6 * states[0].last
    if "diverge" in name:
        assert set(whole.status.values) == {"ok", "diverged"}
        assert any(state.diverged.any() and not state.ended.all() for state in states)


FORGETTABLE = {
    "chain, batches": ["inside", "outside", "numbers"],
    "chain, fan-outs": ["v"],
    "weights, batches": ["J", "v", "numbers", "noise", "sums", "drive", "counters"],
    "weights, a law": ["examples"],
}


@pytest.mark.parametrize("name, part", [(name, part) for name, parts in FORGETTABLE.items() for part in parts])
def test_whatever_a_state_forgets_is_noticed(name, part):
    """The power of the comparison: each array that is kept is needed."""

    def forget(state):
        # An earlier state's array in place of the present one.
        old = first.running
        return type(state)(**{**vars(state), "running": {
            key: old.get(key, array) if key.endswith(f"/{part}") else array for key, array in state.running.items()
        }})  # fmt: skip

    save, seen = stops_after(5)
    with pytest.raises(Stop):
        run(name, workers=1, save=save)
    first = seen[0]
    assert image(run(name, workers=1, resume=seen[-1])) == image(run(name, workers=1))
    assert image(run(name, workers=1, resume=forget(seen[-1]))) != image(run(name, workers=1))


def test_saving_changes_no_bit_and_every_state_is_an_end_to_go_on_from():
    undisturbed, states = image(run("chain", workers=1)), []
    assert image(run("chain", workers=4, save=lambda state: None)) == undisturbed
    # One worker looks at the same updates whatever else the machine does.
    assert image(run("chain", workers=1, save=states.append)) == undisturbed
    assert len(states) > 10
    for state in states[:: len(states) // 5]:
        assert image(run("chain", workers=3, resume=state)) == undisturbed


def test_a_state_is_asked_for_only_when_it_is_due():
    class Receiver:
        due = False

        def __call__(self, state):
            raise AssertionError("called although nothing was due")

    run("chain", save=Receiver())


def test_a_state_of_another_simulation_is_refused():
    save, seen = stops_after(2)
    with pytest.raises(Stop):
        run("chain", save=save)
    for more, sentence in [
        ({"largest_norm": 1e5}, "another problem"),
        ({"method": "weights"}, "another problem"),
        ({"seeds": 5}, r"seeds \[0, 1, 2, 3, 4, 5\]\. Got seeds"),
        ({"save_at": [0.0, 30.0]}, "other points to keep"),
    ]:
        given = {"seeds": 6, "save_at": np.linspace(0, 30.0, 8), **more}
        with pytest.raises(ParameterError, match=sentence):
            simulate(PAIR, CASES["chain"][1], START, 50, 30.0, resume=seen[-1], **given)


@pytest.mark.parametrize("inputs", [law, ROWS], ids=["law", "rows"])
@pytest.mark.parametrize("taken", [0, 1, 700, 10_000])
def test_examples_go_on_where_they_were(inputs, taken):
    """The next examples, from a generator that is somewhere else."""
    first, second = (Examples(inputs, 50, np.random.default_rng(seed), "float64") for seed in (1, 2))
    while taken > 0:
        taken -= first.take(taken)[1].size
    second.go_to(first.place())
    for _ in range(3):
        (block, rows), (other, others) = first.take(4000), second.take(4000)
        np.testing.assert_array_equal(block[rows], other[others])


# As a run of a store: the checkpoint on disk.


def config(**changes):
    values = {"machine": NOISY, "rule": LearningRule(learning_rate=0.7), "start": START, "until": 30.0, "dimension": 50}
    return SimulateConfig(**{**values, "seeds": 6, **changes})


def dies_after(states):
    """Compute as usual, but stop dead once so many states are saved."""

    def compute(config, *, save, resume):
        seen = []

        def count(state):
            save(state)
            seen.append(state)
            if len(seen) == states:
                raise Stop

        return execute(config, workers=2, save=count, resume=resume)

    return compute


@pytest.mark.parametrize("method", ["chain", "weights"])
def test_a_run_goes_on_from_its_checkpoint(tmp_path, method):
    stopped, whole, asked = Store(tmp_path / "stopped"), Store(tmp_path / "whole"), config(method=method)
    with pytest.raises(Stop):
        stopped.run(asked, dies_after(3), seconds=0)
    (left,) = unfinished(stopped.folder)
    assert left == stopped.checkpoint(asked).path
    assert progress_of(left).endswith("% of the updates")
    resumed = []

    def watched(config, save, resume):
        resumed.append(resume.done)
        return execute(config, save=save, resume=resume)

    stopped.run(asked, watched)
    whole.run(asked)
    assert resumed[0] > 0
    assert stopped.path(asked).read_bytes() == whole.path(asked).read_bytes()
    assert unfinished(stopped.folder) == []
    assert not left.exists()


def test_a_function_that_takes_no_states_is_called_without(tmp_path):
    store = Store(tmp_path)
    store.run(config(), lambda config: execute(config))
    assert config() in store


def test_without_room_for_checkpoints_a_simulation_goes_on(tmp_path, monkeypatch):
    def no_space(path, body):
        raise StorageError(f"The disk that holds {path.parent} is full.")

    store, whole = Store(tmp_path / "full"), Store(tmp_path / "whole")
    monkeypatch.setattr(resuming, "write_sealed", no_space)
    with pytest.warns(CheckpointWarning, match="goes on without. The disk") as warned:
        store.run(config(), seconds=0)
    assert len(warned) == 1
    whole.run(config())
    assert store.path(config()).read_bytes() == whole.path(config()).read_bytes()


def test_a_checkpoint_of_another_version_starts_over_with_a_word(tmp_path, monkeypatch):
    store = Store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(resuming, "versions", lambda *_: {"numpy": "0.1"})
        with pytest.raises(Stop):
            store.run(config(), dies_after(3), seconds=0)
    resumed = []

    def watched(config, save, resume):
        resumed.append(resume)
        return execute(config, save=save, resume=resume)

    with pytest.warns(CheckpointWarning, match=r"has another versions\. The computation starts over\."):
        store.run(config(), watched)
    assert resumed == [None]


def test_checkpoints_of_paths_in_threads_are_each_whole(tmp_path):
    """Read while the simulation writes them: every one that is ever seen is a state to go on from."""
    asked = config(seeds=4)
    checkpoint = Checkpoint(tmp_path / "a.checkpoint", asked, 0)
    thread = Thread(target=execute, args=(asked,), kwargs={"workers": 4, "save": checkpoint})
    seen = {}
    thread.start()
    while thread.is_alive():
        state = checkpoint.load()
        if state is not None:
            seen[state.done] = state
    thread.join()
    assert len(seen) > 3
    whole = image(execute(asked))
    for done in sorted(seen)[:: max(1, len(seen) // 4)]:
        assert image(execute(asked, workers=2, resume=seen[done])) == whole


def test_what_a_state_says_of_itself():
    save, seen = stops_after(3)
    with pytest.raises(Stop):
        run("chain, some diverge", workers=1, save=save)
    state = seen[-1]
    assert json.loads(state.config)["kind"] == "simulate"
    assert state.progress == f"{state.done / (6 * 1500):.1%} of the updates"

"""What is killed at random moments goes on, and ends with the same bytes; what it cost is an interval at most."""

import pytest

pytest.importorskip("torch")

from benchmarks.reliability import kills

NAMES = ["training", "chain", "weights"]


def check(folder, name, length, count, seed):
    losses, rounds, different = kills.kill_again_and_again(kills.jobs(length)[name], folder, count, seed)
    assert different == 0
    assert len(losses) == count
    assert rounds <= count
    return losses


@pytest.mark.parametrize("name", NAMES)
def test_killed_twice(tmp_path, name):
    check(tmp_path, name, 0.06, 2, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_killed_twenty_times(tmp_path, name):
    losses = check(tmp_path, name, 1.0, 20, seed=2)
    # The fast suite, whose machine others use, leaves the clock out.
    assert [loss for loss in losses if loss.seconds > loss.allowed] == []
    assert any(loss.kept > 0 for loss in losses)
    # The power of the bar: without checkpoints a kill would cost all that was done, here seconds.
    assert max(loss.kept for loss in losses) > 0.1


def test_a_lost_checkpoint_is_a_larger_loss(tmp_path, monkeypatch):
    """The power of the measurement: a state that is older than it should be."""
    config = kills.jobs(0.1)["chain"]
    log = tmp_path / "events"
    # Looks every 10 ms for two seconds, one checkpoint at the beginning.
    events = [(kills._LOOK, 100.0 + k / 100, k / 1000, 1) for k in range(200)]
    events[10] = (kills._SAVING, 100.1, 0.0, 1)
    log.write_bytes(b"".join(kills._EVENT.pack(*event) for event in events))
    loss = kills._loss(kills.Store(tmp_path), config, log)
    assert loss.seconds == pytest.approx(1.89)
    assert loss.seconds > loss.allowed

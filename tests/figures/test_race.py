"""The animation: what moves where, and a file that is whole, small, and the same again."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from figures import trained
from practicum import figures
from practicum.errors import ParameterError, StorageError
from practicum.figures._animation import _paletted
from practicum.figures._lanes import Lanes
from practicum.figures.style import look


def pictures(path):
    """All pictures of an animation, and how long each stays, in seconds."""
    with Image.open(path) as animation:
        found, seconds = [], []
        for index in range(getattr(animation, "n_frames", 1)):
            animation.seek(index)
            found.append(np.asarray(animation.convert("RGB")))
            seconds.append(animation.info.get("duration", 0) / 1000)
    return found, seconds


def running(steps=6):
    data = trained.rho(steps)
    return data.assign(loss=("step", np.geomspace(1, 1e-3, steps)), strength=("teacher", [1.0, 3.0, 2.0, 4.0]))


@pytest.mark.parametrize("ending", [".gif", ".png"])
def test_a_race_is_one_file_of_all_steps_that_holds_the_last(tmp_path, ending):
    paths = [figures.race(running(), tmp_path / f"{i}{ending}", frames_per_second=10, hold=2.5) for i in range(2)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found, seconds = pictures(paths[0])
    assert len(found) == 6
    assert seconds == [0.1] * 5 + [2.5]
    for before, after in pairwise(found):
        assert (before != after).any()
    assert found[0][0, 0].tolist() == [255, 255, 255]
    assert paths[0].stat().st_size < 200_000
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_plane_moves_too(tmp_path):
    data = trained.plane(4)
    found, _ = pictures(figures.race(data, tmp_path / "plane.gif", view="plane"))
    assert len(found) == 4
    assert all((before != after).any() for before, after in pairwise(found))


def test_of_many_steps_evenly_many_are_shown_with_both_ends(tmp_path):
    all_of_them, _ = pictures(figures.race(running(6), tmp_path / "all.gif"))
    some, _ = pictures(figures.race(running(6), tmp_path / "some.gif", frames=3))
    assert len(some) == 3
    one, _ = pictures(figures.race(running(6).isel(step=[2]), tmp_path / "one.gif"))
    assert len(one) == 1
    # Palettes differ, the pictures do not, but for rounding of colours.
    assert np.abs(some[0].astype(int) - all_of_them[0]).max() < 64
    assert np.abs(some[-1].astype(int) - all_of_them[-1]).max() < 64


def test_everything_stands_where_rho_says():
    data = running()
    data["rho"][3, 1, 0] = 0.97  # not the winner of this lane, but ahead for a while
    rho = data["rho"].values
    with look():
        lanes = Lanes(rho, data["epoch"].values, list("abcd"), data["loss"].values, 0.95)
    winners = rho[-1].argmax(axis=1)
    for step in range(6):
        with look():
            lanes.show(step)
        found = rho[step].max(axis=1) > 0.95
        x, y = lanes.arrived.get_data()
        assert (list(x), list(y)) == (rho[step].max(axis=1)[found].tolist(), np.flatnonzero(found).tolist())
        x, y = lanes.running.get_data()
        mine = rho[step][np.arange(4), winners]
        assert (list(x), list(y)) == (mine[mine <= 0.95].tolist(), np.flatnonzero(mine <= 0.95).tolist())
        x, y = lanes.others.get_data()
        for lane in range(4):
            assert sorted(x[y == lane]) == sorted(rho[step, lane])
        assert lanes.count.get_text() == f"{found.sum()} of 4 found"
        assert lanes.now.get_data() == ([data["epoch"].values[step]], [data["loss"].values[step]])
    assert lanes.axes.get_title(loc="left") == "epoch 10"


def test_a_race_ends_where_the_seed_diverged_and_starts_where_nodes_exist(tmp_path):
    data = running()
    data["rho"][4:] = np.nan
    data["rho"][:, 3] = np.nan
    found, _ = pictures(figures.race(data, tmp_path / "a.gif"))
    assert len(found) == 4
    data["rho"][:] = np.nan
    with pytest.raises(ParameterError, match=r"needs a step at which 'rho' is finite"):
        figures.race(data, tmp_path / "b.gif")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"frames_per_second": 0}, r"'frames_per_second' parameter of race must be from 0.5 to 50. Got 0"),
        ({"frames": 0}, r"'frames' parameter of race must be from 1 to 1000"),
        ({"hold": -1}, r"'hold' parameter of race must be from 0 to 60"),
        ({"hold": "long"}, r"'hold' .* Got 'long'"),
        ({"view": "sky"}, r"'view' parameter of race must be 'lanes' or 'plane'. Got 'sky'"),
        ({"threshold": 2}, r"'threshold' parameter of race"),
        ({"view": "plane"}, r"figure race needs 'student_weights'"),
    ],
)
def test_a_race_refuses_what_it_cannot_do(tmp_path, options, sentence):
    with pytest.raises(ParameterError, match=sentence):
        figures.race(running(), tmp_path / "a.gif", **options)
    assert not list(tmp_path.iterdir())


def test_a_missing_variable_and_a_wrong_ending_are_named(tmp_path):
    with pytest.raises(ParameterError, match=r"figure race needs 'rho' with dimensions \(step, teacher, student\)"):
        figures.race(running().drop_vars("rho"), tmp_path / "a.gif")
    with pytest.raises(ParameterError, match=r"must end in one of .gif, .png, .apng. Got 'a.mp4'"):
        figures.race(running(), tmp_path / "a.mp4")


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    with pytest.raises(StorageError, match=r"animation .* cannot be written: no such file"):
        figures.race(running(2), tmp_path / "nowhere" / "a.gif")
    (tmp_path / "a.gif").mkdir()
    (tmp_path / "a.gif" / "inside").write_text("kept")
    with pytest.raises(StorageError, match=r"cannot be written: is a directory"):
        figures.race(running(2), tmp_path / "a.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_pixels_get_the_nearest_of_the_most_frequent_colours():
    rng = np.random.default_rng(4)
    wanted = np.array([[255, 255, 255], [0, 0, 0], [213, 94, 0], [0, 114, 178], [90, 90, 90]], np.uint8)
    one = wanted[rng.choice(5, (40, 50), p=[0.6, 0.2, 0.1, 0.08, 0.02])]
    one[0, 0] = 255
    (exact,) = _paletted([one], 8)
    assert np.abs(np.asarray(exact.convert("RGB")).astype(int) - one).max() <= 7  # five bits a channel
    (four,) = _paletted([one], 4)
    found = np.asarray(four.convert("RGB"))
    grey = found[(one == 90).all(axis=-1)]
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 4
    assert np.abs(grey.astype(int) - [0, 114, 178]).max() <= 7  # nearer than black, by 16 384 to 24 300
    assert (found[(one == 255).all(axis=-1)] == 255).all()

"""Clearing up: what nobody needs goes, when it is asked for, and everything else stays as it is."""

import os
import time

import pytest

from made_up_stores import age, fail_small, flip, small_config, store_small
from practicum import ParameterError, StorageError
from practicum.runs import Store
from practicum.runs._database import ASIDE, NAME
from practicum.runs.files import write_sealed


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    return Store(folder)


def write(store, name, content=b"x", seconds=0.0):
    path = store.folder / name
    path.write_bytes(content)
    then = time.time() - seconds
    os.utime(path, (then, then))
    return name


def names(store):
    return {path.name for path in store.folder.iterdir() if not path.name.startswith(NAME) or path.name == ASIDE}


def gone(store, *arguments, **options):
    """Names of what a call removes; that a call without `remove` lists the same and removes nothing is seen to."""
    before = names(store)
    listed = {removal.path.name for removal in store.prune(*arguments, **options)}
    assert names(store) == before
    assert {removal.path.name for removal in store.prune(*arguments, **options, remove=True)} == listed
    assert names(store) == before - listed
    assert store.prune(*arguments[:1], remove=True) == []
    return listed


def test_nothing_is_removed_where_everything_is_needed(store):
    store_small(store.folder, 1, 2)
    fail_small(store.folder, 3)
    write(store, f"{small_config(4).id}.checkpoint")  # of a run under way
    write(store, f".{'a' * 16}.{'0' * 16}.part")  # of a writer at work
    assert gone(store) == set()


def test_an_empty_or_missing_folder(store):
    assert gone(store) == set()
    assert Store(store.folder / "missing").prune(remove=True) == []


def test_what_nobody_needs(store):
    (run,) = store_small(store.folder, 1)
    fail_small(store.folder, 1)
    expected = {
        f"{run}.failed",
        write(store, f"{run}.checkpoint"),
        write(store, f".{run}.{'0' * 16}.part", seconds=4000),
        write(store, ASIDE),
    }
    assert gone(store) == expected


def copy_of(store, run):
    """A consolidated copy of two blocks, with something else in its folder."""
    place = store.folder / f"{run}.parts"
    for name in ("000000-2.nc", "000000-2.json", "000001-1.nc", "000001-1.json"):
        write_sealed(place / name, b"a copy")
    return place


def test_a_copy_goes_with_its_sweep_and_not_before(store):
    store_small(store.folder, 1)
    place = copy_of(store, "c" * 16)
    write_sealed(store.folder / f"{'c' * 16}.sweep", b"{}")
    assert store.prune(remove=True) == []
    (store.folder / f"{'c' * 16}.sweep").unlink()
    assert len(store.prune()) == len(list(place.iterdir())) == 4
    assert len(store.prune(remove=True)) == 4
    assert not place.exists()


def test_what_else_is_in_the_folder_of_a_copy_stays(store):
    place = copy_of(store, "c" * 16)
    (place / "notes.nc").write_text("mine")
    stale = place / f".000000-2.{'0' * 16}.part"
    stale.write_text("")
    os.utime(stale, (0, 0))
    assert len(store.prune(remove=True)) == 5
    assert [path.name for path in place.iterdir()] == ["notes.nc"]


def test_a_linked_folder_of_a_copy_is_not_followed(store, tmp_path):
    elsewhere = Store(tmp_path / "elsewhere")
    place = copy_of(elsewhere, "c" * 16)
    (store.folder / place.name).symlink_to(place)
    stale = place / f".000000-2.{'0' * 16}.part"
    stale.write_text("")
    os.utime(stale, (0, 0))
    assert store.prune(remove=True) == []
    assert len(list(place.iterdir())) == 5


STRANGERS = (
    "notes.txt", "notes.nc", "0123.checkpoint", f"{'g' * 16}.checkpoint", f"{'A' * 16}.failed", f"{'a' * 16}.nc.bak",
    f"{'a' * 17}.failed", ".notes.part", f"{'a' * 16}.png",
)  # fmt: skip


def test_what_does_not_look_like_ours_is_never_touched(store):
    (run,) = store_small(store.folder, 1)
    for name in (*STRANGERS, f"{run}.txt"):
        write(store, name, seconds=1e6)
    (store.folder / f"{run}.checkpoint").mkdir()
    target = store.folder / "precious"
    target.write_text("precious")
    (store.folder / f"{run}.failed").symlink_to(target)
    assert gone(store) == set()
    assert gone(store, "dimension > 0") == {f"{run}.nc"}
    assert target.read_text() == "precious"


def test_a_checkpoint_of_a_damaged_run_is_still_needed(store):
    """It is what the run can be had from again."""
    (run,) = store_small(store.folder, 1)
    flip(store.folder / f"{run}.nc")
    write(store, f"{run}.checkpoint")
    assert gone(store) == set()


def test_runs_that_match_go_with_all_their_files(store):
    ids = store_small(store.folder, 1, 2, dimension=60) + store_small(store.folder, 3)
    failed = fail_small(store.folder, 4, dimension=60)
    write(store, f"{ids[0]}.checkpoint")
    sweep = f"{'c' * 16}.sweep"
    write_sealed(store.folder / sweep, b"{}")
    assert gone(store, "dimension == 60") == {
        f"{ids[0]}.nc",
        f"{ids[1]}.nc",
        f"{ids[0]}.checkpoint",
        f"{failed}.failed",
    }
    assert store.ids() == [ids[2]]
    assert sweep in names(store)


def test_failures_go_with_a_condition(store):
    store_small(store.folder, 1)
    failed = fail_small(store.folder, 2)
    assert gone(store, "status == 'failed'") == {f"{failed}.failed"}


def test_a_damaged_run_goes_only_when_it_is_named(store):
    good, bad = store_small(store.folder, 1, 2)
    flip(store.folder / f"{bad}.nc")
    age(store.folder)
    assert gone(store, "status == 'damaged'") == set()
    assert gone(store, "not dimension > 1e9") == {f"{good}.nc"}
    assert gone(store, "", [bad[:6]]) == {f"{bad}.nc"}


def test_a_whole_run_that_is_named_as_damaged_stays(store):
    (run,) = store_small(store.folder, 1)
    with pytest.raises(StorageError, match=f"The run {run} in .* is not damaged"):
        store.prune(damaged=[run], remove=True)
    assert store.ids() == [run]


def test_a_condition_that_is_none_removes_nothing(store):
    (run,) = store_small(store.folder, 1)
    write(store, f"{run}.checkpoint")
    for condition in ("dimensoin == 50", "dimension =", "dimension + 1 == 51"):
        with pytest.raises(ParameterError):
            store.prune(condition, remove=True)
    assert names(store) == {f"{run}.nc", f"{run}.checkpoint"}


def test_what_another_process_removes_meanwhile_is_no_error(store, monkeypatch):
    ids = store_small(store.folder, 1, 2)
    find = Store.select

    def select_and_remove(self, where):
        found = find(self, where)
        (self.folder / f"{ids[0]}.nc").unlink()
        return found

    monkeypatch.setattr(Store, "select", select_and_remove)
    assert [removal.path.stem for removal in store.prune("dimension == 50", remove=True)] == [ids[1]]
    assert store.ids() == []


def test_sizes_are_those_of_the_files(store):
    (run,) = store_small(store.folder, 1)
    write(store, f"{run}.checkpoint", b"x" * 1234)
    assert [(removal.size, removal.why) for removal in store.prune()] == [
        (1234, "the checkpoint of a run that is stored")
    ]

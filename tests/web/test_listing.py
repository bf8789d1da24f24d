"""The list that a server keeps in mind is the list that the folder would give, whatever happens to the folder."""

import os

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from made_up_stores import age, fail_small, flip, store_small
from practicum.runs import Store
from practicum.web import listing as module
from practicum.web.answers import Misread
from practicum.web.listing import Listing


@pytest.fixture
def store(tmp_path):
    store_small(tmp_path, 1, 2, 3)
    store_small(tmp_path, 4, dimension=99)
    return Store(tmp_path)


def shown(listing, where="", sort="id"):
    return [run["id"] for run in listing.page(where, sort, 50, 0)["runs"]]


def agrees(listing):
    """Whether the list in mind is that of a fresh look, in several orders."""
    rows = listing.store.table()
    fresh = Listing(listing.store)
    return (
        listing.page("", "id", 50, 0)["runs"] == fresh.page("", "id", 50, 0)["runs"]
        and all(
            shown(listing, where, sort) == shown(fresh, where, sort)
            for where, sort in [("", "-N"), ("N > 50", "id"), ("", "-size")]
        )
        and shown(listing) == [row["id"] for row in rows]
    )


def test_every_change_of_the_folder_is_seen(store):
    listing = Listing(store)
    assert agrees(listing)
    (new,) = store_small(store.folder, 5, dimension=70)
    assert new in shown(listing, "N == 70")
    assert agrees(listing)
    failed = fail_small(store.folder, 6)
    assert failed in shown(listing, "status == 'failed'")
    flip(store.folder / f"{new}.nc")
    assert agrees(listing)
    assert shown(listing, "status == 'damaged'") == [new]
    flip(store.folder / f"{new}.nc")
    assert agrees(listing)
    (store.folder / f"{new}.nc").unlink()
    assert agrees(listing)
    assert new not in shown(listing)


def test_what_rests_is_not_read_again(store, monkeypatch):
    age(store.folder)
    listing = Listing(store)
    expected = shown(listing, "N > 10", "-seeds.first")
    monkeypatch.setattr(Store, "entries", lambda *_: pytest.fail("the table was read"))
    monkeypatch.setattr(module, "matching", lambda *_: pytest.fail("the condition was computed"))
    assert shown(listing, "N > 10", "-seeds.first") == expected
    monkeypatch.undo()
    # Power: with one more file it is.
    store_small(store.folder, 9)
    assert len(shown(listing, "N > 10", "-seeds.first")) == len(expected) + 1


def test_a_file_that_is_repaired_without_a_trace_is_whole_again(store):
    run = shown(Listing(store))[0]
    path = store.folder / f"{run}.nc"
    flip(path)
    age(store.folder)
    listing = Listing(store)
    assert shown(listing, "status == 'damaged'") == [run]
    times = path.stat()
    flip(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert shown(listing, "status == 'damaged'") == []


def test_without_memory_for_settings_the_list_is_the_same(store, monkeypatch):
    expected = shown(Listing(store), "N > 10", "-seeds.first")
    monkeypatch.setattr(module, "_KEPT_READ", 0)
    assert shown(Listing(store), "N > 10", "-seeds.first") == expected


def test_a_mistake_is_none_of_the_next_one(store):
    listing = Listing(store)
    with pytest.raises(Misread) as error:
        listing.page("size >", "id", 50, 0)
    assert error.value.field == "where"
    with pytest.raises(Misread) as error:
        listing.page("", "nothing", 50, 0)
    assert error.value.field == "sort"
    assert agrees(listing)

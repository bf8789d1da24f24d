"""Every sealed file is read: whatever kind it is of, damage is found and named."""

import pytest

from made_up_stores import fail_small, flip, small_config, store_small
from practicum.canonical import canonical_json, sha256
from practicum.runs import Store
from practicum.runs.files import write_sealed


@pytest.fixture
def store(tmp_path):
    """One file of each kind."""
    store = Store(tmp_path / "runs")
    ids = store_small(store.folder, 1, 2)
    fail_small(store.folder, 3)
    axes = [{"name": "dimension", "values": [50, 60]}]
    text = canonical_json({"format": "sweep-1", "kind": "simulate", "axes": axes, "cells": ids})
    write_sealed(store.folder / f"{sha256(text)[:16]}.sweep", text.encode())
    write_sealed(store.folder / f"{small_config(4).id}.checkpoint", b"a state")
    for name in ("000000-2.nc", "000000-2.json"):
        write_sealed(store.folder / f"{sha256(text)[:16]}.parts" / name, b"a copy")
    (store.folder / f"{sha256(text)[:16]}.parts" / "notes.nc").write_text("not ours")
    (store.folder / "notes.nc").write_text("not ours")
    return store


KINDS = ["run", "run", "failed run", "sweep", "checkpoint", "consolidated copy", "consolidated copy"]


def test_every_kind_is_read(store):
    checked = list(store.verify_files())
    assert [(kind, problem) for _, kind, problem in checked] == [(kind, "") for kind in KINDS]


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_a_changed_bit_is_found_and_its_file_named(store, number):
    path = [one.path for one in store.verify_files()][number]
    flip(path, 3)
    checked = list(store.verify_files())
    assert [one.path for one in checked if one.problem] == [path]
    assert str(path) in checked[number].problem
    assert "is damaged" in checked[number].problem
    assert checked[number].kind == KINDS[number]


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_a_truncation_is_found(store, number):
    path = [one.path for one in store.verify_files()][number]
    path.write_bytes(path.read_bytes()[:-5])
    assert [one.path for one in store.verify_files() if one.problem] == [path]


def test_a_sealed_file_under_another_name_is_found(store):
    """A sweep and a failure name themselves, as a run does."""
    for ending in (".sweep", ".failed", ".nc"):
        (path,) = list(store.folder.glob(f"[0-9a-f]*{ending}"))[:1]
        path.rename(path.with_name(f"{'0' * 16}{ending}"))
    bad = [one for one in store.verify_files() if one.problem]
    assert sorted(one.path.suffix for one in bad) == [".failed", ".nc", ".sweep"]


def test_only_files_whose_name_begins_so(store):
    run = store.ids()[0]
    write_sealed(store.folder / f"{run}.checkpoint", b"a state")
    assert [(one.path.name, one.kind) for one in store.verify_files(run[:9])] == [
        (f"{run}.nc", "run"),
        (f"{run}.checkpoint", "checkpoint"),
    ]


def test_progress_comes_to_one(store):
    fractions = []
    list(store.verify_files(progress=fractions.append))
    assert fractions == pytest.approx([i / len(KINDS) for i in range(1, len(KINDS) + 1)])


def test_what_another_process_removes_meanwhile_is_left_out(store):
    found = store.verify_files()
    first = next(found)
    for path in store.folder.rglob("*.*"):
        if path.is_file():
            path.unlink()
    assert (first.problem, list(found)) == ("", [])

"""Sweeps in the API: grids, states and values are those of the folder, and followers are told what changes, once."""

import asyncio
import json
import os
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from made_up import compute
from made_up_stores import flip
from practicum.runs import Store
from practicum.runs.claims import Claims
from practicum.runs.failures import record_failure
from practicum.runs.resuming import ENDING
from practicum.runs.sweeps import from_tables
from practicum.runs.sweeps.axes import axis
from practicum.web import watch as module
from practicum.web.answers import Busy
from practicum.web.app import create_app
from practicum.web.limits import Limits
from practicum.web.watch import Watch, states_in
from web.served import events, served

BASE = {"machine": {"students": 3, "teachers": 2}, "rule": {}, "start": {"kind": "near-symmetric"}, "until": 20.0}


def plan_of(rates="0.1,0.2,0.4", betas="1,2"):
    return from_tables("solve", BASE, [], [axis("learning_rate", rates), axis("inverse_temperature", betas)])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def compute_all(store, plan, cells):
    for i in cells:
        store.run(plan.configs[i], compute)


def test_the_grid_says_what_each_cell_is(store):
    plan = plan_of()
    compute_all(store, plan, [0, 3])
    plan.sweep.write(store.folder)
    record_failure(store.folder, plan.configs[4], "ZeroDivisionError", "It divided by zero.", 3)
    (store.folder / f"{plan.configs[5].id}{ENDING}").write_bytes(b"")
    with Claims(store.folder) as claims, served(create_app(store)) as client:
        claims.take([plan.configs[1].id, plan.configs[0].id])
        found = client.get(f"/api/sweeps/{plan.sweep.id}").json()
        listed = client.get("/api/sweeps").json()
    assert found["axes"] == [
        {"name": "learning_rate", "values": [0.1, 0.2, 0.4]},
        {"name": "inverse_temperature", "values": [1, 2]},
    ]
    assert found["runs"] == [config.id for config in plan.configs]
    names = [found["letters"][letter] for letter in found["states"]]
    assert names == ["done", "running", "waiting", "done", "failed", "unfinished"]
    counts = {"done": 2, "running": 1, "waiting": 1, "failed": 1, "unfinished": 1}
    assert {name: found[name] for name in counts} == counts
    (only,) = listed["sweeps"]
    assert (only["id"], only["cells"], only["done"], only["failed"]) == (plan.sweep.id, 6, 2, 1)
    assert only["axes"] == [{"name": "learning_rate", "count": 3}, {"name": "inverse_temperature", "count": 2}]


def test_the_claims_of_who_has_died_are_none(store, monkeypatch):
    plan = plan_of()
    compute_all(store, plan, [0])
    claims = Claims(store.folder)
    claims.take([plan.configs[1].id])
    from practicum.runs import claims as claims_module

    assert claims_module.claimed(store.folder) == {plan.configs[1].id}
    monkeypatch.setattr(claims_module, "_alive", lambda *_: False)
    assert claims_module.claimed(store.folder) == set()
    assert claims_module.claimed(store.folder / "nowhere") == set()
    claims.close()


def test_values_are_the_last_ones_of_every_cell(store):
    plan = plan_of()
    compute_all(store, plan, [0, 1, 3, 5])
    plan.sweep.write(store.folder)
    flip(store.path(plan.configs[5]))
    with served(create_app(store)) as client:
        job = client.post(f"/api/sweeps/{plan.sweep.id}/values", json={}).json()["job"]
        name, found = events(client, job)[-1]
    assert name == "done"
    expected = [
        store.get(plan.configs[i])["generalization_error"].values[-1] if i in (0, 1, 3) else None for i in range(6)
    ]
    assert found["values"]["generalization_error"] == expected
    assert len(set(expected[:2])) == 2  # power: cells differ


def test_a_damaged_sweep_is_listed_with_its_sentence(store):
    plan = plan_of()
    path = plan.sweep.write(store.folder)
    flip(path)
    with served(create_app(store)) as client:
        (only,) = client.get("/api/sweeps").json()["sweeps"]
        assert "does not have the SHA-256" in only["problem"]
        found = client.get(f"/api/sweeps/{plan.sweep.id}")
        assert found.status_code == 409
        assert found.json()["problem"] == only["problem"]


@contextmanager
def following(client, sweep):
    """The events of a sweep as they come, in a list that grows."""
    found, over = [], threading.Event()

    def read():
        name = ""
        with client.stream("GET", f"/api/sweeps/{sweep}/events") as response:
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    found.append((name, json.loads(line.removeprefix("data: "))))
        over.set()

    threading.Thread(target=read, daemon=True).start()
    yield found, over


def until(condition):
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_who_follows_is_told_each_change_and_the_end(store):
    plan = plan_of()
    compute_all(store, plan, [0])
    plan.sweep.write(store.folder)
    with served(create_app(store)) as client, following(client, plan.sweep.id) as (told, over):
        until(lambda: told)
        assert told[0][0] == "all"
        assert told[0][1]["states"] == "dwwwww"
        compute_all(store, plan, [1, 2])
        until(lambda: told[-1][1]["done"] == 3)
        record_failure(store.folder, plan.configs[3], "ZeroDivisionError", "It divided by zero.", 3)
        compute_all(store, plan, [4, 5])
        assert over.wait(15)
    assert told[-1][0] == "done"
    assert (told[-1][1]["done"], told[-1][1]["failed"]) == (5, 1)
    changes = [tuple(cell) for name, data in told if name == "changed" for cell in data["cells"]]
    assert sorted(changes) == [(1, "d"), (2, "d"), (3, "f"), (4, "d"), (5, "d")]  # each once, and nothing else


def test_a_folder_that_rests_is_not_listed_again_and_followers_share_a_look(store, monkeypatch):
    plan = plan_of()
    compute_all(store, plan, [0, 1])
    looks = []
    monkeypatch.setattr(module, "states_in", lambda *given: looks.append(given) or states_in(*given))
    monkeypatch.setattr(module, "_BETWEEN", 0.02)
    monkeypatch.setattr(module, "_SETTLED", 0.0)

    async def body():
        watch = Watch(store.folder, Limits())
        await asyncio.gather(*(watch.look() for _ in range(20)))
        assert len(looks) == 1
        for _ in range(5):
            await asyncio.sleep(0.03)
            await watch.look()
        assert len(looks) == 1
        seen = await watch.look()
        compute_all(store, plan, [2, 3])
        await asyncio.sleep(0.03)
        now = await watch.look()
        assert len(looks) == 2
        assert set(watch.since(seen)) == {plan.configs[2].id, plan.configs[3].id}
        assert now == seen + 2

    asyncio.run(body())


def test_a_change_within_the_tick_of_a_disk_is_seen(store, monkeypatch):
    monkeypatch.setattr(module, "_BETWEEN", 0.0)
    plan = plan_of()
    compute_all(store, plan, [0])

    async def body():
        watch = Watch(store.folder, Limits())
        await watch.look()
        times = store.folder.stat()
        compute_all(store, plan, [1])
        os.utime(store.folder, ns=(times.st_atime_ns, times.st_mtime_ns))  # as if the clock had not moved
        await watch.look()
        assert watch.states[plan.configs[1].id] == "done"

    asyncio.run(body())


def test_followers_are_as_many_as_may_be():
    watch = Watch(None, Limits(followers=3, followers_per_client=2))
    watch.enter("a")
    watch.enter("a")
    with pytest.raises(Busy, match="2 pages of yours"):
        watch.enter("a")
    watch.enter("b")
    with pytest.raises(Busy):
        watch.enter("c")
    watch.leave("a")
    watch.enter("c")


def test_a_page_that_goes_away_gives_its_place_back(store):
    plan = plan_of()
    compute_all(store, plan, [0])
    plan.sweep.write(store.folder)
    app = create_app(store, limits=Limits(followers_per_client=1))
    with served(app) as client:
        for _ in range(2):
            with client.stream("GET", f"/api/sweeps/{plan.sweep.id}/events") as response:
                assert response.status_code == 200
                lines = response.iter_lines()  # kept, for with its end the connection would be closed
                next(lines)
                assert client.get(f"/api/sweeps/{plan.sweep.id}/events").status_code == 429
                lines.close()
            until(lambda: app.state.services.watch._followers.total() == 0)


def test_a_large_grid_is_told_up_to_a_bound(store, monkeypatch):
    from practicum.web import sweeps

    monkeypatch.setattr(sweeps, "MOST_CELLS", 4)
    plan = plan_of()
    compute_all(store, plan, [0, 5])
    plan.sweep.write(store.folder)
    with served(create_app(store)) as client:
        found = client.get(f"/api/sweeps/{plan.sweep.id}").json()
        assert (found["states"], len(found["runs"]), found["cells"], found["done"]) == ("dwww", 4, 6, 2)
        refused = client.post(f"/api/sweeps/{plan.sweep.id}/values", json={})
        assert refused.status_code == 422
        assert "4 cells at most" in refused.json()["problem"]
    assert np.prod(plan.sweep.shape) == 6

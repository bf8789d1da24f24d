"""Cells are computed once each, by whoever is free, and what goes wrong with one of them is a stored status."""

import json
import os
import subprocess
import sys

import pytest

from made_up import compute, simulate_config, solve_config
from practicum import ParameterError, PracticumError, StorageError
from practicum.runs import Store
from practicum.runs.claims import Claims
from practicum.runs.failures import failed, read_failure
from practicum.runs.sweeps import cluster
from practicum.runs.sweeps.axes import axis
from practicum.runs.sweeps.cells import Done, Stop, compute_cells, identity
from practicum.runs.sweeps.cluster import Place, connected
from practicum.runs.sweeps.dealer import Dealer
from practicum.runs.sweeps.engine import run_cells
from practicum.runs.sweeps.plan import from_config

# Two of four networks are too small for the chain, which is found out when it begins.
TOO_SMALL = "dimension of at least 5"


@pytest.fixture(scope="module")
def here():
    """One cluster for all tests of this file, since it takes seconds to start."""
    with connected(Place(2)) as (client, _):
        yield Place(scheduler=client.scheduler.address)


def plan(dimensions=(3, 4, 50, 60), **changes):
    return from_config(simulate_config(until=1.0, seeds=1, **changes), [axis("dimension", dimensions)])


def test_failed_cells_are_kept_as_statuses_and_tried_again_when_asked(tmp_path, here):
    store, seen = Store(tmp_path), []
    outcome = run_cells(store, plan(), here, progress=seen.append)
    assert (outcome.computed, outcome.found, len(outcome.failed)) == (2, 0, 2)
    assert sorted(store.ids()) == sorted(plan().sweep.cells[2:])
    for run, path in failed(tmp_path).items():
        note = read_failure(path)
        assert note.tries == 1  # the same values would be refused again
        assert note.error == "ParameterError"
        assert TOO_SMALL in note.problem == outcome.failed[run]
    assert [now.done for now in seen] == sorted(now.done for now in seen)
    assert (seen[-1].done, seen[-1].failed, seen[-1].cells) == (4, 2, 4)
    again = run_cells(store, plan(), Place(scheduler="tcp://127.0.0.1:1"))  # nobody is asked: there is nothing to do
    assert (again.computed, again.found, again.failed) == (0, 2, outcome.failed)
    retried = run_cells(store, plan(), here, retry=True)
    assert (retried.computed, retried.found, len(retried.failed)) == (0, 2, 2)


def test_a_larger_grid_computes_what_is_new(tmp_path, here):
    store = Store(tmp_path)
    assert run_cells(store, plan((50, 60)), here).computed == 2
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.nc")}
    outcome = run_cells(store, plan((50, 60, 70)), here)
    assert (outcome.found, outcome.computed) == (2, 1)
    assert before.items() <= {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.nc")}.items()
    assert len(list(tmp_path.glob("*.sweep"))) == 2


def test_cells_are_bitwise_those_of_the_verb(tmp_path, here):
    run_cells(Store(tmp_path / "swept"), plan((50, 60)), here)
    for config in plan((50, 60)).configs:
        Store(tmp_path / "alone").run(config)
        name = f"{config.id}.nc"
        assert (tmp_path / "swept" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_a_cell_that_another_process_holds_is_left_to_it_and_taken_over_if_it_gives_up(tmp_path, here):
    """The other one stores one of its two cells, and gives the second one back."""
    store, grid = Store(tmp_path), plan((50, 60, 70))
    store.folder.mkdir(exist_ok=True)
    other = Claims(tmp_path)
    mine, theirs = grid.configs[0], grid.configs[1:]
    other.take([config.id for config in theirs])

    def look(now):
        if now.done == 1 and theirs[0] not in store:  # ours is done
            assert mine in store
            store.keep(theirs[0], compute(theirs[0]))
            other.close()

    outcome = run_cells(store, grid, here, progress=look)
    assert (outcome.computed, outcome.elsewhere, outcome.found) == (2, 1, 0)
    with Claims(tmp_path) as claims:  # none is left
        assert claims.take(grid.sweep.cells) == list(grid.sweep.cells)


def test_a_script_needs_no_main_guard(tmp_path):
    """Workers that multiprocessing starts run the script again; ours do not."""
    script = (
        "from practicum.runs.sweeps import sweep\n"
        "print('once')\n"
        "tables = {'machine': {'students': 2, 'teachers': 2}, 'rule': {'learning_rate': 1.0}, 'until': 1.0,\n"
        "          'start': {'kind': 'random'}, 'simulate': {'dimension': 50}}\n"
        "found = sweep(tables, {'noise': [0.0, 0.1]}, store='runs', workers=1)\n"
        "print(dict(found.sizes)['noise'], found.status.values.ravel().tolist())\n"
    )
    file = tmp_path / "script.py"
    file.write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, str(file)], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.splitlines() == ["once", "2 ['ok', 'ok']"], done.stderr


def test_a_worker_of_other_versions_or_without_the_store_computes_nothing(tmp_path):
    grid = plan((50, 60))
    grid.sweep.write(tmp_path)
    name, texts = f"{grid.sweep.id}.sweep", [config.canonical() for config in grid.configs]
    stop = compute_cells(str(tmp_path), name, {**identity(), "numpy": "0.1"}, texts)
    assert isinstance(stop, Stop)
    assert "and this process 0.1" in stop.reason
    stop = compute_cells(str(tmp_path / "elsewhere"), name, identity(), texts)
    assert isinstance(stop, Stop)
    assert "does not see the store" in stop.reason
    assert Store(tmp_path).ids() == []
    done = compute_cells(str(tmp_path), name, identity(), texts)
    assert [one.outcome for one in done] == ["computed", "computed"]
    assert [one.outcome for one in compute_cells(str(tmp_path), name, identity(), texts)] == ["stored", "stored"]


@pytest.mark.parametrize(
    "error",
    [StorageError("The disk that holds it is full."), ImportError("No module named x")],
    ids=["disk", "package"],
)
def test_a_full_disk_and_a_missing_package_stop_the_sweep_and_no_cell_is_blamed(tmp_path, monkeypatch, error):
    grid = plan((50, 60))
    grid.sweep.write(tmp_path)

    def refuse(self, config, dataset):
        raise error

    monkeypatch.setattr(Store, "keep", refuse)
    texts = [config.canonical() for config in grid.configs]
    stop = compute_cells(str(tmp_path), f"{grid.sweep.id}.sweep", identity(), texts)
    assert stop == Stop(str(error))
    assert failed(tmp_path) == {}


def test_what_fails_by_chance_is_tried_three_times(tmp_path, monkeypatch):
    grid = plan((50,))
    grid.sweep.write(tmp_path)
    calls = []

    def breaks(self, config, compute):
        calls.append(config.id)
        if len(calls) < 3 or len(calls) > 3 + 2:
            raise MemoryError("no room")
        return compute(config)

    monkeypatch.setattr(Store, "compute", breaks)
    arguments = (str(tmp_path), f"{grid.sweep.id}.sweep", identity(), [grid.configs[0].canonical()])
    (done,) = compute_cells(*arguments)
    assert (done.outcome, len(calls)) == ("computed", 3)
    Store(tmp_path).path(grid.configs[0]).unlink()
    calls[:] = [""] * 6
    (done,) = compute_cells(*arguments)
    assert (done.outcome, len(calls)) == ("failed", 9)
    assert done.problem == "MemoryError: no room"
    assert read_failure(failed(tmp_path)[done.run]).tries == 3


class Batch:
    """A future that ends as it is told."""

    def __init__(self, end):
        self.end = end

    def result(self):
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


def work(store, grid, **changes):
    configs = {config.id: config for config in grid.configs}
    return Dealer(store, grid, configs, list(configs), failed={}, progress=None, **changes)


def test_the_cell_that_no_worker_survives_is_found_and_the_others_of_its_batch_are_not_blamed(tmp_path):
    from distributed import KilledWorker

    store, grid = Store(tmp_path), plan((50, 60, 70))
    killed = KilledWorker("cells", None, 3)
    with Claims(tmp_path) as claims:
        now = work(store, grid)
        batch = [now.pending.pop() for _ in range(3)]
        store.keep(now.configs[batch[0]], compute(now.configs[batch[0]]))  # done before the worker died
        future = Batch(killed)
        now.running[future] = batch
        now._take(future, claims)
        assert (now.computed, now.failed, set(now.pending)) == (1, {}, set(batch[1:]))
        assert now._batch_size() == 1  # one by one from now on
        single = now.pending.pop()
        alone = Batch(killed)
        now.running[alone] = [single]
        now._take(alone, claims)
        assert list(now.failed) == [single] == list(failed(tmp_path))
        assert "workers ended while they computed it" in now.failed[single]


def test_batches_take_about_a_second_and_the_end_is_shared(tmp_path):
    now = work(Store(tmp_path), plan(tuple(range(50, 1050))), workers=2)
    assert now._batch_size() == 1  # nothing is known yet
    for _ in range(4):
        now.clock.add(0.05)
    assert now._batch_size() == 20
    now.pending = now.pending[:30]
    assert now._batch_size() == 7  # 30 cells for 2 workers with 2 batches at hand
    now.clock.add(100.0)
    assert now._batch_size() == 1
    cheap = work(Store(tmp_path), plan(tuple(range(50, 10050))), workers=1)
    cheap.clock.add(0.0)
    assert cheap._batch_size() == 500


def test_a_lost_scheduler_is_one_sentence(tmp_path):
    from concurrent.futures import CancelledError

    store, grid = Store(tmp_path), plan((50, 60))
    now = work(store, grid)
    store.keep(grid.configs[0], compute(grid.configs[0]))
    future = Batch(CancelledError())
    now.running[future] = [grid.configs[1].id]
    with Claims(tmp_path) as claims, pytest.raises(PracticumError, match=r"is gone\. 1 of 2 cells are stored"):
        now._take(future, claims)
    stopped = Batch(Stop("The disk is full."))
    now.running[stopped] = [grid.configs[1].id]
    with Claims(tmp_path) as claims, pytest.raises(StorageError, match=r"The disk is full\. 1 of 2 cells"):
        now._take(stopped, claims)


def test_results_are_counted_by_how_they_ended(tmp_path):
    grid = plan((50, 60, 70))
    now = work(Store(tmp_path), grid)
    ends = [Done("a", "computed", 1.0), Done("b", "stored", 0.0), Done("c", "failed", 2.0, "why")]
    future = Batch(ends)
    now.running[future] = list(grid.sweep.cells)
    with Claims(tmp_path) as claims:
        now._take(future, claims)
    assert (now.computed, now.elsewhere, now.failed) == (1, 1, {"c": "why"})
    assert (now.clock.count, now.clock.total) == (2, 3.0)


def test_places_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="'workers' parameter must be a whole number >= 1"):
        Place(0)
    with pytest.raises(ParameterError, match="give 'workers' or 'scheduler', not both"):
        Place(2, scheduler="tcp://x:1")
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    with (
        pytest.raises(ParameterError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"),
        connected(Place(scheduler="tcp://127.0.0.1:1")),
    ):
        pass
    for text in ("", "{}", "[1]", "no json"):
        (tmp_path / "scheduler.json").write_text(text)
        with (
            pytest.raises(ParameterError, match="does not say the address"),
            connected(Place(scheduler_file=tmp_path / "scheduler.json")),
        ):
            pass
    with (
        pytest.raises(ParameterError, match="cannot be read: no such file"),
        connected(Place(scheduler_file=tmp_path / "none.json")),
    ):
        pass


def test_python_and_the_command_line_sweep_the_same_runs(tmp_path, here):
    """And the dataset has the swept dimensions in front."""
    from practicum.runs.sweeps import sweep

    tables = {
        "machine": {"students": 2, "teachers": 2},
        "rule": {"learning_rate": 1.0},
        "start": {"kind": "random"},
        "simulate": {"dimension": 50, "seeds": 2},
        "until": 1.0,
    }
    found = sweep(tables, {"noise": [0.0, 0.1]}, store=tmp_path, scheduler=here.scheduler)
    assert found.generalization_error.dims[:1] == ("noise",)
    settings = [
        "students=2",
        "teachers=2",
        "learning_rate=1.0",
        "kind=random",
        "dimension=50",
        "until=1.0",
        "noise=0,0.1",
    ]
    arguments = [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "practicum", "sweep", *arguments, "--seeds", "2", "--store", str(tmp_path), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert (document["found"], document["computed"], document["failed"]) == (2, 0, {})
    assert sorted(document["cells"]) == Store(tmp_path).ids()


def test_what_cannot_be_swept(tmp_path):
    from practicum.runs.sweeps import sweep

    with pytest.raises(ParameterError, match="'over' parameter must be a mapping"):
        sweep(solve_config(), [1, 2], store=tmp_path)
    with pytest.raises(ParameterError, match="'config' parameter of sweep"):
        sweep(3, {"noise": [0, 1]}, store=tmp_path)
    with pytest.raises(ParameterError, match="needs a parameter with several values"):
        sweep(solve_config(), {}, store=tmp_path)
    assert not list(tmp_path.iterdir())

"""Many runs at once: the same as one after the other, no process more than needed, and none left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import parallel_jobs
from made_up import simulate_config
from practicum import ParameterError
from practicum.errors import PracticumError
from practicum.runs import Store, StudyConfig, parallel, run_all


def job(number, compute=parallel_jobs.where, **parameters):
    return StudyConfig(study="made-up", part="part", parameters={"number": number, **parameters}), compute


def never(*_):
    raise AssertionError("a process was started")


def test_results_are_in_the_order_of_the_jobs_and_processes_are_reused(tmp_path, capfd):
    store, fractions = Store(tmp_path), []
    # The first job takes longest, so that it comes back last.
    jobs = [job(n, seconds=1.0 if n == 0 else 0.02) for n in range(8)]
    results = run_all(store, jobs, 2, fractions.append)
    assert [int(r["number"]) for r in results] == list(range(8))
    processes = {int(r["process"]) for r in results}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert {r.attrs["limits"] for r in results} == {"1,1,1"}
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert sorted(store.ids()) == sorted(config.id for config, _ in jobs)
    assert capfd.readouterr().out == ""


def test_what_is_stored_is_read_and_starts_nothing(tmp_path, monkeypatch):
    store = Store(tmp_path)
    first = run_all(store, [job(1), job(2)], 2)
    monkeypatch.setattr(parallel, "_start", never)
    again = run_all(store, [job(2), job(1), job(2)], 2)
    assert [a.identical(b) for a, b in zip(again, [first[1], first[0], first[1]], strict=True)] == [True] * 3
    assert run_all(store, [], 2) == []


@pytest.mark.parametrize(("jobs", "workers"), [([0], 4), ([0, 0], 4), ([0, 1, 2], 1)])
def test_one_job_or_one_worker_needs_no_process(tmp_path, monkeypatch, jobs, workers):
    monkeypatch.setattr(parallel, "_start", never)
    results = run_all(Store(tmp_path), [job(n) for n in jobs], workers)
    assert {int(r["process"]) for r in results} == {os.getpid()}


def test_side_by_side_is_bitwise_one_after_the_other(tmp_path):
    jobs = [job(n, parallel_jobs.draws) for n in range(3)]
    jobs.append((simulate_config(until=1.0, seeds=2), None))
    alone, together = Store(tmp_path / "alone"), Store(tmp_path / "together")
    for a, b in zip(run_all(alone, jobs, 1), run_all(together, jobs, 2), strict=True):
        assert a.identical(b)
    for config, _ in jobs:
        assert alone.path(config).read_bytes() == together.path(config).read_bytes()


def test_an_error_names_its_job_and_what_was_done_before_is_stored(tmp_path):
    store = Store(tmp_path)
    jobs = [job(0), job(1, parallel_jobs.fails, seconds=0.5), job(2)]
    for workers in (2, 1):
        with pytest.raises(ParameterError) as caught:
            run_all(store, jobs, workers)
        assert str(caught.value) == f"In made-up: part ({jobs[1][0].id}): The number must not be 1."
    assert jobs[0][0] in store
    assert jobs[1][0] not in store


def test_a_fault_keeps_its_kind_and_shows_where_it_was(tmp_path):
    jobs = [job(0, parallel_jobs.breaks), job(1, parallel_jobs.breaks)]
    with pytest.raises(ZeroDivisionError) as caught:
        run_all(Store(tmp_path), jobs, 2)
    (note,) = caught.value.__notes__
    assert note.startswith("in made-up: part (")
    assert "return 1 / 0" in note
    with pytest.raises(RuntimeError, match="Odd: odd"):
        run_all(Store(tmp_path), [job(0, parallel_jobs.breaks_oddly), job(1, parallel_jobs.breaks_oddly)], 2)


def test_a_process_that_dies_is_one_sentence(tmp_path):
    with pytest.raises(PracticumError, match=r"computed made-up: part \(\w+\) ended without a result \(exit code 7\)"):
        run_all(Store(tmp_path), [job(0, parallel_jobs.dies), job(1, parallel_jobs.dies)], 2)


def test_a_function_that_cannot_be_imported_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="must stand at the top of a module"):
        run_all(Store(tmp_path), [job(0, lambda config: None), job(1)], 2)
    with pytest.raises(ParameterError, match="'workers' parameter must be a whole number >= 1"):
        run_all(Store(tmp_path), [job(0), job(1)], 0)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


PARENT = """
import sys
import parallel_jobs
from practicum.runs import Store, StudyConfig, run_all
jobs = [
    (StudyConfig(study="s", part="p", parameters={"file": file}), parallel_jobs.waits) for file in sys.argv[2:]
]
run_all(Store(sys.argv[1]), jobs, 2)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to see processes")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_its_parent(tmp_path, end):
    """Interrupted or killed, the parent alone: its workers must notice by themselves."""
    files = [tmp_path / "a", tmp_path / "b"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # No file of its own: a script that is read from the command line must work too.
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "runs"), *map(str, files)],
        env=environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not all(file.exists() and file.read_text() for file in files):
        assert time.monotonic() < deadline
        assert parent.poll() is None, parent.stderr.read().decode()
        time.sleep(0.05)
    workers = [int(file.read_text()) for file in files]
    assert all(alive(worker) for worker in workers)
    parent.send_signal(end)
    parent.communicate(timeout=60)
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)

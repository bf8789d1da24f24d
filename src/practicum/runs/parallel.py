"""Many runs at once, each in a process with one thread; what is stored already is read."""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from practicum.errors import ParameterError, PracticumError
from practicum.runs.config import RunConfig, config_from_json
from practicum.runs.execute import execute
from practicum.runs.files import require_writable
from practicum.runs.processes import cores, environment
from practicum.runs.resuming import CheckpointWarning
from practicum.runs.store import Store
from practicum.values import threads

if TYPE_CHECKING:
    import xarray as xr

Compute = Callable[..., "xr.Dataset"]
Job = tuple[RunConfig, Compute | None]


def run_all(
    store: Store,
    jobs: Sequence[Job],
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[xr.Dataset]:
    """The runs of all jobs, in their order; those that are not stored are computed side by side and stored.

    Main arguments:
        store: where they are kept. A run is stored as soon as it is done, so an interrupt costs only what is under way
            (of a training, what came after its last checkpoint).
        jobs: pairs (configuration, function). The function is called as ``function(configuration)`` in another process
            and returns a Dataset; so it stands at the top of a module that can be imported. None is for the
            configurations that know themselves how they are computed, see :func:`practicum.runs.execute.execute`.

    Other arguments:
        workers: processes; as many as processors if not given. Each is kept for many jobs, since importing torch takes
            seconds. With one worker, or one run to compute, everything is done in this process.
        progress: called with the fraction done.

    Raises:
        ParameterError: a function that another process cannot import, or an error of one of the jobs, which is named;
            likewise of every other kind. What was done before is stored; what is under way is given up.
    """
    jobs = list(jobs)
    found: dict[str, xr.Dataset] = {}
    todo: dict[str, Job] = {}
    for config, compute in jobs:
        stored = None if config.id in found or config.id in todo else store.get(config)
        if stored is not None:
            found[config.id] = stored
        elif config.id not in found:
            todo[config.id] = (config, compute)
    count = len(found) + len(todo)

    def show(fractions: float) -> None:
        if progress is not None:
            progress((count - len(todo) + fractions) / count if count else 1.0)

    number = min(threads(cores() if workers is None else workers), len(todo))
    if todo:
        require_writable(store.folder)
    for run, dataset in _computed(store, todo, number, show):
        found[run] = dataset
    return [found[config.id] for config, _ in jobs]


def compute_one(folder: str, text: str, compute: Compute | None, progress: Callable[[float], None]) -> xr.Dataset:
    """What a worker does with a job: everything but store it."""
    if compute is None:
        compute = partial(execute, workers=1, progress=progress)
    return Store(folder).compute(config_from_json(text), compute)


def _computed(
    store: Store, todo: dict[str, Job], workers: int, show: Callable[[float], None]
) -> Iterator[tuple[str, xr.Dataset]]:
    """Runs as they come, stored."""
    fractions = dict.fromkeys(todo, 0.0)

    def advance(run: str, fraction: float) -> None:
        fractions[run] = fraction
        show(sum(fractions.values()))

    if workers <= 1:
        for run, (config, compute) in todo.items():
            work = compute or partial(execute, workers=1, progress=partial(advance, run))
            try:
                dataset = store.run(config, work)
            except Exception as error:
                raise _named(config, error) from None
            advance(run, 1.0)
            yield run, dataset
        return
    for config, compute in todo.values():
        if getattr(compute, "__module__", "") == "__main__" or "<" in getattr(compute, "__qualname__", ""):
            raise ParameterError(
                f"The function of {_name(config)} must stand at the top of a module, because another process imports "
                f"it. Got {compute!r:.80} instead; move it into a file, or set workers=1."
            )
    events: queue.SimpleQueue[tuple[str, str, Any]] = queue.SimpleQueue()
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for run in todo:
        waiting.put(run)
    processes: list[subprocess.Popen[bytes]] = []
    servers: list[threading.Thread] = []
    try:
        for _ in range(workers):
            processes.append(_start())
            servers.append(threading.Thread(target=_serve, args=(processes[-1], store, todo, waiting, events)))
            servers[-1].start()
        left = len(todo)
        while left:
            run, what, content = events.get()
            config = todo[run][0]
            if what == "done":
                dataset = store.keep(config, content)
                advance(run, 1.0)
                left -= 1
                yield run, dataset
            elif what == "progress":
                advance(run, content)
            elif what == "warning":
                warnings.warn(content, CheckpointWarning, stacklevel=3)
            elif what == "failed":
                error, trace = content
                raise _named(config, error, trace) from None
            else:
                raise PracticumError(
                    f"The process that computed {_name(config)} ended without a result (exit code {content}), most "
                    "often for lack of memory; set workers to a smaller number."
                )
    finally:
        for process in processes:
            process.kill()
        for server in servers:
            server.join()


def _start() -> subprocess.Popen[bytes]:
    """A worker. A module of its own, instead of multiprocessing's copy of the caller's main script, which would run
    that script again."""
    command = [sys.executable, "-P", "-m", "practicum.runs._worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())


def _serve(
    process: subprocess.Popen[bytes],
    store: Store,
    todo: dict[str, Job],
    waiting: queue.SimpleQueue[str],
    events: queue.SimpleQueue[tuple[str, str, Any]],
) -> None:
    """Hand one job after the other to a worker and pass on what it says; it ends when there is none left."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError), process:  # closes the pipes, upon which the worker ends
        while True:
            try:
                run = waiting.get_nowait()
            except queue.Empty:
                return
            config, compute = todo[run]
            job = pickle.dumps((str(store.folder.absolute()), config.canonical(), compute))
            try:
                pickle.dump(job, process.stdin)
                process.stdin.flush()
                what = ""
                while what not in ("done", "failed"):
                    what, content = pickle.load(process.stdout)
                    events.put((run, what, content))
            except (EOFError, OSError, pickle.UnpicklingError):
                events.put((run, "died", process.wait()))
                return


def _named(config: RunConfig, error: Exception, trace: str = "") -> Exception:
    """The error with the name of its job: in the sentence that a person reads, or beside the traceback of a fault."""
    if isinstance(error, PracticumError):
        return type(error)(f"In {_name(config)}: {error}")
    error.add_note(f"in {_name(config)}{', computed by another process:' if trace else ''}\n{trace}".rstrip())
    return error


def _name(config: RunConfig) -> str:
    if config.kind == "study":
        return f"{config.study}: {config.part} ({config.id})"
    return f"the {config.kind} run {config.id}"

"""A process that computes one job after the other for :mod:`practicum.runs.parallel`; started as a module.

Jobs come in by standard input and results leave by what was standard output, both pickled: the two ends are one program
on one machine. What a job prints goes to standard error.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import traceback
import warnings
from typing import Any


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt of the terminal ends this process without a traceback
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()

    def send(what: str, content: Any) -> None:
        with lock:
            pickle.dump((what, content), results, pickle.HIGHEST_PROTOCOL)
            results.flush()

    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    while True:
        job = jobs.get()
        try:
            from practicum.runs.parallel import compute_one
            from practicum.runs.resuming import CheckpointWarning

            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", CheckpointWarning)
                folder, config, compute = pickle.loads(job)
                dataset = compute_one(folder, config, compute, lambda fraction: send("progress", fraction))
            for warning in caught:
                send("warning", str(warning.message))
        except Exception as error:
            send("failed", (_portable(error), traceback.format_exc()))
        else:
            send("done", dataset)


def _listen(jobs: queue.SimpleQueue[bytes]) -> None:
    while True:
        try:
            jobs.put(pickle.load(sys.stdin.buffer))
        except EOFError:
            os._exit(0)  # the parent is gone, or wants no more: nobody would read what is being computed


def _portable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    main()

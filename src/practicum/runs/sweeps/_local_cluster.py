"""A process that keeps a Dask LocalCluster for :mod:`practicum.runs.sweeps.cluster`; started as a module.

A process of its own, because workers that multiprocessing starts run the caller's main script again, which a script
without ``if __name__ == "__main__"`` does not survive, and because a scheduler in the caller's threads would wait for
whatever the caller computes. It is told how many workers to start and for which kind of runs, says one line of JSON,
its addresses, and lives until its standard input is closed: so it goes, and takes its workers along, however the
caller ends.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_TRIES = 5


def started(workers: int, kind: str) -> Any:
    """A cluster whose workers are ready. One that ends while they load what they need costs a new try, not the sweep.

    Raises:
        RuntimeError: the workers end whenever they are started.
    """
    from distributed import LocalCluster

    for tries in range(1, _TRIES + 1):
        try:
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                preload=[f"from practicum.runs.sweeps.warm import start_warm\nstart_warm({kind!r})"],
                dashboard_address="127.0.0.1:8787",  # or any free port, if another sweep has it
            )
        except RuntimeError:
            if tries == _TRIES:
                raise
    raise AssertionError("unreachable")


def main() -> None:
    from dask import config

    config.set(
        {
            # A cell is stored where it is computed; a worker holds nothing that would have to move or spill.
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.target": False,
        }
    )
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a cell prints does not get between the lines of who reads
    cluster = started(int(sys.argv[1]), sys.argv[2])
    with cluster:
        json.dump({"scheduler": cluster.scheduler_address, "dashboard": cluster.dashboard_link}, said)
        said.write("\n")
        said.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()

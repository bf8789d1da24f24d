"""How much one server does for its clients: what keeps a laptop usable and a shared machine fair."""

from __future__ import annotations

import os

from pydantic import Field

from practicum.values import Value


def _spare_processors() -> int:
    return max(1, (os.cpu_count() or 1) - 1)


class Limits(Value):
    """Bounds of a server. The defaults suit a laptop and a class that opens the same link.

    Main arguments:
        body: the largest request, in bytes.
        examples: the largest ``until * dimension * batch_size * seeds`` of a simulation.
        multiplications: the largest ``epochs * samples * weights`` of a training, in which each example meets every
            weight; the default keeps a training to some ten seconds, with the smallest batches to a minute.

    Other arguments:
        computing: answers computed at one time, such as flows; more wait. One processor is left for the server.
        waiting: how many may wait. The next one is refused (429).
        waiting_per_client: how many of one client are computed or wait.
        patience: seconds after which a flow is given up and answered as far as it has come.
        jobs: jobs that run at one time; more wait.
        queued: jobs that may wait, of all clients.
        jobs_per_client: jobs of one client that run or wait.
        kept: seconds for which the end of a job is remembered.
        remembered: how many ended jobs are remembered at most.
        followers: pages that follow a sweep, each of which keeps a connection open.
        followers_per_client: those of one client; a browser has six connections to a server and needs some of them.
        cached: flows and marks that are kept for the next one who asks for the same.
        learning: the largest ``epochs * examples * weights`` of a student that is trained to be attacked or pruned:
            half a minute or so.
        attacking: the largest ``radii * inputs * steps * weights`` of an attack, likewise.
        fitting: the largest ``fits * nodes * inputs^3`` of a pruning of edges, likewise.
        students: trained students that are kept, with their teachers and inputs, of at most some 30 MB each.
    """

    body: int = Field(default=64 * 1024, ge=1024)
    examples: float = Field(default=1e10, gt=0)
    multiplications: float = Field(default=1e10, gt=0)
    computing: int = Field(default_factory=_spare_processors, ge=1)
    waiting: int = Field(default=16, ge=0)
    waiting_per_client: int = Field(default=8, ge=1)
    patience: float = Field(default=10.0, gt=0)
    jobs: int = Field(default=1, ge=1)
    queued: int = Field(default=8, ge=0)
    jobs_per_client: int = Field(default=4, ge=1)
    kept: float = Field(default=300.0, gt=0)
    remembered: int = Field(default=100, ge=1)
    followers: int = Field(default=32, ge=1)
    followers_per_client: int = Field(default=4, ge=1)
    cached: int = Field(default=64, ge=1)
    learning: float = Field(default=3e10, gt=0)
    attacking: float = Field(default=1e10, gt=0)
    fitting: float = Field(default=5e11, gt=0)
    students: int = Field(default=4, ge=1)

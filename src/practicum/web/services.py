"""What the routers of one server share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request

from practicum.web.cache import Cache
from practicum.web.desk import Desk
from practicum.web.jobs import Jobs
from practicum.web.limits import Limits
from practicum.web.listing import Listing
from practicum.web.marks import BestRules
from practicum.web.problems import Problem
from practicum.web.trained import Students
from practicum.web.warmth import Trainer, Warmth
from practicum.web.watch import Watch

if TYPE_CHECKING:
    from practicum.runs.store import Store


class Services:
    """The store, the bounds, and who computes: short answers at the desk, long ones as jobs."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.store = store
        self.limits = limits
        self.desk = Desk(limits)
        self.jobs = Jobs(limits)
        self.best_rules = BestRules(limits.cached)
        self.flows: Cache[Problem, bytes] = Cache(limits.cached)
        self.marks: Cache[Problem, dict[str, Any]] = Cache(limits.cached)
        self.students = Students(limits.students)
        self.warmth = Warmth()
        self.about: dict[bool, bytes] = {}
        """What the page is told first, before and after everything is compiled."""
        self.trainer = Trainer()
        self.listing = Listing(store)
        self.watch = Watch(store.folder, limits)

    def close(self) -> None:
        """Cancel what is computed and let nothing more begin."""
        self.jobs.close()
        self.desk.close()
        self.best_rules.close()


def services(request: Request) -> Services:
    """Those of the server that a request came to."""
    return request.app.state.services

"""The first picture must not wait for a compiler: what it needs is compiled, or loaded, as soon as a server starts."""

from __future__ import annotations

import asyncio
import threading
from typing import get_args

from practicum.theory.machines import Activation
from practicum.web.problems import Problem


class Warmth:
    """Which kernels of Explore are ready. On a machine that has run them before, that takes a second."""

    def __init__(self) -> None:
        self._ready = {activation: asyncio.Event() for activation in get_args(Activation)}

    def ready(self, activation: str = "erf") -> bool:
        """Whether a flow of that activation starts at once."""
        return self._ready[activation].is_set()

    async def wait(self, activation: str) -> None:
        """Return when the flow of that activation can be computed without compiling."""
        await self._ready[activation].wait()

    def begin(self) -> None:
        """Warm up in a thread of its own."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._warm, args=(loop,), name="practicum-warmth", daemon=True).start()

    def _warm(self, loop: asyncio.AbstractEventLoop) -> None:
        from practicum.simulation import simulate
        from practicum.web.flows import flow
        from practicum.web.marks import marks

        try:
            for activation in self._ready:
                problem = Problem(activation=activation, until=1.0)
                try:
                    flow(problem)
                finally:  # where it cannot be compiled, the request is the one to say why
                    loop.call_soon_threadsafe(self._ready[activation].set)
                if activation == "erf":
                    marks(problem)
                    simulate(problem.machine, problem.rule, problem.overlaps(), dimension=100, until=1.0, workers=1)
        except RuntimeError:  # the server has ended meanwhile
            if not loop.is_closed():
                raise

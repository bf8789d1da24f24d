"""The first picture must not wait for a compiler: what it needs is compiled, or loaded, as soon as a server starts."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading

from practicum.theory.machines import Activation
from practicum.web.problems import Problem


class Warmth:
    """Which kernels of Explore are ready. On a machine that has run them before, that takes a second.

    Each activation is compiled in a thread of its own when it is first wanted, so that the patience of a request is not
    spent on the compiler.
    """

    def __init__(self) -> None:
        self._ready: dict[str, asyncio.Event] = {}

    @property
    def ready(self) -> bool:
        """Whether everything that was wanted so far can be computed at once."""
        return all(event.is_set() for event in self._ready.values())

    def begin(self, activation: Activation) -> asyncio.Event:
        """Warm up for an activation; the event is set when that is done."""
        if activation not in self._ready:
            self._ready[activation] = asyncio.Event()
            arguments = activation, asyncio.get_running_loop()
            threading.Thread(target=self._warm, args=arguments, name="practicum-warmth", daemon=True).start()
        return self._ready[activation]

    async def wait(self, activation: Activation) -> None:
        """Return when flows of that activation can be computed without compiling."""
        await self.begin(activation).wait()

    def _warm(self, activation: Activation, loop: asyncio.AbstractEventLoop) -> None:
        from practicum.simulation import simulate
        from practicum.web.flows import flow
        from practicum.web.marks import marks

        problem = Problem(activation=activation, until=1.0)
        try:
            flow(problem)
        finally:  # where it cannot be compiled, the request is the one to say why
            with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(self._ready[activation].set)
        marks(problem)
        simulate(problem.machine, problem.rule, problem.overlaps(), dimension=100, until=1.0, workers=1)
        _keep_what_is_loaded()


class Trainer:
    """PyTorch, loaded, and the kernels that train with it, compiled: in a thread, as soon as a view that needs them is
    opened."""

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None

    def begin(self) -> None:
        """Warm up, if that has not begun yet."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._warm, name="practicum-trainer", daemon=True)
            self.thread.start()

    def _warm(self) -> None:
        from practicum.runs.execute import execute
        from practicum.web.frames import Film
        from practicum.web.trainings import SmallTraining

        config = SmallTraining(epochs=1, samples=100, hidden=2, multiple=1).config()
        execute(config, save=Film(config, lambda *_: None).begin())
        _keep_what_is_loaded()


def _keep_what_is_loaded() -> None:
    """Modules and kernels stay, so the garbage collector need not look through them again.

    It stops the server while it does, for a tenth of a second, whenever enough requests have come.
    """
    gc.collect()
    gc.freeze()

"""Cost of training, against a lean loop of PyTorch for one seed in the same run: ``python benchmarks/training.py``.

First table: milliseconds of processor time of one update of one seed. 16 seeds side by side, orders drawn and losses
gathered as in every training; teachers d-m-50, students m times `multiple` wide, batch 16, 10 000 examples a seed.
"one" trains a single seed, "batched" is the way of other devices, on this one. The lean loop has no settings to look
up, precomputed targets, orders drawn beforehand, and is the fastest of what ``torch.optim.SGD`` offers.

Second: what the 72 trainings of the two-layer experiments would take, from measured parts: 3 teachers, 4 widths, 6
decays, 32 seeds, 100 epochs of 1000 updates, with losses and correlations after every epoch.

What deep statistics cost beside training is in ``benchmarks/specialization.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, make_data
from practicum.networks._gradients import Backpropagation
from practicum.networks._threads import one_thread
from practicum.networks.training import _Run
from practicum.specialization.observers import Specialization

SEEDS, BATCH, OUTPUTS, SAMPLES, STEPS, RATE = 16, 16, 50, 10_000, 1000, 0.01
SIZES = ((20, 5, 2), (100, 10, 5), (100, 20, 10))
BARS = {"float32": (15, 7, 4), "float64": (12, 4, 2)}


def least(call: Callable[[], Any], repetitions: int = 5) -> float:
    """The least processor time in seconds, after one call that does not count: other programs only ever add."""
    call()
    taken = []
    for _ in range(repetitions):
        begin = time.process_time()
        call()
        taken.append(time.process_time() - begin)
    return min(taken)


def begun(d: int, m: int, multiple: int, dtype: str, seeds: int, observers: Any = ()) -> _Run:
    """A training that stands before its first epoch."""
    numbers = tuple(range(seeds))
    teacher = SeparatedTeacher(inputs=d, hidden=m, outputs=OUTPUTS).build(numbers, dtype=dtype)
    students = Students(multiple=multiple, initial="normal").build(teacher, numbers, dtype=dtype)
    data = make_data(GaussianInputs(dimension=d, scale=1.5), teacher, numbers, SAMPLES, SAMPLES, dtype=dtype)
    training = Training(learning_rate=RATE, batch_size=BATCH, epochs=1000, steps_per_epoch=STEPS)
    return _Run(teacher, students, data, training, numbers, observers)


def lean(run: _Run, **options: Any) -> float:
    """Seconds an update of the first seed, as PyTorch would be written for it."""
    x, t, first = run.examples.inputs[0], run.examples.wanted[0], run.students
    d, n = first.sizes[:2]  # pyright: ignore
    network = nn.Sequential(nn.Linear(d, n), nn.ReLU(), nn.Linear(n, OUTPUTS)).to(x.dtype)
    for layer, index in ((network[0], 0), (network[2], 1)):
        layer.weight.data.copy_(first.weights[index][0])  # pyright: ignore
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, **options)
    order = torch.randint(0, SAMPLES, (STEPS, BATCH), generator=torch.Generator().manual_seed(0))

    def epoch() -> None:
        for rows in order:
            loss = (network(x[rows]) - t[rows]).square().sum() * (0.5 / BATCH)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return least(epoch, 3) / STEPS


def speed() -> None:
    print("   d   m  multiple  dtype     lean loop   16 seeds  ratio  bar        one    batched   (ms a step and seed)")
    for dtype, bars in BARS.items():
        for (d, m, multiple), bar in zip(SIZES, bars):
            run, one = begun(d, m, multiple, dtype, SEEDS), begun(d, m, multiple, dtype, 1)
            theirs = min(lean(run, foreach=foreach) for foreach in (True, False))
            ours, alone = least(lambda r=run: r.advance(None)) / SEEDS, least(lambda r=one: r.advance(None))
            run.descent = Backpropagation(run.students, run.training)  # pyright: ignore
            batched = least(lambda r=run: r.advance(None), 3) / SEEDS
            print(
                f"{d:>4}{m:>4}{multiple:>10}  {dtype}{theirs * 1e3:>12.4f}{ours:>11.4f}{theirs * STEPS / ours:>7.1f}"
                f"{bar:>5}{alone:>11.4f}{batched:>11.4f}"
            )


def sweep(seeds: int = 4) -> None:
    print("\n  m  multiple   s an epoch of 32 seeds: training  loss  correlations; hours of 6 decays x 100 epochs")
    total = 0.0
    for m in (5, 10, 20):
        for multiple in (1, 2, 5, 10):
            begin = time.process_time()
            run = begun(100, m, multiple, "float32", seeds)
            start = time.process_time() - begin
            training = least(lambda r=run: r.advance(None), 3)
            loss = least(lambda r=run: r.look({r.epoch}), 3)
            run.observers, run.history.values = [Specialization()], {}
            both = least(lambda r=run: r.look({r.epoch}), 3)
            hours = 32 / seeds * 6 * (100 * (training + both) + start) / 3600
            total += hours
            parts = "".join(f"{32 / seeds * part:>9.3f}" for part in (training, loss, both - loss))
            print(f"{m:>3}{multiple:>10}{'':>27}{parts}{hours:>13.3f}", flush=True)
    print(f"The 72 trainings together: {total:.2f} core-hours (bar 3; the original code about 18).")


if __name__ == "__main__":
    with one_thread():
        speed()
        sweep()

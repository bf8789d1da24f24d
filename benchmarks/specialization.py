"""What it costs to look, against 1000 training steps in one run: ``python benchmarks/specialization.py``.

Two layers: teacher of 20 nodes, 100 inputs, 50 outputs, students 10 times as wide, 16 seeds side by side, batch 16.
Deep: teacher 50-75-100-125, 20 inputs, 100 outputs, students 10 times as wide, one seed, batch 64; correlations on
10 000 held-out inputs, fan-outs and alpha propagated for 256 of them. The bar is 30 % there.
"""

from __future__ import annotations

import time

import torch

from _timing import seconds
from practicum.networks.inputs import GaussianInputs
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import BalancedTeacher, SeparatedTeacher
from practicum.networks.training import fit, make_data
from practicum.specialization import Specialization


def training_seconds(teacher, students, data, seeds, many, **settings) -> float:
    """Processor time of 1000 steps: of a run of many steps less one of few, since both begin and end alike."""
    taken = []
    for steps in (20, 20, 20 + many):  # the first warms up
        training = Training(epochs=1, steps_per_epoch=steps, **settings)
        begin = time.process_time()
        fit(teacher, students.select(range(students.seeds)), data, training, seeds=seeds)
        taken.append(time.process_time() - begin)
    return 1000 / many * (taken[2] - taken[1])


def report(name: str, keep: tuple[str, ...], teacher, students, held_out, steps: float) -> None:
    observer = Specialization(keep=keep)
    cost = seconds(lambda: observer(teacher, students, held_out), 3)[1]
    kept = ", ".join(keep) or "summaries"
    print(f"{name:21s}{cost:7.3f} s {cost / steps:6.1%} of 1000 steps ({steps:5.2f} s)  {kept}")


def main() -> None:
    torch.set_num_threads(1)
    for dtype in ("float32", "float64"):
        seeds = range(16)
        law = GaussianInputs(dimension=100, scale=1.5)
        teacher = SeparatedTeacher(hidden=20).build(seeds, dtype=dtype)
        students = Students(multiple=10, initial="normal").build(teacher, seeds, dtype=dtype)
        data = make_data(law, teacher, seeds, 10_000, 10_000, dtype=dtype)
        steps = training_seconds(teacher, students, data, seeds, 2000, learning_rate=0.01, batch_size=16)
        for keep in ((), ("alignment", "fan_out", "winner_rank"), ("alignment", "fan_out", "winner_rank", "activity")):
            report(f"two layers, {dtype}", keep, teacher, students, data.held_out, steps)
    law = GaussianInputs(dimension=20, scale=10.0)
    teacher = BalancedTeacher().build([0], law=law, dtype="float32")
    students = Students(multiple=10).build(teacher, [0], dtype="float32")
    data = make_data(law, teacher, [0], 20_000, 10_000, dtype="float32")
    steps = training_seconds(teacher, students, data, [0], 100, learning_rate=0.01, batch_size=64)
    for keep in ((), ("fan_out", "alpha"), ("fan_out", "alpha", "alignment", "winner_rank", "activity")):
        report("deep, float32", keep, teacher, students, data.held_out, steps)


if __name__ == "__main__":
    main()

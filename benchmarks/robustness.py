"""Cost of attacks, against bare loops of PyTorch in the same run: ``python benchmarks/robustness.py``.

First table: PGD of 20 steps on 784-512-512-10, batch 256, pixels in [0, 1], one thread. The bare loop has a random
start, signs, and both clips; it looks at no point it has met, checks nothing, and judges nothing. foolbox is measured
where it is installed. Bars: 1.05 of the bare loop, 0.7 of foolbox.

Second: 16 students of two layers attacked side by side, against one after the other; times are those of a seed. The bar
is 3 times as fast for 8 hidden nodes; the more arithmetic there is, the less is gained.

Third: an epoch of adversarial training with 10 steps, against what its passes through the networks cost by themselves:
the update on a batch as it is, 10 times outputs, loss and gradient at a point, and the teacher's answer. The bar is 1.1
where arithmetic takes the time; in small networks starting and stepping cost as much as a pass does.

All times are processor times; the ways take turns, and ratios are medians of the turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.networks import GaussianInputs, SeparatedTeacher, Students, Training, make_data
from practicum.networks._threads import one_thread
from practicum.networks.mlp import MLP
from practicum.networks.training import _Run
from practicum.robustness import PGD, AdversarialTraining, Standard
from practicum.robustness.attacks._differentiable import differentiable
from practicum.robustness.attacks._question import Question
from practicum.robustness.attacks.losses import Truth

STEPS, EPSILON = 20, 0.1


def in_turns(ways: dict[str, Callable[[], Any]], turns: int) -> dict[str, np.ndarray]:
    """Processor seconds of each turn of each way, after one turn that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns + 1):
        for name, way in ways.items():
            begin = time.process_time()
            way()
            taken[name].append(time.process_time() - begin)
    return {name: np.array(seconds[1:]) for name, seconds in taken.items()}


def ratio(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.median(one / other))


def classifier(sizes: Sequence[int]) -> tuple[MLP, nn.Sequential]:
    """One network, as perceptrons and as a sequence of modules."""
    rng = torch.Generator().manual_seed(0)
    weights = [torch.randn(1, n, m, generator=rng) * (2 / m) ** 0.5 for m, n in pairwise(sizes)]
    parts: list[nn.Module] = []
    for weight in weights:
        layer = nn.Linear(weight.shape[2], weight.shape[1])
        layer.weight.data, layer.bias.data = weight[0].clone(), torch.zeros(weight.shape[1])
        parts += [layer, nn.ReLU()]
    return MLP(weights, [torch.zeros(1, n) for n in sizes[1:]]).eval(), nn.Sequential(*parts[:-1]).eval()


def bare(network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """PGD as one writes it for one experiment."""
    low, high = (inputs - EPSILON).clamp(0, 1), (inputs + EPSILON).clamp(0, 1)
    point = torch.min(torch.max(inputs + torch.empty_like(inputs).uniform_(-EPSILON, EPSILON), low), high)
    for _ in range(STEPS):
        point.requires_grad_()
        loss = nn.functional.cross_entropy(network(point), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, point)
        point = point.detach() + 2.5 * EPSILON / STEPS * gradient.sign()
        point = torch.min(torch.max(point, low), high)
    return point


def against_others() -> None:
    perceptron, module = classifier((784, 512, 512, 10))
    inputs = torch.rand(256, 784, generator=torch.Generator().manual_seed(1))
    labels = module(inputs).argmax(1)
    attack = PGD(steps=STEPS, box=(0, 1))
    ways: dict[str, Callable[[], Any]] = {
        "bare loop": lambda: bare(module, inputs, labels),
        "practicum, MLP": lambda: attack(perceptron, inputs, EPSILON, labels=labels),
        "practicum, nn.Sequential": lambda: attack(module, inputs, EPSILON, labels=labels),
    }
    try:
        import foolbox  # pyright: ignore[reportMissingImports]

        model = foolbox.PyTorchModel(module, bounds=(0, 1))
        other = foolbox.attacks.LinfPGD(steps=STEPS, rel_stepsize=2.5 / STEPS)
        ways["foolbox"] = lambda: other(model, inputs, labels, epsilons=EPSILON)
    except ImportError:
        print("foolbox is not installed, and left out")
    taken = in_turns(ways, 25)
    print("PGD-20, 784-512-512-10, batch 256        ms   of bare" + "   of foolbox" * ("foolbox" in taken))
    for name, seconds in taken.items():
        line = f"{name:33s}{1e3 * np.median(seconds):10.1f}{ratio(seconds, taken['bare loop']):10.3f}"
        print(line + (f"{ratio(seconds, taken['foolbox']):13.3f}" if "foolbox" in taken else ""))


def side_by_side(seeds: int = 16) -> None:
    print(f"\n{seeds} students, PGD-20, ms a seed       batch   dtype     together   one by one   times as fast")
    for hidden, outputs, loss, oracle in (
        (8, 1, "mse", True),
        (8, 3, "cross-entropy", False),
        (50, 10, "margin", False),
    ):
        for batch in (64, 256):
            for dtype in ("float32", "float64"):
                teacher = SeparatedTeacher(inputs=60, hidden=3, outputs=outputs).build([0], dtype=dtype)
                many = teacher.select([0] * seeds)
                students = Students(widths=(hidden,)).build(many, range(seeds), dtype=dtype)
                alone = [students.select([seed]) for seed in range(seeds)]
                inputs = torch.randn(batch, 60, generator=torch.Generator().manual_seed(1), dtype=teacher.dtype)
                attack = PGD(norm="l2", loss=loss, oracle=oracle)  # pyright: ignore[reportArgumentType]
                taken = in_turns(
                    {
                        "together": lambda a=attack, s=students, x=inputs, t=teacher: a(s, x, EPSILON, teacher=t),
                        "alone": lambda a=attack, s=alone, x=inputs, t=teacher: [
                            a(one, x, EPSILON, teacher=t) for one in s
                        ],
                    },
                    7,
                )
                each = {name: 1e3 * np.median(seconds) / seeds for name, seconds in taken.items()}
                name = f"60-{hidden}-{outputs}, {loss + oracle * ', oracle'}"
                faster = ratio(taken["alone"], taken["together"])
                print(f"{name:32s}{batch:>8}   {dtype}{each['together']:>11.3f}{each['alone']:>13.3f}{faster:>16.1f}")


def adversarial_epoch() -> None:
    print("\nAn epoch of adversarial training                    ms a step   passes alone   ratio")
    cases = (
        ("784-512-512-10, batch 256, 1 seed", (784, (512, 512), 10), 256, 1),
        ("60-8-3, batch 64, 16 seeds", (60, (8,), 3), 64, 16),
    )
    for name, (d, widths, outputs), batch, seeds in cases:
        for labels in ("oracle", "fixed"):
            regime = AdversarialTraining(epsilon=EPSILON, labels=labels)  # pyright: ignore[reportArgumentType]
            hard, plain = (_begun(d, widths, outputs, batch, seeds, each) for each in (regime, Standard()))
            passes = _passes(hard, batch, labels == "oracle")
            steps = hard.examples.inputs.shape[1] // batch
            taken = in_turns(
                {"hard": lambda r=hard: r.advance(None), "plain": lambda r=plain: r.advance(None), "passes": passes}, 7
            )
            alone = taken["plain"] / steps + taken["passes"]
            hard_step, line = taken["hard"] / steps, f"{name + ', ' + labels:50s}"
            line += f"{1e3 * np.median(hard_step):>10.2f}{1e3 * np.median(alone):>15.2f}"
            print(f"{line}{ratio(hard_step, alone):>8.3f}")


def _begun(d: int, widths: Sequence[int], outputs: int, batch: int, seeds: int, regime: Any) -> _Run:
    """A training that stands before its first epoch."""
    numbers = tuple(range(seeds))
    teacher = SeparatedTeacher(inputs=d, hidden=3, outputs=outputs).build(numbers, dtype="float32")
    if len(widths) > 1:
        teacher = classifier((d, *widths, outputs))[0]
    students = Students(widths=tuple(widths)).build(teacher, numbers, dtype="float32")
    data = make_data(GaussianInputs(dimension=d), teacher, numbers, 8 * batch, batch, dtype="float32")
    training = Training(loss="cross-entropy", learning_rate=0.01, batch_size=batch, epochs=1000)
    return _Run(teacher, students, data, training, numbers, (), regime)


def _passes(run: _Run, batch: int, oracle: bool, steps: int = 10) -> Callable[[], None]:
    """Outputs, loss and gradient at a point, so many times, and the teacher's answer, who is also asked on the way."""
    inputs = run.examples.inputs[:, :batch].contiguous()
    shape = tuple(inputs.shape[2:])
    student, teacher = differentiable(run.students, shape, "student"), differentiable(run.teacher, shape, "teacher")
    labels = teacher.outputs(inputs).argmax(-1)
    truth = Truth(None, None, True) if oracle else Truth(labels, None)
    question = Question(student, teacher, "cross-entropy", truth, strict=False)

    def call() -> None:
        for _ in range(steps):
            question.slope(inputs)
        if oracle:
            teacher.outputs(inputs)

    return call


if __name__ == "__main__":
    with one_thread():
        against_others()
        side_by_side()
        adversarial_epoch()

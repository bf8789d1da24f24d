"""Training students from a teacher, all seeds side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._assembly import checked_seeds
from practicum.networks._gradients import Backpropagation
from practicum.networks.data import Data, make_data, redrawn
from practicum.networks.ensemble import as_batched
from practicum.networks.losses import descended, losses, targets
from practicum.networks.mlp import MLP
from practicum.networks.randomness import generator
from practicum.networks.settings import Training
from practicum.networks.state import State

if TYPE_CHECKING:
    import xarray as xr

Observer = Callable[[nn.Module, nn.Module, Tensor], dict[str, tuple[tuple[str, ...], np.ndarray]]]

__all__ = ["Data", "Observer", "State", "Training", "fit", "make_data"]

_ROWS = 1000
_TOO_LARGE = 1e15


def fit(
    teacher: nn.Module,
    students: nn.Module,
    data: Data,
    training: Training,
    *,
    seeds: Sequence[int],
    observers: Sequence[Observer] = (),
    observe_at: int | Sequence[int] | None = None,
    save: Callable[[State], object] | None = None,
    resume: State | None = None,
    progress: Callable[[float], object] | None = None,
) -> xr.Dataset:
    """Train `students` in place to answer as `teacher` does, and return what was seen on the way.

    Main arguments:
        teacher: outputs (S, B, C) or (1, B, C), as those of an MLP; or any module with outputs (B, C).
        students: an MLP, whose gradients are written by hand, or any module with outputs (S, B, C).
        data: inputs for training and held-out inputs.
        seeds: of the order of the examples and of the noise, one a student.

    Other arguments:
        observers: called as ``observer(teacher, students, held_out)``, without gradients and in evaluation mode; each
            returns ``{name: (dimensions, array)}`` whose first dimension is ``seed``.
        observe_at: None for every epoch, the start included; n for every n-th and the last; or a list of epochs.
        save: called with a :class:`State` after every epoch.
        resume: a State to go on from, bitwise as if nothing had happened.
        progress: called with the share that is done.

    Returns:
        Dimensions ``step`` (updates done; with the coordinate ``epoch``) and ``seed``; variables ``loss`` (held-out),
        ``training_loss`` (mean over the batches of the epoch just done, before each update; NaN at the start),
        ``status`` (seed; "ok" or "diverged"), ``diverged_at`` (seed; the epoch after which it was seen, or -1) and
        whatever the observers give.
    """
    numbers = checked_seeds(seeds)
    teacher = as_batched(teacher)
    run = _Run(teacher, students, data, training, numbers, list(observers), _epochs(observe_at, training.epochs))
    with _one_thread(), _modes(teacher, students):
        if resume is not None:
            run.load(resume)
        else:
            run.observe()
        while run.epoch < training.epochs:
            run.advance()
            if save is not None:
                save(run.state())
            if progress is not None:
                progress(run.epoch / training.epochs)
    return run.dataset()


class _Run:
    def __init__(self, teacher, students, data, training, seeds, observers, points):
        self.teacher, self.students, self.data, self.training = teacher, students, data, training
        self.seeds, self.observers, self.points = seeds, observers, points
        self.epoch = self.step = 0
        self.diverged_at = np.full(len(seeds), -1, np.int64)
        self.history: dict[str, list[np.ndarray]] = {}
        self.dimensions: dict[str, tuple[str, ...]] = {}
        self.training_loss = np.full(len(seeds), np.nan)
        self.inputs = data.inputs
        self.clean = answers(teacher, data.held_out)
        self.held_out = targets(self.clean, training)
        self.factor = descended(training, self.clean.shape[-1])
        self.targets = self._noisy(0)
        self.fast = isinstance(students, MLP) and students.normalisation is None
        parameters = [p for p in students.parameters() if p.requires_grad]
        if self.fast:
            self.backward = Backpropagation(students, training.batch_size, training)
            pairs = zip(students.weights, self.backward.weight_gradients)
            for p, g in pairs:
                p.grad = g
            for p, g in zip(students.biases, self.backward.bias_gradients):
                if p is not None:
                    p.grad = g
        rate, decay = training.learning_rate, training.weight_decay
        if training.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(parameters, lr=rate, momentum=training.momentum, weight_decay=decay)
        else:
            self.optimizer = torch.optim.Adam(parameters, lr=rate, weight_decay=decay)

    def _noisy(self, epoch: int) -> Tensor:
        clean = answers(self.teacher, self.inputs)
        if self.training.output_noise:
            shape = tuple(clean.shape[1:])
            noise = np.stack([generator(s, "noise", epoch).standard_normal(shape) for s in self.seeds])
            clean = clean + self.training.output_noise * torch.from_numpy(noise).to(clean)
        return targets(clean, self.training)

    def advance(self) -> None:
        training, S, N = self.training, len(self.seeds), self.data.samples
        if training.regenerate and self.epoch:
            self.inputs = redrawn(self.data, self.teacher, self.epoch)
            self.targets = self._noisy(self.epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = training.rate(self.epoch)
        steps, B = training.steps(N), training.batch_size
        chosen = torch.from_numpy(np.stack([_order(s, self.epoch, N, training) for s in self.seeds]))
        chosen = chosen.to(self.inputs.device)
        summed = self.inputs.new_zeros(S, dtype=torch.float64)
        self.students.train()
        for step in range(steps):
            rows = chosen[:, step * B : (step + 1) * B]
            x, t = _rows(self.inputs, rows), _rows(self.targets, rows)
            if self.fast and x.shape[1] == B:
                loss = self.backward(x, t)
            else:
                with torch.enable_grad():
                    for p in self.students.parameters():
                        if p.grad is not None:
                            p.grad.zero_()
                    loss = losses(self.students(x), t, training).mean(1)
                    (loss * self.factor).sum().backward()
                loss = loss.detach()
            self.optimizer.step()
            summed += loss.double() * (x.shape[1] / chosen.shape[1])
        self.epoch += 1
        self.step += steps
        self.training_loss = summed.cpu().numpy()
        self.observe()

    def observe(self) -> None:
        with torch.no_grad():
            self.students.eval()
            loss = mean_losses(self.students, self.data.held_out, self.held_out, self.training)
            bad = ~np.isfinite(loss) | (loss > _TOO_LARGE) if self.epoch else ~np.isfinite(loss)
            new = bad & (self.diverged_at < 0)
            self.diverged_at[new] = self.epoch
            gone = self.diverged_at >= 0
            if self.epoch not in self.points:
                return
            loss[gone] = np.nan
            seen: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
                "loss": (("seed",), loss),
                "training_loss": (("seed",), np.where(gone, np.nan, self.training_loss)),
            }
            for observer in self.observers:
                seen |= observer(self.teacher, self.students, self.data.held_out)
        for name, (dimensions, values) in {
            **seen,
            "epoch": ((), np.array(self.epoch)),
            "step": ((), np.array(self.step)),
        }.items():
            values = np.array(values)
            if gone.any() and values.ndim and values.dtype.kind == "f":
                values[gone] = np.nan
            self.history.setdefault(name, []).append(values)
            self.dimensions[name] = tuple(dimensions)

    def state(self) -> State:
        found = self.optimizer.state_dict()["state"]
        optimizer = {
            f"{k}.{name}": value.detach().cpu().numpy().copy()
            for k, entry in found.items()
            for name, value in entry.items()
            if value is not None
        }
        return State(
            epoch=self.epoch,
            step=self.step,
            seeds=np.array(self.seeds),
            weights={k: v.detach().cpu().numpy().copy() for k, v in self.students.state_dict().items()},
            optimizer=optimizer,
            history={k: np.stack(v) for k, v in self.history.items()},
            dimensions=dict(self.dimensions),
            diverged_at=self.diverged_at.copy(),
        )

    def load(self, state: State) -> None:
        if tuple(state.seeds.tolist()) != self.seeds:
            raise ParameterError("The state belongs to other seeds.")
        self.epoch, self.step = state.epoch, state.step
        self.students.load_state_dict({k: torch.tensor(v) for k, v in state.weights.items()})
        entries: dict[int, dict[str, Tensor]] = {}
        for key, value in state.optimizer.items():
            index, _, name = key.partition(".")
            entries.setdefault(int(index), {})[name] = torch.tensor(value)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": entries, "param_groups": groups})
        self.history = {k: list(v) for k, v in state.history.items()}
        self.dimensions = dict(state.dimensions)
        self.diverged_at = state.diverged_at.copy()

    def dataset(self) -> xr.Dataset:
        import xarray as xr

        history = {k: np.stack(v) for k, v in self.history.items()}
        epoch, step = history.pop("epoch"), history.pop("step")
        variables: dict[str, Any] = {k: (("step", *self.dimensions[k]), v) for k, v in history.items()}
        variables["status"] = ("seed", np.where(self.diverged_at < 0, "ok", "diverged"))
        variables["diverged_at"] = ("seed", self.diverged_at)
        return xr.Dataset(variables, {"step": step, "epoch": ("step", epoch), "seed": list(self.seeds)})


def answers(network: nn.Module, inputs: Tensor) -> Tensor:
    """Outputs (S or 1, N, C) of a network in evaluation mode, in chunks."""
    with torch.no_grad(), _modes(network):
        network.eval()
        if getattr(network, "seeds", 1) in (1, inputs.shape[0]) or inputs.shape[0] == 1:
            one_each = inputs.shape[0] > 1 and getattr(network, "seeds", 1) == 1
            parts = inputs.split(1) if one_each else (inputs,)
            return torch.cat([torch.cat([network(x) for x in part.split(_ROWS, 1)], 1) for part in parts])
    raise ParameterError(f"A teacher of {network.seeds} seeds cannot answer inputs of {inputs.shape[0]} seeds.")


def mean_losses(network: nn.Module, inputs: Tensor, wanted: Tensor, training: Training) -> np.ndarray:
    total: Any = 0
    for x, t in zip(inputs.split(_ROWS, 1), wanted.split(_ROWS, 1)):
        outputs = network(x)
        total = total + losses(outputs, t.expand(outputs.shape[0], *t.shape[1:]), training).double().sum(1)
    return (total / inputs.shape[1]).cpu().numpy()


def _order(seed: int, epoch: int, samples: int, training: Training) -> np.ndarray:
    rng = generator(seed, "batches", epoch)
    if training.steps_per_epoch is None:
        return rng.permutation(samples)
    return rng.integers(0, samples, training.steps_per_epoch * training.batch_size)


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    if values.shape[0] == 1:
        return values[0][rows]
    return values[torch.arange(rows.shape[0], device=rows.device)[:, None], rows]


def _epochs(observe_at: int | Sequence[int] | None, epochs: int) -> set[int]:
    if observe_at is None:
        return set(range(epochs + 1))
    if isinstance(observe_at, int):
        return {*range(0, epochs + 1, observe_at), epochs}
    return set(observe_at)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _modes(*networks: nn.Module) -> Iterator[None]:
    before = [(part, part.training) for network in networks for part in network.modules()]
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode

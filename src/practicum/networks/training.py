"""Training students from a teacher, all seeds side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from practicum.networks._assembly import checked_seeds
from practicum.networks._autograd import Autograd, OneByOne
from practicum.networks._batches import Examples
from practicum.networks._evaluation import apart, evaluated, kept_modes, mean_losses, outputs, rows_of, single
from practicum.networks._fitting import check_epochs, check_fit, check_state, of_seed
from practicum.networks._gradients import Backpropagation
from practicum.networks._history import History, Observation, joined, merged
from practicum.networks._optimizers import as_arrays, as_tensors
from practicum.networks._seedwise import Seedwise
from practicum.networks._threads import one_thread
from practicum.networks.data import Data, make_data
from practicum.networks.ensemble import Ensemble, as_batched
from practicum.networks.losses import targets
from practicum.networks.mlp import MLP
from practicum.networks.regimes import Preparation, Regime, preparations
from practicum.networks.settings import Training
from practicum.networks.state import State

if TYPE_CHECKING:
    import xarray as xr

Observer = Callable[[nn.Module, nn.Module, Tensor], Observation]

__all__ = ["Data", "Observer", "State", "Training", "fit", "make_data"]

_WORK = 2e10
"""Multiplications between two calls of `progress`, roughly: a second or less, after which Ctrl-C is heard."""

_LARGEST = 1e15
"""Beyond it a loss or a weight has diverged, even if it is still a number."""


def fit(
    teacher: nn.Module,
    students: nn.Module,
    data: Data,
    training: Training,
    *,
    seeds: Sequence[int],
    regime: Regime | None = None,
    observers: Sequence[Observer] = (),
    observe_at: int | Sequence[int] | None = None,
    save: Callable[[State], object] | None = None,
    resume: State | None = None,
    progress: Callable[[float], object] | None = None,
) -> xr.Dataset:
    """Train `students` in place to answer as `teacher` does, and return what was seen on the way.

    The teacher is asked once for each data set. Seeds share nothing: students that are an MLP end on a CPU with the
    same bits whatever other seeds are trained beside them, and so does all that is returned; the weights of an Ensemble
    do so, too. With a regime seeds share nothing either, but equal bits are not promised: perceptrons then learn side
    by side, and products of matrices are rounded in another order. PyTorch and BLAS compute on one thread meanwhile.

    Main arguments:
        teacher: outputs (S, B, C), or (1, B, C) for all seeds, as those of an MLP or an Ensemble; or any module with
            outputs (B, C).
        students: an MLP, whose gradients are written by hand unless it has BatchNorm, or any module with outputs
            (S, B, C).
        data: training inputs and held-out inputs, see :func:`make_data`.
        training: see :class:`Training`.
        seeds: of the order of the examples and of the noise, one a student.

    Other arguments:
        regime: called for every batch as ``regime(student, teacher, batch)`` with a
            :class:`~practicum.networks.regimes.Batch`; the update is made on what it returns: ``(inputs, targets)``, as
            many examples a seed as it likes, or ``(inputs, targets, loss)`` with a loss of outputs and targets, one
            number an example, whose mean is followed instead of the training's. It finds the student in training mode,
            the teacher in evaluation mode, and both modes are restored. The modules of an Ensemble come one by one.
        observers: called as ``observer(teacher, students, held_out)``, without gradients and in evaluation mode. Each
            returns ``{name: (dimensions, array)}``; the first dimension is ``seed``. If the students are an MLP on a
            CPU, observers are called seed by seed, with networks and examples of one seed, so that bits of a seed do
            not depend on the others here either.
        observe_at: the points of the axis ``step``: None for every epoch, the start included; n for every n-th and the
            last; or a list of epochs.
        save: called with a :class:`State` after every epoch.
        resume: a State to go on from, bitwise as if nothing had happened.
        progress: called with the share that is done.

    Returns:
        Dimensions ``step`` (updates done; with the coordinate ``epoch``) and ``seed``. Variables:
        ``loss``: mean over the held-out examples; of "mse" over the outputs, too.
        ``training_loss``: mean over the examples of the batches of the epoch just done, each before its update, noise
        included; with a regime that of its batches, by its loss if it has one. NaN at the start.
        ``status`` (seed): "ok" or "diverged". A seed diverges when a loss or a weight is not finite or beyond 1e15;
        from then on its weights are NaN, and so is all that is seen of it.
        ``diverged_at`` (seed): the update after which that was noticed, or -1.
        Whatever the observers see.

    Raises:
        ParameterError: teacher, students, data and seeds that do not fit each other, weights that are not finite at
            the start, a State of another training, or a regime that returns what nothing can be learnt from.
    """
    numbers = checked_seeds(seeds)
    points = check_epochs(observe_at, training.epochs)
    teacher = as_batched(teacher, tuple(data.inputs.shape[2:]))
    with one_thread(), kept_modes(teacher, students):
        check_fit(teacher, students, data, training, numbers)
        run = _Run(teacher, students, data, training, numbers, observers, regime)
        if resume is None:
            run.look(points)
        else:
            check_state(resume, students, numbers, training, compiled=isinstance(run.descent, Seedwise))
            run.load(resume)
        while run.epoch < training.epochs:
            run.advance(progress)
            run.look(points)
            if save is not None:
                save(run.state())
    return run.history.dataset(run.diverged_at)


class _Run:
    """A training between two epochs."""

    def __init__(
        self,
        teacher: nn.Module,
        students: nn.Module,
        data: Data,
        training: Training,
        seeds: tuple[int, ...],
        observers: Sequence[Observer],
        regime: Regime | None,
    ) -> None:
        self.teacher, self.students, self.training, self.observers = teacher, students, training, observers
        self.examples = Examples(teacher, data, training, seeds)
        self.held_out = data.held_out
        self.wanted = targets(outputs(teacher, data.held_out), training)
        self.prepare: list[Preparation] = []
        if regime is None:
            self.descent = _descent(students, training)
        else:  # autograd, because a regime may bring any loss
            self.prepare = preparations(regime, teacher, students, training, seeds)
            one_by_one = isinstance(students, Ensemble)
            self.descent = (
                OneByOne(students, training, self.prepare)
                if one_by_one
                else Autograd(students, training, *self.prepare)
            )
        self.history = History(seeds)
        self.epoch = self.step = 0
        self.training_loss = np.full(len(seeds), np.nan)
        self.diverged_at = np.full(len(seeds), -1, np.int64)

    def advance(self, progress: Callable[[float], object] | None) -> None:
        """One epoch."""
        self.students.train()
        rate = self.training.rate(self.epoch)
        parts = self.examples.begin(self.epoch)
        for prepare in self.prepare:
            prepare.begin(self.epoch)
        total, found, sizes = sum(len(part) for part in parts), [], []
        for part in parts:
            for rows in part.split(self._block(part.shape[2])):
                found.append(self.descent.run(self.examples.inputs, self.examples.wanted, rows, rate))
                sizes += [rows.shape[2]] * len(rows)
                if progress is not None:
                    progress((self.epoch + len(sizes) / total) / self.training.epochs)
        losses = np.ascontiguousarray(torch.cat(found).cpu().numpy().T)
        self.epoch += 1
        self.step += total
        # Row by row: a mean along an axis adds in an order that depends on how long the others are.
        self.training_loss = np.array([np.average(row, weights=sizes) for row in losses])
        self._bury(losses)

    def look(self, points: set[int]) -> None:
        """Observe, if this epoch is among the points."""
        if self.epoch not in points:
            return
        with evaluated(self.teacher, self.students):
            loss = mean_losses(self.students, self.held_out, self.wanted, self.training)
            seen = joined([self._observed(*part) for part in self._parts()])
        own: Observation = {"loss": (("seed",), loss), "training_loss": (("seed",), self.training_loss)}
        seen = {**own, **seen}
        self.history.add(self.step, self.epoch, seen, self.diverged_at >= 0)

    def _parts(self) -> Iterator[tuple[nn.Module, nn.Module, Tensor]]:
        """What observers look at: one seed after the other, or all at once where that would cost too much."""
        if not apart(self.students):
            yield self.teacher, self.students, self.held_out
            return
        for index in range(len(self.history.seeds)):
            yield single(self.teacher, index), single(self.students, index), rows_of(self.held_out, index)

    def _observed(self, teacher: nn.Module, students: nn.Module, inputs: Tensor) -> Observation:
        return merged([observer(teacher, students, inputs) for observer in self.observers])

    def state(self) -> State:
        return State(
            epoch=self.epoch,
            step=self.step,
            seeds=np.array(self.history.seeds),
            weights=as_arrays(self.students.state_dict()),
            optimizer=as_arrays(self.descent.state()),
            history=self.history.arrays(),
            dimensions=dict(self.history.dimensions),
            training_loss=self.training_loss.copy(),
            diverged_at=self.diverged_at.copy(),
        )

    def load(self, state: State) -> None:
        self.epoch, self.step = state.epoch, state.step
        self.students.load_state_dict(as_tensors(state.weights))
        self.descent.load(as_tensors(state.optimizer))
        self.history.load(state)
        self.training_loss, self.diverged_at = state.training_loss.copy(), state.diverged_at.copy()

    def _block(self, size: int) -> int:
        """Updates at a time."""
        each = 3 * size * sum(p.numel() for p in self.students.parameters())
        most = 100 if self.prepare else 1000  # a regime may ask the student ten times for one update
        return int(min(most, max(10, _WORK // each)))

    def _bury(self, losses: np.ndarray) -> None:
        """Find the seeds that diverged in the epoch just done, and make their weights NaN."""
        bad = ~(np.abs(losses) <= _LARGEST)
        for seed in np.flatnonzero(self.diverged_at < 0):
            tensors = of_seed(self.students, int(seed))
            if bad[seed].any():
                self.diverged_at[seed] = self.step - losses.shape[1] + int(bad[seed].argmax()) + 1
            elif not all(bool((t.abs() <= _LARGEST).all()) for t in tensors):
                self.diverged_at[seed] = self.step
            else:
                continue
            for tensor in tensors:
                tensor.fill_(torch.nan)


def _descent(students: nn.Module, training: Training) -> Seedwise | Backpropagation | OneByOne | Autograd:
    """The fastest way to train these students that there is."""
    if isinstance(students, MLP) and all(p.requires_grad for p in students.parameters()):
        if students.device.type == "cpu":
            return Seedwise(students, training)
        if not students.norms:
            return Backpropagation(students, training)
    return OneByOne(students, training) if isinstance(students, Ensemble) else Autograd(students, training)

"""Students with their teachers, trained when they are asked for, of which a few are kept.

A store keeps what was measured of a training and not its weights. They are trained again, one seed of them, which
gives the same bits; with a regime the same up to roundings.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from practicum.errors import ParameterError
from practicum.runs.training import TrainConfig
from practicum.web.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from practicum.networks.mlp import MLP

SHOWN = 1000
"""Held-out inputs, at most, that a student is measured on."""
SEEN = 2000
"""Training inputs, at most, that selectors and fits look at."""
SPANNED = 4000
"""Images, at most, whose principal components are the subspace of the data."""
_STEP = 0.05
"""Of the whole, between two signs of progress."""


class Pair(NamedTuple):
    """A trained student and its teacher, in float64, and what they are shown.

    Main arguments:
        inputs: some of the training inputs, (N, d).
        held_out: (B, d); of images the first of the other split.
        labels: the classes of the held-out images, (B,); None of other inputs.
        shape: (height, width) of a picture; None if the inputs are none.
        box: the range of a pixel; None if inputs have none.
    """

    config: TrainConfig
    teacher: MLP
    student: MLP
    inputs: Tensor
    held_out: Tensor
    labels: np.ndarray | None
    shape: tuple[int, int] | None
    box: tuple[float, float] | None

    def subspace(self, rank: int) -> np.ndarray | None:
        """Orthonormal columns (d, rank) that span most of the data; None if the inputs fill all directions.

        The subspace of low-rank inputs itself, whatever the rank; of images their first principal components, over the
        first 4000 images of the split.
        """
        law: Any = self.config.inputs
        if law.kind == "low-rank":
            return law.subspace()
        if law.kind != "images":
            return None
        return principal_components(_pixels(law, law.split)[0][:SPANNED], rank)

    def facts(self) -> dict[str, Any]:
        """What the page says of the student."""
        ours, theirs = (each(self.held_out)[0].detach() for each in (self.student, self.teacher))
        found: dict[str, Any] = {
            "run": self.config.id,
            "teacher": [*self.teacher.sizes],
            "student": [*self.student.sizes],
            "held_out": len(self.held_out),
            "loss": float((ours - theirs).square().mean()),
            "agreement": None,
            "accuracy": None,
        }
        if ours.shape[-1] > 1:
            found["agreement"] = float((ours.argmax(-1) == theirs.argmax(-1)).double().mean())
        if self.labels is not None:
            right = (float((each.argmax(-1).numpy() == self.labels).mean()) for each in (ours, theirs))
            found["accuracy"] = dict(zip(("student", "teacher"), right))
        return found


def principal_components(inputs: np.ndarray, rank: int) -> np.ndarray:
    """The directions (d, rank) in which inputs (N, d) vary most.

    Raises:
        ParameterError: a rank that leaves nothing outside.
    """
    dimension = inputs.shape[1]
    if not 1 <= rank < dimension:
        raise ParameterError(
            f"The 'rank' parameter must be from 1 to {dimension - 1}, because pictures of {dimension} pixels must have "
            f"directions outside, too. Got {rank} instead."
        )
    return np.ascontiguousarray(np.linalg.eigh(np.cov(inputs.T))[1][:, ::-1][:, :rank])


class Students:
    """The pairs that were trained last, each by the training that makes it; used by the threads of jobs."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pairs: OrderedDict[str, Pair] = OrderedDict()
        self._lock = threading.Lock()

    def measured(
        self, config: TrainConfig, measure: Callable[[Pair, Job], dict[str, Any]]
    ) -> Callable[[Job], dict[str, Any]]:
        """The work of a job: have the student, tell its facts, and add what is measured of it."""

        def work(job: Job) -> dict[str, Any]:
            pair = self.of(config, job)
            facts = pair.facts()
            job.tell("student", facts)
            return {"student": facts, **measure(pair, job)}

        return work

    def of(self, config: TrainConfig, job: Job) -> Pair:
        """The pair, trained first if need be; the job is told how far that is.

        Raises:
            ParameterError: the student diverged.
        """
        with self._lock:
            if config.sha256 in self._pairs:
                self._pairs.move_to_end(config.sha256)
                return self._pairs[config.sha256]
        pair = _trained(config, job)
        with self._lock:
            self._pairs[config.sha256] = pair
            while len(self._pairs) > self.size:
                self._pairs.popitem(last=False)
        return pair


class Telling:
    """A progress of practicum that tells the page, now and then, and ends when the job is cancelled."""

    def __init__(self, job: Job, stage: str) -> None:
        self.job, self.stage, self._told = job, stage, -1.0

    def __call__(self, share: float) -> None:
        self.job.check()
        if share - self._told >= _STEP or share >= 1:
            self._told = share
            self.job.tell("progress", {"stage": self.stage, "share": share})


def _trained(config: TrainConfig, job: Job) -> Pair:
    job.tell("progress", {"stage": "Getting ready", "share": 0.0})
    from practicum.networks import ImageTeacher
    from practicum.runs.checkpoints import trained_networks
    from practicum.runs.execute import execute

    if isinstance(config.teacher, ImageTeacher):  # kept by the library, so that the training finds it
        seeds = config.seeds.list() if config.teacher_seed is None else [config.teacher_seed]
        config.teacher.train(seeds, dtype=config.dtype, progress=Telling(job, "The teacher learns"))
    last: deque[Any] = deque(maxlen=1)
    execute(config, progress=Telling(job, "The student learns"), save=last.append)
    found = trained_networks(config, last[-1])
    if found is None:
        raise ParameterError("This student diverged in its training, so that there is no network to look at.")
    teacher, student = (network.double().eval().requires_grad_(False) for network in found[:2])
    return _shown(config, teacher, student)


def _shown(config: TrainConfig, teacher: MLP, student: MLP) -> Pair:
    import torch

    from practicum.networks import make_data

    law: Any = config.inputs
    data = make_data(law, teacher, config.seeds.list(), min(config.samples, SEEN), min(config.held_out, SHOWN))
    inputs, held_out, labels, shape, box = data.inputs[0], data.held_out[0], None, None, None
    if law.kind == "images":  # in the order of the files, as the command line takes them
        pixels, classes = _pixels(law, law.held_out.split)
        held_out, labels = torch.from_numpy(pixels[:SHOWN]), classes[:SHOWN]
        shape = law.replace(flat=False).shape[1:]
        ends = [(end - law.mean) / law.deviation for end in (0.0, 1.0)]
        box = (ends[0], ends[1])
    return Pair(config, teacher, student, inputs, held_out, labels, shape, box)


def _pixels(law: Any, split: Any) -> tuple[np.ndarray, np.ndarray]:
    """Images as rows of float64, normalised as the law says, and their classes."""
    from practicum.data import images

    found = images(law.name, split)
    return (found.flat().astype(np.float64) - law.mean) / law.deviation, found.labels

"""Prune: how much of a student is needed, which part each selector leaves, and which teacher nodes are served by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import Field

from practicum.errors import ParameterError
from practicum.values import nearest
from practicum.web import committee
from practicum.web.answers import answer, read_object
from practicum.web.jobs import Job
from practicum.web.limits import Limits
from practicum.web.networks_code import committee_code, prune_code
from practicum.web.problems import Question, parameter, parameters
from practicum.web.services import services
from practicum.web.students import config_of, question_of
from practicum.web.trained import Pair

if TYPE_CHECKING:
    from practicum.pruning.kept import Kept
    from practicum.pruning.select.base import Selector
    from practicum.runs.training import TrainConfig

router = APIRouter(prefix="/api")

_PRUNE = "practicum prune takes larger ones"
_NODES = ("random", "importance", "magnitude", "dpp", "greedy")
_EDGES = ("random", "magnitude", "soft-magnitude", "dpp")
_DECOMPOSED = 25
"""Fits of edges that take as long as the eigenvectors of a kernel of as many edges."""
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class PruneQuestion(Question):
    """Selectors that prune one hidden layer of a student to several sizes."""

    unit: Literal["nodes", "edges"] = parameter(
        "nodes", "Prune", "Whole hidden nodes, or the edges into each of them: as many of every node."
    )
    reweight: Literal["least squares", "no"] = parameter(
        "least squares", "Make up for it", "What stays takes over what was removed, as well as a linear fit can."
    )
    layer: int = parameter(
        1, "Hidden layer", "Counted from the inputs.", slider=(1, 4, 1), ge=1, le=20, beyond="no student is deeper"
    )
    draws: int = parameter(
        5, "Draws", "How often a selector that draws by chance is asked.", slider=(1, 20, 1), ge=1, le=50, beyond=_PRUNE
    )
    used: int = parameter(
        500, "Pictures seen", "Training pictures that selectors compare activations on, and fits are made on.",
        slider=(50, 2000, 10), ge=20, le=2000, beyond=_PRUNE,
    )  # fmt: skip
    prune_seed: int = parameter(
        0, "Seed of the draws", "Another seed, other choices.", slider=(0, 20, 1), ge=0, le=2**53 - 1, beyond=_PRUNE
    )
    selectors: tuple[str, ...] = ()
    fractions: tuple[float, ...] = Field(default=FRACTIONS, min_length=1, max_length=20)

    @property
    def names(self) -> tuple[str, ...]:
        """Those selectors that were asked for, each once; all if none was.

        Raises:
            ParameterError: an unknown one, or one that is not for edges.
        """
        known = _NODES if self.unit == "nodes" else _EDGES
        for name in self.selectors:
            if name not in known:
                raise ParameterError(
                    f"The 'selectors' of {self.unit} must be some of {', '.join(known)}. Got {name!r:.60} instead."
                    f"{nearest(name, list(known))}"
                )
        return tuple(dict.fromkeys(self.selectors)) or known


def selector_of(name: str) -> Selector:
    """A selector by its name on the page, which is that of the command line."""
    from practicum.pruning import DPP, GreedyMAP, Importance, Magnitude, Random, SoftMagnitude

    known: dict[str, type[Selector]] = {
        "random": Random, "importance": Importance, "magnitude": Magnitude, "soft-magnitude": SoftMagnitude, "dpp": DPP,
        "greedy": GreedyMAP,
    }  # fmt: skip
    return known[name]()


@router.get("/prune")
async def _parameters(_: Request) -> Response:
    return answer({"parameters": parameters(PruneQuestion), "selectors": {"nodes": _NODES, "edges": _EDGES}})


@router.post("/prune")
async def _prune(request: Request) -> Response:
    """A job: "progress" while the student is trained and pruned, "student" with facts, and the result at the end."""
    mine, content = services(request), await read_object(request)
    student, question = question_of(content.pop("student", {})), PruneQuestion(**content)
    if student.source == "committee":
        committee.check(student, question)
        return answer(
            {"job": mine.jobs.start(request, lambda job: committee.pruned_committee(student, question, job)).id}
        )
    config = await mine.desk.run(request, lambda _: config_of(student, mine.store, mine.limits))
    check(config, question, mine.limits)
    work = mine.students.measured(config, lambda pair, job: pruned(pair, question, job))
    return answer({"job": mine.jobs.start(request, work).id})


@router.post("/prune/code")
async def _code(request: Request) -> Response:
    mine, content = services(request), await read_object(request)
    student, question = question_of(content.pop("student", {})), PruneQuestion(**content)
    if student.source == "committee":
        committee.check(student, question)
        return answer(committee_code(student, question))
    config = await mine.desk.run(request, lambda _: config_of(student, mine.store, mine.limits))
    check(config, question, mine.limits)
    return answer(prune_code(config, question))


def check(config: TrainConfig, question: PruneQuestion, limits: Limits) -> None:
    """One sentence before a job is begun.

    Raises:
        ParameterError: a layer that is not there, unknown selectors, fractions that keep nothing, or fits of edges that
            take too long.
    """
    depth = len(config.student_widths)
    if question.layer > depth:
        raise ParameterError(
            f"The 'layer' must be from 1 to {depth}, because the student has {depth} hidden layer(s). Got "
            f"{question.layer} instead."
        )
    if not all(0 < fraction <= 1 for fraction in question.fractions):
        raise ParameterError(
            f"The 'fractions' must be above 0 and at most 1, shares that stay. Got {list(question.fractions)!r:.60} "
            "instead."
        )
    names = question.names
    if question.unit == "nodes":
        return
    below = (config.inputs.dimension, *config.student_widths)[question.layer - 1]
    fits = len(names) * len(question.fractions) * question.draws if question.reweight != "no" else 0
    fits += _DECOMPOSED if "dpp" in names else 0
    work = fits * config.student_widths[question.layer - 1] * below**3
    if work > limits.fitting:
        raise ParameterError(
            f"Pruning edges takes about selectors * fractions * draws * nodes * inputs^3 = {work:.2g}, and the page "
            f"allows {limits.fitting:.2g}, because others wait meanwhile; lower 'draws', take fewer 'selectors' and "
            "not dpp, or do not make up for what is removed."
        )


def pruned(pair: Pair, question: PruneQuestion, job: Job) -> dict[str, Any]:
    """Everything that the view shows of a pruning."""
    import torch
    from torch import nn

    from practicum.networks._threads import one_thread
    from practicum.pruning import Reweighting, as_module, masked, select_edges, select_nodes

    network, teacher = as_module(pair.student), as_module(pair.teacher)
    layer = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)][question.layer - 1]
    used = pair.inputs[: question.used]
    fractions = sorted({float(fraction) for fraction in question.fractions})
    select = select_nodes if question.unit == "nodes" else select_edges
    with one_thread(), torch.no_grad():
        fold = Reweighting(network, layer, used, kind=question.unit) if question.reweight != "no" else None
        measure = _Measure(pair, teacher)
        found: dict[str, Any] = {}
        for number, name in enumerate(question.names):
            job.tell("progress", {"stage": "The pruning", "share": number / len(question.names)})
            selector = selector_of(name)
            draws = question.draws if selector.drawn else 1
            chosen: Any = select(network, layer, fractions, selector, used, seed=question.prune_seed, draws=draws)
            several: list[list[Kept]] = [each if isinstance(each, list) else [each] for each in chosen]
            rows: list[list[tuple[float, float]]] = []
            smaller = []
            for kept in several:
                job.check()
                networks = [masked(network, one) if fold is None else fold(one) for one in kept]
                rows.append([measure.errors(one) for one in networks])
                smaller.append(networks[0])
            found[name] = {
                "selector": repr(selector),
                "wrong": [[wrong for wrong, _ in row] for row in rows],
                "squared": [[squared for _, squared in row] for row in rows],
                **_survivors(question, several, smaller, measure),
            }
        wrong, squared = measure.errors(network)
    width, below = fold_sizes(network, layer)
    return {
        "unit": question.unit,
        "layer": question.layer,
        "nodes": width,
        "edges": below,
        "fractions": fractions,
        "classes": measure.classes,
        "samples": len(pair.held_out),
        "pictures": pair.shape is not None,
        "before": {"wrong": wrong, "squared": squared, **measure.serving(network, question.layer)},
        "teachers": pair.teacher.sizes[question.layer],
        "selectors": found,
    }


def fold_sizes(network: Any, layer: str) -> tuple[int, int]:
    """Nodes of a layer, and edges into each."""
    part = network.get_submodule(layer)
    return part.out_features, part.in_features


class _Measure:
    """How far a pruned network is from the teacher, and who of its nodes resembles whom."""

    def __init__(self, pair: Pair, teacher: Any) -> None:
        self.teacher, self.held_out = teacher, pair.held_out
        self.wanted = teacher(pair.held_out)
        self.classes = self.wanted.shape[-1] > 1

    def errors(self, network: Any) -> tuple[float, float]:
        """The share of held-out inputs that it answers otherwise, and the mean squared difference of outputs."""
        outputs = network(self.held_out)
        wrong = (outputs.argmax(-1) != self.wanted.argmax(-1)).double().mean()
        return float(wrong), float((outputs - self.wanted).square().mean())

    def serving(self, network: Any, layer: int) -> dict[str, list[Any]]:
        """Of each node the teacher node that it resembles most, -1 for a node that does not vary, and how much."""
        from practicum.specialization import compare

        found = compare(self.teacher, network, self.held_out).isel(layer=layer - 1)
        teachers, students = int(found["teachers"]), int(found["students"])
        rho = found["rho"].transpose("teacher", "student").values[:teachers, :students]
        constant = found["constant_student"].values[:students].astype(bool)
        serves = np.where(constant, -1, rho.argmax(0))
        return {"serves": serves.tolist(), "alignment": np.where(constant, 0.0, rho.max(0)).tolist()}


def _survivors(
    question: PruneQuestion, several: Sequence[Sequence[Kept]], smaller: list[Any], measure: _Measure
) -> dict[str, Any]:
    """Of the first draw at each fraction: the nodes that stay; of edges, whom the nodes serve with what is left."""
    if question.unit == "nodes":
        return {"kept": [np.flatnonzero(kept[0].mask.numpy()).tolist() for kept in several]}
    each = [measure.serving(network, question.layer) for network in smaller]
    edges = [int(kept[0].mask.sum(1)[0]) for kept in several]
    return {"edges": edges, "serves": [one["serves"] for one in each], "alignment": [one["alignment"] for one in each]}

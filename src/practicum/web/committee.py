"""A committee machine that is pruned: no pictures, and a theory that says what every selector costs on average.

The exact chain trains a student of erf nodes on line, in both layers, as in the study of pruning; what is pruned are
its order parameters, so that neither weights nor PyTorch are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.errors import ParameterError
from practicum.web.jobs import Job

if TYPE_CHECKING:
    from practicum.theory.overlaps import OrderParameters
    from practicum.web.prune import PruneQuestion
    from practicum.web.students import StudentQuestion

DIMENSION, RATE, UNTIL, V_STAR = 500, 0.5, 800.0, 4.0
"""Those of the published simulations, but for the end: by then students of this size have specialized."""
_NODES = 24
"""Of a student, at most: the chain takes seconds."""
_REFITTED = 8
"""Of a student whose fan-out is refitted, since the theory goes through all subsets."""
_THEORY = {"random": "random_node", "importance": "importance_node", "dpp": "dpp_node"}


def check(student: StudentQuestion, question: PruneQuestion) -> None:
    """One sentence for what the page does not do with committee machines.

    Raises:
        ParameterError: edges, or too many nodes.
    """
    K = student.teacher_nodes * student.multiple
    most = _REFITTED if question.reweight != "no" else _NODES
    if question.unit != "nodes":
        raise ParameterError(
            "The 'unit' of a committee machine must be 'nodes' on this page; practicum.pruned.edge_error has the error "
            f"for edges. Got {question.unit!r} instead."
        )
    if question.layer != 1:
        raise ParameterError(f"The 'layer' of a committee machine must be 1, the only one. Got {question.layer}.")
    if most < K:
        why = "the theory of what makes up for it goes through all subsets" if most == _REFITTED else "it takes minutes"
        raise ParameterError(
            f"The 'teacher_nodes' times 'multiple' of a committee machine must be at most {most} here, because {why}. "
            f"Got {student.teacher_nodes} * {student.multiple} = {K} instead."
        )
    _ = question.names  # refuses unknown ones


def trained(student: StudentQuestion, job: Job) -> OrderParameters:
    """The student at the end of its training, by the exact chain."""
    from practicum import Committee, LearningRule, OrderParameters, simulate

    M, K = student.teacher_nodes, student.teacher_nodes * student.multiple
    rng = np.random.default_rng(student.student_seed)
    start = OrderParameters.from_weights(
        rng.standard_normal((K, DIMENSION)) / np.sqrt(DIMENSION),
        np.linalg.qr(rng.standard_normal((DIMENSION, M)))[0].T,
        v=0.1 * np.abs(rng.standard_normal(K)),
        v_star=np.full(M, V_STAR),
    )
    rule = LearningRule(learning_rate=RATE, fan_out_learning_rate=RATE)
    paths = simulate(
        Committee(students=K, teachers=M), rule, start, DIMENSION, UNTIL, seeds=[student.student_seed],
        save_at=[UNTIL], workers=1, progress=job.check,
    )  # fmt: skip
    end = paths.isel(alpha=-1, seed=0)
    if not bool(np.isfinite(end.Q).all()):
        raise ParameterError("This student diverged in its training; take another 'student_seed'.")
    return OrderParameters(*(end[name].values for name in ("Q", "R", "T", "v", "v_star")))


def pruned_committee(student: StudentQuestion, question: PruneQuestion, job: Job) -> dict[str, Any]:
    """What :func:`practicum.web.prune.pruned` returns, and ``theory``, the expected error, where it is known."""
    from practicum import pruned

    job.tell("progress", {"stage": "The student learns", "share": 0.0})
    parameters = trained(student, job)
    job.tell("progress", {"stage": "The pruning", "share": 0.5})
    K = parameters.students
    sizes = np.arange(1, K + 1)
    refit = "none" if question.reweight == "no" else "fuse"
    known = [name for name in question.names if name in _THEORY]
    theory = pruned.selector_errors(
        parameters, sizes.tolist(), [_THEORY[name] for name in known], refit, kernel="divnet"
    ).generalization_error.isel(refit=0)
    found: dict[str, Any] = {}
    for name, masks in chosen(parameters, question).items():
        job.check()
        errors = np.asarray(pruned.subset_error(parameters, masks, refit=refit))
        expected = theory.sel(selector=_THEORY[name]).values.tolist() if name in known else None
        found[name] = {
            "selector": name,
            "wrong": None,
            "squared": errors.tolist(),
            "theory": expected,
            "kept": [np.flatnonzero(draws[0]).tolist() for draws in masks],
        }
    rho = parameters.R / np.sqrt(np.outer(np.diag(parameters.Q), np.diag(parameters.T)))
    before = float(pruned.subset_error(parameters, np.ones(K, bool)))
    best = np.abs(rho)  # erf is odd: a node turned around, fan-out and all, is the same node
    serving = {"serves": best.argmax(1).tolist(), "alignment": best.max(1).tolist()}
    M = student.teacher_nodes
    facts = {"teacher": [DIMENSION, M, 1], "student": [DIMENSION, K, 1], "error": before, "agreement": None}
    return {
        "student": {**facts, "accuracy": None, "run": None},
        "unit": "nodes",
        "layer": 1,
        "nodes": K,
        "edges": DIMENSION,
        "fractions": (sizes / K).tolist(),
        "classes": False,
        "samples": None,
        "before": {"wrong": None, "squared": before, **serving},
        "teachers": M,
        "selectors": found,
    }


def chosen(parameters: OrderParameters, question: PruneQuestion) -> dict[str, np.ndarray]:
    """What each selector keeps of 1, 2, ..., K nodes: masks (size, draw, K).

    The selectors are those of networks; what they look at is known exactly here: the scalar products of what nodes
    signal are means over all inputs, as over one sample.
    """
    from practicum import pruned
    from practicum.pruning.select.base import Items, Reads
    from practicum.web.prune import selector_of

    known = {
        "signals": pruned.node_kernel(parameters, "outputs"),
        "incoming": np.sqrt(np.diag(parameters.Q)),
        "outgoing": np.abs(parameters.v),
    }

    def ask(what: Reads) -> np.ndarray:
        return known[what]

    K = parameters.students
    items = Items("nodes of the committee machine", K, 1, ask)
    found = {}
    for name in question.names:
        selector = selector_of(name)
        draws = question.draws if selector.drawn else 1
        found[name] = selector.choose(items, range(1, K + 1), draws, (question.prune_seed,))
    return found

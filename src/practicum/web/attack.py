"""Attack: how wrong a student can be made at every radius, and the pictures that do it, split at the subspace."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from fastapi import APIRouter, Request, Response

from practicum.errors import ParameterError
from practicum.web.answers import answer, read_object
from practicum.web.jobs import Job
from practicum.web.limits import Limits
from practicum.web.networks_code import attack_code
from practicum.web.problems import Question, parameter, parameters
from practicum.web.services import services
from practicum.web.students import config_of, question_of
from practicum.web.trained import SHOWN, Pair

if TYPE_CHECKING:
    import xarray as xr

    from practicum.robustness.attacks.base import Attack
    from practicum.runs.training import TrainConfig

router = APIRouter(prefix="/api")

_ATTACK = "practicum attack takes larger ones"
_PICTURES = 6
_DIGITS = 4
"""Of a pixel that is drawn."""


class AttackQuestion(Question):
    """An attack on a student at several radii."""

    attack: Literal["apgd", "pgd", "fgsm", "noise"] = parameter(
        "pgd", "Attack", "Steps along the gradient, of a length that adapts (apgd) or not (pgd), one step (fgsm), or "
        "random noise to compare with."
    )  # fmt: skip
    norm: Literal["l2", "linf"] = parameter(
        "l2", "Norm", "How the radius is measured: the length of the perturbation, or the largest change of a pixel."
    )
    most: float = parameter(
        1.5, "Largest radius", "The attack is made at radii from 0 to this.", symbol="ε",
        slider=(0.05, 5.0, 0.05), gt=0, le=1000, beyond=_ATTACK,
    )  # fmt: skip
    radii: int = parameter(11, "Radii", "How many, 0 included.", slider=(5, 21, 1), ge=2, le=31, beyond=_ATTACK)
    steps: int = parameter(
        20, "Steps", "Of apgd and pgd; more find more.", slider=(1, 100, 1), ge=1, le=500, beyond=_ATTACK
    )
    side: Literal["both", "inside", "outside"] = parameter(
        "both", "Perturb", "Everything, or only inside or outside the subspace that most of the data lie in."
    )
    rank: int = parameter(
        16, "Subspace", "Dimension of that subspace: the first principal components of the training pictures.",
        unit="dimensions", slider=(1, 60, 1), ge=1, le=3000, beyond="no picture here has more pixels",
    )  # fmt: skip
    samples: int = parameter(
        200, "Pictures attacked", "Of the test pictures, which the student has never seen.",
        slider=(20, 500, 10), ge=1, le=SHOWN, beyond=_ATTACK,
    )  # fmt: skip
    attack_seed: int = parameter(
        0, "Seed of the attack", "Of its random starts.", slider=(0, 20, 1), ge=0, le=2**53 - 1, beyond=_ATTACK
    )

    @property
    def epsilons(self) -> list[float]:
        """The radii, from 0."""
        return [float(f"{self.most * k / (self.radii - 1):.6g}") for k in range(self.radii)]

    def value(self, box: tuple[float, float] | None) -> Attack:
        """The attack of practicum; pixels keep their range unless the perturbation has a side."""
        from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise

        shared: dict[str, Any] = {"norm": self.norm, "box": box if self.side == "both" else None}
        if self.attack == "pgd":
            return PGD(**shared, steps=self.steps)
        if self.attack == "apgd":
            return APGD(**shared, steps=self.steps)
        return FGSM(**shared) if self.attack == "fgsm" else RandomNoise(**shared)


@router.get("/attack")
async def _parameters(_: Request) -> Response:
    return answer(parameters(AttackQuestion))


@router.post("/attack")
async def _attack(request: Request) -> Response:
    """A job: "progress" while the student is trained and attacked, "student" with facts, and the result at the end."""
    mine, content = services(request), await read_object(request)
    student, question = question_of(content.pop("student", {})), AttackQuestion(**content)
    config = await mine.desk.run(request, lambda _: config_of(student, mine.store, mine.limits))
    check(config, question, mine.limits)
    work = mine.students.measured(config, lambda pair, job: attacked(pair, question, job))
    return answer({"job": mine.jobs.start(request, work).id})


@router.post("/attack/code")
async def _code(request: Request) -> Response:
    mine, content = services(request), await read_object(request)
    student, question = question_of(content.pop("student", {})), AttackQuestion(**content)
    config = await mine.desk.run(request, lambda _: config_of(student, mine.store, mine.limits))
    return answer(attack_code(config, question))


def check(config: TrainConfig, question: AttackQuestion, limits: Limits) -> None:
    """One sentence before a job is begun.

    Raises:
        ParameterError: a side without a subspace, or an attack that takes too long.
    """
    law: Any = config.inputs
    if question.side != "both" and law.kind not in ("images", "low-rank"):
        raise ParameterError(
            f"The 'side' must be 'both', because inputs of kind {law.kind!r} fill all directions and have no subspace. "
            f"Got {question.side!r} instead."
        )
    if law.kind == "images" and question.rank >= law.dimension:
        raise ParameterError(
            f"The 'rank' must be below {law.dimension}, the pixels of a picture, so that something lies outside. Got "
            f"{question.rank} instead."
        )
    sizes = (law.dimension, *config.student_widths, 1)
    weights = sum(below * above for below, above in pairwise(sizes))
    work = question.radii * question.samples * question.steps * weights
    if work > limits.attacking:
        raise ParameterError(
            f"The attack takes radii * samples * steps * weights = {work:.2g}, and the page allows "
            f"{limits.attacking:.2g}, because others wait meanwhile; lower 'samples', 'steps' or 'radii', or use the "
            "command that the page gives."
        )


def attacked(pair: Pair, question: AttackQuestion, job: Job) -> dict[str, Any]:
    """Everything that the view shows of an attack."""
    from practicum.networks._threads import one_thread
    from practicum.robustness.errors import robust_errors

    inputs = pair.held_out[: question.samples]
    subspace = pair.subspace(question.rank)
    classes = pair.student.sizes[-1] > 1
    first, others = (
        ("fixed_label_error", ("margin_gated_oracle_error", "oracle_error"))
        if classes
        else ("fixed_squared_error", ("oracle_squared_error",))
    )
    parts: list[xr.Dataset] = []
    with one_thread():
        for number, name in enumerate((first, *others)):  # one by one, so that the page is told how far it is
            job.check()
            job.tell("progress", {"stage": "The attack", "share": number / (1 + len(others))})
            found = robust_errors(
                pair.student, inputs, question.epsilons, teacher=pair.teacher, attack=question.value(pair.box),
                subspace=None if question.side == "both" else subspace,
                side=None if question.side == "both" else question.side, kinds=[name], clean=True,
                perturbed=name == first, seed=question.attack_seed,
            )  # fmt: skip
            parts.append(found)
    worst = parts[0][first.replace("_error", "_inputs")].values[:, 0]
    errors = {
        name: {"values": part[name].values[:, 0].tolist(), "long_name": str(part[name].attrs["long_name"])}
        for name, part in zip((first, *others), parts)
    }
    gated = [part[name].attrs["margin"] for name, part in zip((first, *others), parts) if "gated" in name]
    return {
        "epsilon": parts[0]["epsilon"].values.tolist(),
        "norm": question.norm,
        "attack": str(parts[0][first].attrs["attack"]),
        "samples": len(inputs),
        "classes": classes,
        "errors": errors,
        "margin": float(gated[0]) if gated else None,
        "subspace": None if subspace is None else subspace.shape[1],
        **_seen(pair, inputs.numpy(), worst, subspace, classes),
    }


def _seen(
    pair: Pair, clean: np.ndarray, worst: np.ndarray, subspace: np.ndarray | None, classes: bool
) -> dict[str, Any]:
    """What both networks say of the perturbed inputs (radius, sample, d), and some of these as pictures."""
    change = worst - clean
    inside = np.zeros_like(change) if subspace is None else (change @ subspace) @ subspace.T
    found: dict[str, Any] = {"teacher_changes": None, "outside_share": None, "pictures": [], "shape": pair.shape}
    if subspace is not None:
        total = np.square(change).sum((1, 2))
        outside = np.square(change - inside).sum((1, 2))
        found["outside_share"] = [float(o / t) if t > 0 else None for o, t in zip(outside, total)]
    if not classes:
        return found
    teacher, student = (_classes(network, worst) for network in (pair.teacher, pair.student))
    before = _classes(pair.teacher, clean[None])[0]
    found["teacher_changes"] = (teacher != before).mean(1).tolist()
    if pair.shape is None or pair.labels is None:
        return found
    for place in _chosen(student != before):
        found["pictures"].append(
            {
                "number": int(place),
                "label": int(pair.labels[place]),
                "input": _short(clean[place]),
                "inside": [_short(one[place]) for one in inside],
                "outside": [_short(one[place]) for one in change - inside],
                "teacher": teacher[:, place].tolist(),
                "student": student[:, place].tolist(),
            }
        )
    return found


def _chosen(fooled: np.ndarray) -> list[int]:
    """Pictures that fall one after the other while the radius grows: (radius, sample) to numbers of samples."""
    first = np.where(fooled.any(0), fooled.argmax(0), len(fooled))
    order = np.argsort(first, kind="stable")
    shown = order[first[order] > 0]  # not those that the student had wrong from the beginning
    shown = shown if shown.size else order
    fallen = shown[first[shown] < len(fooled)]
    shown = fallen if len(fallen) >= _PICTURES else shown[:_PICTURES]
    return [int(shown[k]) for k in np.unique(np.linspace(0, len(shown) - 1, _PICTURES).round().astype(int))]


def _classes(network: Any, inputs: np.ndarray) -> np.ndarray:
    """The largest output of each input (..., d)."""
    import torch

    flat = torch.from_numpy(np.ascontiguousarray(inputs.reshape(1, -1, inputs.shape[-1])))
    return network(flat).argmax(-1).numpy().reshape(inputs.shape[:-1])


def _short(pixels: np.ndarray) -> list[float]:
    return np.round(pixels, _DIGITS).tolist()

"""What the study measures: every part is a stored run, a labelled array that depends on its settings alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import xarray as xr

from practicum.canonical import canonical_json
from practicum.runs.config import RunConfig, StudyConfig
from practicum.runs.parallel import run_all
from practicum.runs.store import Store
from practicum.studies.progress import Progress
from practicum.studies.robustness import settings as s
from practicum.studies.robustness.course import course
from practicum.studies.robustness.looks import regime
from practicum.studies.robustness.mechanism import mechanism
from practicum.studies.robustness.settings import Problem, Settings

STAND_IN = "digits"
"""Images that every machine has, in place of those that are missing."""

STAND_IN_CHANGES: dict[str, Any] = {"rank": 40, "samples": 1400, "held_out": 300, "compared": 300, "epochs": 40}
"""There are 1442 and 355 of them, of 8 x 8 pixels."""


@dataclass
class Found:
    """What was measured.

    Main arguments:
        regression, classification: over ``regime``, ``law``, ``layer``, ``epsilon`` and ``seed``.
        images: the same, by image set.
        inside, outside: students followed in training, by recipe, of a teacher within the data subspace and of one that
            also sees what lies outside.
        course: on-line learning beside the flow.
        missing: why an image set is not there.
        runs: ids of the stored runs.
    """

    settings: Settings
    regression: xr.Dataset = field(default_factory=xr.Dataset)
    classification: xr.Dataset = field(default_factory=xr.Dataset)
    images: dict[str, xr.Dataset] = field(default_factory=dict)
    inside: dict[str, xr.Dataset] = field(default_factory=dict)
    outside: dict[str, xr.Dataset] = field(default_factory=dict)
    course: xr.Dataset = field(default_factory=xr.Dataset)
    problems: dict[str, Problem] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)


Job = tuple[RunConfig, Callable[..., xr.Dataset]]


def measure(settings: Settings, store: Store, progress: Progress) -> Found:
    """All parts, read from the store where they are there; the others are computed side by side."""
    found = Found(settings)
    progress("looking for images", 0.0)
    found.problems = {"regression": settings.regression, "classification": settings.classification}
    found.problems |= _images(settings, store, found)
    jobs: dict[tuple[str, str], Job] = {}
    # The longest first, so that no process waits for another in the end.
    for name in sorted(found.problems, key=lambda name: name in ("regression", "classification")):
        problem = found.problems[name]
        for recipe in problem.recipes:
            jobs[name, recipe] = (part("regime", problem, recipe), regime)
    jobs["course", ""] = (study("course", **asdict(settings.course)), course)
    followed = settings.inside
    for name, problem in (("inside", followed), ("outside", settings.outside)):
        for recipe in problem.recipes:
            jobs[name, recipe] = (part("mechanism", problem, recipe), mechanism)
    results = run_all(store, list(jobs.values()), progress=lambda done: progress("training and attacking", done))
    by_name = dict(zip(jobs, results))
    found.runs = [config.id for config, _ in jobs.values()]
    joined = {name: _joined(problem, name, by_name) for name, problem in found.problems.items()}
    found.regression, found.classification = joined.pop("regression"), joined.pop("classification")
    found.images, found.course = joined, by_name["course", ""]
    found.inside = {recipe: by_name["inside", recipe] for recipe in followed.recipes}
    found.outside = {recipe: by_name["outside", recipe] for recipe in settings.outside.recipes}
    progress("done", 1.0)
    return found


def part(kind: str, problem: Problem, recipe: str) -> StudyConfig:
    """One problem, one recipe; what other recipes there are changes nothing."""
    alone = asdict(replace(problem, recipes=()))
    return study(kind, problem=alone, recipe=recipe, details=asdict(s.RECIPES[recipe]), threshold=s.THRESHOLD)


def study(kind: str, **parameters: Any) -> StudyConfig:
    """The configuration of a part."""
    plain = json.loads(canonical_json(parameters))  # tuples become lists
    return StudyConfig(study=s.NAME, part=kind, parameters={**plain, "revision": s.REVISION})


def _joined(problem: Problem, name: str, results: dict[tuple[str, str], xr.Dataset]) -> xr.Dataset:
    """The runs of all recipes over ``regime``; pictures are only those of the first."""
    parts = [results[name, recipe] for recipe in problem.recipes]
    shown = [variable for variable in parts[0].data_vars if "example" in parts[0][variable].dims]
    plain = [one.drop_dims("example", errors="ignore") for one in parts]
    joined = xr.concat(plain, xr.Variable("regime", list(problem.recipes)), data_vars="all", join="outer",
                       combine_attrs="drop_conflicts")  # fmt: skip
    return joined.merge(parts[0][shown], combine_attrs="drop") if shown else joined


def _images(settings: Settings, store: Store, found: Found) -> dict[str, Problem]:
    """The image sets that are there, or whose runs are stored; without any the digits."""
    from practicum.studies.images import available

    there: dict[str, Problem] = {}
    for problem in settings.images:
        stored = all(part("regime", problem, recipe) in store for recipe in problem.recipes)
        why = "" if stored else available(problem.inputs)
        if why:
            found.missing[problem.inputs] = why
        else:
            there[problem.inputs] = problem
    if not there and settings.images:
        digits = replace(settings.images[0], inputs=STAND_IN, **STAND_IN_CHANGES)
        why = available(STAND_IN)
        if why:
            found.missing[STAND_IN] = why
        else:
            there[STAND_IN] = digits
    return there

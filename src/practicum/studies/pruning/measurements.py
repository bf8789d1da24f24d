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
from practicum.studies.pruning import settings as s
from practicum.studies.pruning.committees import committee
from practicum.studies.pruning.images import images
from practicum.studies.pruning.settings import Images, Settings
from practicum.studies.pruning.specialists import specialists

STAND_IN = "digits"
"""Images that every machine has, in place of those that are missing."""


@dataclass
class Found:
    """What was measured.

    Main arguments:
        committees: trained and pruned, in the order of the settings.
        dense: students of the teacher's size, trained like the first.
        regions: where edges beat nodes, by M.
        specialists: who is removed.
        images: by name of the set and activation.
        missing: why an image set is not there.
        runs: ids of the stored runs.
    """

    settings: Settings
    committees: list[xr.Dataset] = field(default_factory=list)
    dense: xr.Dataset = field(default_factory=xr.Dataset)
    regions: dict[int, xr.Dataset] = field(default_factory=dict)
    specialists: xr.Dataset = field(default_factory=xr.Dataset)
    images: dict[str, xr.Dataset] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)


Job = tuple[RunConfig, Callable[..., xr.Dataset]]


def measure(settings: Settings, store: Store, progress: Progress) -> Found:
    """All parts, read from the store where they are there; the others are computed side by side."""
    found = Found(settings)
    progress("looking for images", 0.0)
    pictures = _images(settings, store, found)
    jobs: dict[Any, Job] = {("images", name): (part("images", each), images) for name, each in pictures.items()}
    # The longest first, so that no process waits for another in the end.
    order = sorted(range(len(settings.committees)), key=lambda k: -settings.committees[k].students)
    jobs |= {("committee", k): (part("committee", settings.committees[k]), committee) for k in order}
    jobs["dense"] = (part("committee", settings.dense), committee)
    jobs["specialists"] = (part("specialists", settings.specialists), specialists)
    jobs |= {("region", M): (study("region", teachers=M, copies=Z), region) for M, Z in settings.regions}
    results = run_all(store, list(jobs.values()), progress=lambda done: progress("training and pruning", done))
    by_name = dict(zip(jobs, results))
    found.runs = [config.id for config, _ in jobs.values()]
    found.committees = [by_name["committee", k] for k in range(len(settings.committees))]
    found.regions = {M: by_name["region", M] for M, _ in settings.regions}
    found.dense = by_name["dense"]
    found.specialists = by_name["specialists"]
    found.images = {name: by_name["images", name] for name in pictures}
    progress("done", 1.0)
    return found


def region(config: StudyConfig) -> xr.Dataset:
    """Errors of random edges and of DPP nodes of perfect copies; parameters: teachers, copies (the largest Z)."""
    from practicum.theory.pruned import edges_beat_nodes

    given: Any = config.parameters
    return edges_beat_nodes(int(given["teachers"]), range(2, int(given["copies"]) + 1))


def part(kind: str, value: Any) -> StudyConfig:
    """A part whose parameters are those of a value of the settings."""
    return study(kind, **asdict(value))


def study(kind: str, **parameters: Any) -> StudyConfig:
    """The configuration of a part."""
    plain = json.loads(canonical_json(parameters))  # tuples become lists
    return StudyConfig(study=s.NAME, part=kind, parameters={**plain, "revision": s.REVISION})


def _images(settings: Settings, store: Store, found: Found) -> dict[str, Images]:
    """The image sets that are there, or whose runs are stored; without any the digits."""
    from practicum.studies.images import available

    there: dict[str, Images] = {}
    for each in settings.images:
        why = "" if part("images", each) in store else available(each.name)
        if why:
            found.missing[each.name] = why
        else:
            there[f"{each.name}, {each.activation}"] = each
    if not there and settings.images:
        stand_in = replace(settings.images[0], name=STAND_IN, images=None, epochs=40, used=1400, tested=355)
        why = available(STAND_IN)
        if why:
            found.missing[STAND_IN] = why
        else:
            there[f"{STAND_IN}, {stand_in.activation}"] = stand_in
    return there

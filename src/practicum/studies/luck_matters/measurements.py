"""What the study measures: every part is a stored run, a labelled array that depends on its settings alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import xarray as xr

from practicum.canonical import canonical_json
from practicum.errors import ParameterError, StorageError
from practicum.runs.config import RunConfig, StudyConfig
from practicum.runs.parallel import run_all
from practicum.runs.store import Store
from practicum.studies.images import available
from practicum.studies.luck_matters import settings as s
from practicum.studies.luck_matters.identity import gradient_identities
from practicum.studies.luck_matters.images import SETS, checkpoint, image_network
from practicum.studies.luck_matters.overlap import random_teachers, strengths
from practicum.studies.luck_matters.plane import PLANE, plane
from practicum.studies.luck_matters.settings import Settings
from practicum.studies.luck_matters.trainings import deep_config, race_config, two_layer_config
from practicum.studies.progress import Progress

PLACES = ("before", "after", None)
"""Of BatchNorm in the image networks: before the ReLU, behind it, nowhere."""


@dataclass
class Found:
    """What was measured.

    Main arguments:
        two_layers, races, deep: the trainings, in the order of the settings; ``strengths`` belong to the races.
        teachers: overlaps of random teachers, by name.
        images: image networks over ``seed``, by the place of BatchNorm: "before", "after" or "none".
        image_set: what they were trained on, "" if there is nothing.
        checkpoints: biases by position, by name.
        missing: why an image set or a checkpoint is not there.
        runs: ids of the stored runs.
    """

    settings: Settings
    identity: xr.Dataset = field(default_factory=xr.Dataset)
    two_layers: list[xr.Dataset] = field(default_factory=list)
    races: list[xr.Dataset] = field(default_factory=list)
    strengths: list[xr.Dataset] = field(default_factory=list)
    deep: list[xr.Dataset] = field(default_factory=list)
    teachers: dict[str, xr.Dataset] = field(default_factory=dict)
    images: dict[str, xr.Dataset] = field(default_factory=dict)
    image_set: str = ""
    checkpoints: dict[str, xr.Dataset] = field(default_factory=dict)
    plane: xr.Dataset = field(default_factory=xr.Dataset)
    missing: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)


Compute = Callable[..., xr.Dataset] | None
Jobs = dict[str, list[tuple[RunConfig, Compute]]]


def measure(settings: Settings, store: Store, progress: Progress) -> Found:
    """All parts, read from the store where they are there; the others are computed side by side."""
    found = Found(settings)
    progress("looking for images", 0.0)
    images = _images(settings, store, found)
    jobs = _trainings(settings) | images | _random_teachers(settings) | _others(settings)
    flat = [job for each in jobs.values() for job in each]
    results = iter(run_all(store, flat, progress=lambda done: progress("training networks", 0.98 * done)))
    by_part = {name: [next(results) for _ in each] for name, each in jobs.items()}
    found.runs = [config.id for config, _ in flat]
    found.two_layers, found.races, found.deep = (by_part[name] for name in ("two layers", "races", "deep"))
    found.images = {name: xr.concat(by_part[f"images {name}"], "seed") for name in _names(images)}
    found.teachers = {name: by_part[f"teacher {name}"][0] for name in _teachers(settings)}
    found.strengths = by_part["strengths"]
    found.identity, found.plane = by_part["identity"][0], by_part["plane"][0]
    progress("trained networks of others", 0.98)
    _checkpoints(settings, store, found)
    progress("done", 1.0)
    return found


def _study(part: str, **parameters: Any) -> StudyConfig:
    plain = json.loads(canonical_json(parameters))  # tuples become lists
    return StudyConfig(study=s.NAME, part=part, parameters={**plain, "revision": s.REVISION})


def _trainings(settings: Settings) -> Jobs:
    """The longest first, so that no process waits for another in the end."""
    return {
        "two layers": [(two_layer_config(part), None) for part in settings.two_layers],
        "deep": [(deep_config(part), None) for part in settings.deep],
        "races": [(race_config(part), None) for part in settings.races],
    }


def _teachers(settings: Settings) -> dict[str, Any]:
    """Configurations of trainings with the random teachers whose nodes are looked at, by name."""
    deep = {f"deep {'-'.join(map(str, part.hidden))}": deep_config(part) for part in settings.deep}
    return {"two layers": two_layer_config(settings.two_layers[0]), **deep}


def _random_teachers(settings: Settings) -> Jobs:
    looked = {"seeds": settings.overlap_seeds, "samples": settings.overlap_samples}
    jobs: Jobs = {}
    for name, config in _teachers(settings).items():
        tables = {"teacher": config.teacher.model_dump(), "inputs": config.inputs.model_dump()}
        jobs[f"teacher {name}"] = [(_study("overlaps", **tables, **looked), random_teachers)]
    return jobs


def _others(settings: Settings) -> Jobs:
    races = [_study("strengths", teacher=race_config(r).teacher.model_dump(), seeds=r.seeds) for r in settings.races]
    return {
        "strengths": [(config, strengths) for config in races],
        "identity": [(_study("gradient-identity", networks=settings.identity_networks), gradient_identities)],
        "plane": [(_study("plane", **PLANE), plane)],
    }


def _images(settings: Settings, store: Store, found: Found) -> Jobs:
    """Fashion-MNIST if it is there, can be fetched, or has been used already; else the digits; else nothing."""
    for name in (name for name in SETS if name in settings.images):
        part = asdict(settings.images[name])
        seeds = range(part.pop("seeds"))
        jobs: Jobs = {
            f"images {place or 'none'}": [
                (_study("image-network", name=name, seed=seed, normalisation=place, **part), image_network)
                for seed in seeds
            ]
            for place in PLACES
        }
        stored = all(config in store for each in jobs.values() for config, _ in each)
        why = "" if stored else available(name)
        if not why:
            found.image_set = name
            return jobs
        found.missing[name] = why
    return {}


def _names(images: Jobs) -> list[str]:
    return [name.removeprefix("images ") for name in images]


def _checkpoints(settings: Settings, store: Store, found: Found) -> None:
    """One after the other, so that one that cannot be fetched is no obstacle to the next."""
    from practicum.data.checkpoints import NAMED, cached

    for name in settings.checkpoints:
        config = _study("checkpoint", name=name, digest=NAMED[name].digest)
        try:
            if config not in store and not settings.fetch and cached(name) is None:
                found.missing[name] = f"not on this machine; practicum batchnorm {name} fetches it"
                continue
            found.checkpoints[name] = store.run(config, checkpoint)
        except (ParameterError, StorageError) as error:
            found.missing[name] = str(error)
        else:
            found.runs.append(config.id)

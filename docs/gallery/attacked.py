"""Trainings that several pictures share: students of low-rank inputs, by three regimes, followed and attacked."""

import xarray as xr

from practicum.networks import LowRankInputs, SeparatedTeacher, Students, Training, fit, make_data
from practicum.robustness import (
    APGD,
    AdversarialTraining,
    InsideOutside,
    NoiseAugmentation,
    on_three_laws,
    robustness_curve,
)
from practicum.runs import Store, StudyConfig

REGIMES = {
    "standard": None,
    "noise, labelled anew": NoiseAugmentation(scale=0.5),
    "adversarial": AdversarialTraining(epsilon=0.5, attack={"norm": "l2", "steps": 5}),
}


def compute(config):
    """Students of each regime: inside and outside of the data, attacked, and compared on three laws."""
    law, seeds = LowRankInputs(dimension=30, rank=10), range(config.parameters["seeds"])
    teacher = SeparatedTeacher(inputs=30, hidden=3, outputs=3, decay=0.0).build(seeds)
    data = make_data(law, teacher, seeds, samples=500, held_out=200)
    found = []
    for regime in REGIMES.values():
        students = Students(multiple=3).build(teacher, seeds)
        observer = InsideOutside(law.subspace(), students)
        history = fit(
            teacher, students, data, Training(learning_rate=0.1, epochs=30), seeds=seeds, regime=regime,
            observers=[observer], observe_at=3,
        )  # fmt: skip
        curve = robustness_curve(
            students, data.held_out, [0.1, 0.2, 0.3, 0.4, 0.5], error="oracle_squared_error", teacher=teacher,
            attack=APGD(norm="l2", steps=20),
        )  # fmt: skip
        laws = on_three_laws(teacher, students, law, samples=500, epsilon=0.5).mean_best_correlation
        parts = [history[["inside", "outside"]], curve.robust_error, laws.sel(layer=1, drop=True).rename("resemblance")]
        found.append(xr.merge([part.drop_attrs() for part in parts], compat="override"))
    return xr.concat(found, xr.Variable("regime", list(REGIMES)))


def attacked():
    """Found in the store if it is there."""
    return Store().run(StudyConfig(study="gallery", part="attacked", parameters={"seeds": 6}), compute)

"""What the study runs, at scale ``quick`` (a minute on two cores) and ``paper`` (complete)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from practicum.theory.machines import Committee

NAME = "west-saad"
TITLE = "West & Saad (1995): adaptive back-propagation in on-line learning of multilayer networks"
CITE = ("west1995adaptive", "west1997online", "saad1995online", "saad1995dynamics")

# Raised when the code of a part comes to give other numbers, so that stored ones are not taken for the new.
REVISION = 2

# Figure 1 of the paper: K = M = 3, eta = 0.01, starts with norms U[0, 0.5] and overlaps U[0, 1e-12], alpha to 80 000.
FIGURE_1 = {"students": 3, "learning_rate": 0.01, "norm": 0.5, "overlap": 1e-12, "until": 80_000.0}
ADAPTIVE = 12.0
BETAS = (1.0, ADAPTIVE)
# Learning rates at which small-eta quantities are measured, to be extrapolated to zero. Corrections are powers of
# eta K beta, which must be small up to K = 10 and beta = 128 for the extrapolation to know its error.
SMALL_RATES = (4e-4, 2e-4, 1e-4)
# Theory against simulation: two students, two teachers, the start IC2 of the tests.
PAIR = {"Q": [[0.3, 0.001], [0.001, 0.4]], "R": [[0.003, 0.001], [0.001, 0.002]]}
PAIR_RATE = 1.0
TARGET = 1e-4
START_OVERLAP = 1e-3


def committee(students: int) -> Committee:
    """K = M, noise-free, erf: the machine of the paper."""
    return Committee(students=students, teachers=students)


@dataclass(frozen=True)
class Settings:
    """Everything that differs between the scales.

    Main arguments:
        curve_seeds: starts of figure 1.
        escape_students: K at which escape rates are measured from the flow.
        gain_students: K at which learning rate and temperature of the plateau are optimised together.
        large_students: increasing K, doubling, from which the limits K -> infinity are extrapolated.
        total_students, total_seeds: K and starts whose total training time is optimised.
        map_students: K whose map of total training times is drawn.
        chain_seeds: paths of the chain by N; weight_seeds: of the weights at N = 1000.
        drift_seeds: paths by N for the deviation of the mean from the flow at ``drift_at``.
    """

    curve_seeds: tuple[int, ...]
    escape_students: tuple[int, ...]
    gain_students: tuple[int, ...]
    large_students: tuple[int, ...]
    total_students: tuple[int, ...]
    total_seeds: tuple[int, ...]
    map_students: tuple[int, ...]
    chain_seeds: dict[int, int]
    weight_seeds: int
    drift_seeds: dict[int, int]
    simulate_until: float
    drift_at: float = 10.0

    def to_dict(self) -> dict[str, Any]:
        """For the report, with the constants that both scales share."""
        return {
            **asdict(self),
            "figure_1": FIGURE_1,
            "adaptive_inverse_temperature": ADAPTIVE,
            "small_learning_rates": SMALL_RATES,
            "pair_start": PAIR,
            "pair_learning_rate": PAIR_RATE,
            "target": TARGET,
            "start_overlap": START_OVERLAP,
        }


SCALES = {
    "quick": Settings(
        curve_seeds=(0, 1, 2, 3),
        escape_students=(2, 3),
        gain_students=(2, 3),
        large_students=(64, 128, 256, 512),
        total_students=(2, 3),
        total_seeds=(0, 1, 2),
        map_students=(3,),
        chain_seeds={100: 1000, 1000: 128, 100_000: 4},
        weight_seeds=20,
        drift_seeds={100: 4000, 400: 8000},
        simulate_until=150.0,
    ),
    "paper": Settings(
        curve_seeds=tuple(range(16)),
        escape_students=(2, 3, 5, 10),
        gain_students=(2, 3, 4, 5, 6),
        large_students=(64, 128, 256, 512, 1024),
        total_students=(2, 3, 4, 5, 6),
        total_seeds=(0, 1, 2, 3),
        map_students=(2, 3, 4),
        chain_seeds={100: 6000, 1000: 1024, 100_000: 32},
        weight_seeds=256,
        drift_seeds={100: 40_000, 400: 40_000, 1000: 40_000},
        simulate_until=200.0,
    ),
}

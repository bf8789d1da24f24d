"""What the study runs, at scale ``quick`` (a minute or so on two cores) and ``paper`` (complete)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

NAME = "pruning"
TITLE = "Acharyya et al. (2020): Understanding diversity based pruning of neural networks"
CITE = ("acharyya2020understanding", "mariet2016diversity")

# Raised when the code of a part comes to give other numbers, so that stored ones are not taken for the new.
REVISION = 1

V_STAR = 4.0
"""Fan-out of every teacher node in the two-layer setting."""

NODES = ("random_node", "importance_node", "dpp_node")
EDGES = ("random_edge", "dpp_edge", "magnitude_edge")
SELECTORS = (*NODES, *EDGES)

PUBLISHED = {
    "dpp_node": (3.737, 2.310, 1.438, 0.740, 0.258),
    "random_edge": (3.651, 2.500, 1.602, 0.930, 0.404),
    "dpp_edge": (2.403, 1.231, 0.591, 0.240, 0.071),
}
"""Errors of the authors' stored simulations at k = 1 ... 5 nodes, or as many parameters: N = 500, M = 2, K = 6."""


@dataclass(frozen=True)
class Committee:
    """Two-layer erf students of a teacher, trained on line in both layers, and pruned.

    Main arguments:
        teachers, students: M and K; K / M copies of each teacher node.
        dimension, learning_rate, until: N, eta of both layers, and alpha = updates / N at the end.
        noise: sigma of the teacher's output.
        variance: of the students' initial weights, times N.
        draws: masks of a selector that draws.
    """

    teachers: int
    students: int
    seeds: int
    noise: float = 0.0
    dimension: int = 500
    learning_rate: float = 0.5
    until: float = 1600.0
    variance: float = 1.0
    draws: int = 200


@dataclass(frozen=True)
class Specialists:
    """Two-layer ReLU students of a separated teacher, whose aligned nodes are told apart from the others."""

    seeds: int
    inputs: int = 60
    hidden: int = 8
    multiple: int = 3
    outputs: int = 30
    epochs: int = 20
    steps: int = 400
    compared: int = 2000
    draws: int = 20
    threshold: float = 0.95


@dataclass(frozen=True)
class Images:
    """A classifier of images whose first layer is pruned.

    Main arguments:
        hidden: widths.
        activation: "sigmoid", as in the source, or "relu".
        images: how many are trained on.
        used: training images that kernels and reweighting see.
        fractions: of the first layer that stay.
        seeds: of the selection; the network is one.
    """

    name: str
    hidden: tuple[int, ...] = (500, 500)
    activation: str = "relu"
    images: int | None = None
    epochs: int = 5
    used: int = 6000
    fractions: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    seeds: int = 10
    tested: int = 10_000


@dataclass(frozen=True)
class Settings:
    """Everything that differs between the scales.

    Main arguments:
        committees: trained and pruned; the first is that of the paper's figures.
        dense: students with as many nodes as the teacher, trained like the first.
        regions: (M, largest Z) of the maps in which edges are held against nodes.
        images: by image set; the digits stand in where there is no other.
    """

    committees: tuple[Committee, ...]
    dense: Committee
    regions: tuple[tuple[int, int], ...]
    specialists: Specialists
    images: tuple[Images, ...]

    def to_dict(self) -> dict[str, Any]:
        """For the report, with the constants that both scales share."""
        return {**asdict(self), "v_star": V_STAR}


_SMALL, _LARGE = Committee(2, 6, seeds=10), Committee(5, 20, seeds=4, draws=100)
_PICTURES = Images("mnist")
_QUICK_PICTURES = replace(
    _PICTURES, hidden=(64, 32), images=12_000, epochs=4, used=2000, fractions=(0.1, 0.2, 0.4, 0.7), seeds=3, tested=2000
)

SCALES = {
    "quick": Settings(
        committees=(
            _SMALL,
            replace(_SMALL, noise=0.25, seeds=6),
            replace(_LARGE, until=800.0),
            replace(_LARGE, until=800.0, noise=0.25, seeds=3),
        ),
        dense=replace(_SMALL, students=2),
        regions=((2, 8), (5, 6)),
        specialists=Specialists(seeds=6),
        images=(_QUICK_PICTURES, replace(_QUICK_PICTURES, name="fashion-mnist")),
    ),
    "paper": Settings(
        committees=(
            replace(_SMALL, seeds=40),
            replace(_SMALL, noise=0.25, seeds=40),
            replace(_LARGE, seeds=20),
            replace(_LARGE, noise=0.25, seeds=20),
        ),
        dense=replace(_SMALL, students=2, seeds=40),
        regions=((2, 12), (5, 8), (10, 5)),
        specialists=Specialists(seeds=32, hidden=10, multiple=5, inputs=100, outputs=50, epochs=60, steps=1000),
        images=(
            _PICTURES,
            replace(_PICTURES, name="fashion-mnist"),
            replace(_PICTURES, activation="sigmoid", epochs=10),
        ),
    ),
}

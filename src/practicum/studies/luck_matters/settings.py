"""What the study runs, at scale ``quick`` (a minute on two cores) and ``paper`` (complete)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

NAME = "luck-matters"
TITLE = "Tian et al. (2019): Luck Matters, understanding training dynamics of deep ReLU networks"
CITE = ("tian2019luck", "tian2020student")

# Raised when the code of a part comes to give other numbers, so that stored ones are not taken for the new.
REVISION = 1

THRESHOLD = 0.95
"""Correlation from which on a student is aligned with a teacher node, and the node covered."""

# Two layers, as in the reference: 9-valued teachers of separated nodes, x ~ N(0, 1.5^2), students from N(0, 0.005^2).
INPUTS, OUTPUTS, INPUT_SCALE = 100, 50, 1.5
LEARNING_RATE, BATCH, SAMPLES = 0.01, 16, 10_000
# Deep: the published rate 0.2 is that of a loss averaged over the C outputs, too. A step here follows 1/2 of the sum
# over outputs: 0.2 diverges, and 0.2 * 2 / C is so slow that there are no winners yet in the upper layers. With
# momentum, and a quarter of the rate in the last quarter of the epochs, there are.
DEEP_INPUTS, DEEP_OUTPUTS, DEEP_INPUT_SCALE, DEEP_BATCH = 20, 100, 10.0, 64
DEEP_RATES, DEEP_MOMENTUM = (0.002, 0.0005), 0.9
# Updates between two looks of the races: many teacher nodes are found within a few hundred updates.
STRIDE = 10

CONTROLS = ("crepe-full", "crepe-tiny")
"""Checkpoints in which BatchNorm follows the ReLU."""


@dataclass(frozen=True)
class TwoLayers:
    """Two-layer students whose unlucky nodes are followed for long."""

    hidden: int
    multiple: int
    seeds: int
    epochs: int
    observe_at: tuple[int, ...]
    decay: float = 1.0


@dataclass(frozen=True)
class Race:
    """Two-layer students of teachers with equally strong nodes (p = 0), followed update by update from the start."""

    hidden: int
    multiple: int
    seeds: int
    epochs: int
    looks: int
    initial: str = "normal"


@dataclass(frozen=True)
class Deep:
    """Students of a balanced deep teacher."""

    hidden: tuple[int, ...]
    multiple: int
    seeds: int
    samples: int
    epochs: int
    observe_at: tuple[int, ...]


@dataclass(frozen=True)
class ImageNetworks:
    """CNNs trained on the labels of images, with BatchNorm before and behind the ReLU, and without."""

    seeds: int
    widths: tuple[int, ...]
    images: int | None
    epochs: int


@dataclass(frozen=True)
class Settings:
    """Everything that differs between the scales.

    Main arguments:
        identity_networks: pairs of networks for each depth and activation.
        two_layers, races, deep: trainings; claims are judged on the first of each, the others stand in remarks.
        images: by image set, since the digits, which every machine has, need more epochs than Fashion-MNIST.
        overlap_seeds, overlap_samples: of the random teachers whose nodes are looked at.
        checkpoints: names of trained networks; `fetch` says whether those that are not on the machine are downloaded.
        permutations: of the null model of the races.
    """

    identity_networks: int
    two_layers: tuple[TwoLayers, ...]
    races: tuple[Race, ...]
    deep: tuple[Deep, ...]
    images: dict[str, ImageNetworks]
    overlap_seeds: int
    overlap_samples: int
    checkpoints: tuple[str, ...]
    fetch: bool
    permutations: int = 2000

    def to_dict(self) -> dict[str, Any]:
        """For the report, with the constants that both scales share."""
        return {
            **asdict(self),
            "threshold": THRESHOLD,
            "two_layer_inputs": {"dimension": INPUTS, "scale": INPUT_SCALE},
            "two_layer_training": {"learning_rate": LEARNING_RATE, "batch_size": BATCH, "samples": SAMPLES},
            "deep_inputs": {"dimension": DEEP_INPUTS, "scale": DEEP_INPUT_SCALE},
            "deep_training": {"learning_rates": DEEP_RATES, "momentum": DEEP_MOMENTUM, "batch_size": DEEP_BATCH},
        }


SMALL, LARGE = (10, 15, 20, 25), (50, 75, 100, 125)
HELD = (
    "khmer-ocr",
    "cifar-resnet18",
    "mobilenet-v2",
    *CONTROLS,
    "vgg11-bn",
    "vgg13-bn",
    "vgg16-bn",
    "vgg19-bn",
    "resnet18",
    "resnet34",
    "resnet50",
)

SCALES = {
    "quick": Settings(
        identity_networks=6,
        two_layers=(TwoLayers(20, 5, seeds=12, epochs=24, observe_at=(0, 1, 2, 3, 4, 6, 9, 12, 16, 20, 24)),),
        races=(Race(20, 5, seeds=24, epochs=300, looks=28),),
        deep=(Deep(SMALL, 5, seeds=8, samples=10_000, epochs=24, observe_at=(0, 1, 2, 3, 5, 8, 12, 18, 24)),),
        images={
            "fashion-mnist": ImageNetworks(4, (32, 32, 32, 32), images=20_000, epochs=2),
            "digits": ImageNetworks(4, (32, 32, 32), images=None, epochs=30),
        },
        overlap_seeds=8,
        overlap_samples=4000,
        checkpoints=HELD,
        fetch=False,
    ),
    "paper": Settings(
        identity_networks=50,
        two_layers=tuple(
            TwoLayers(hidden, multiple, 16, 100, (0, 1, 2, 3, 4, 6, 9, 12, 16, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100))
            for hidden, multiple in ((20, 5), (20, 10), (20, 2), (10, 5))
        ),
        races=(
            Race(20, 5, seeds=64, epochs=300, looks=48),
            Race(20, 5, seeds=64, epochs=600, looks=48, initial="pytorch"),
            Race(20, 2, seeds=64, epochs=300, looks=48),
        ),
        deep=(
            Deep(LARGE, 2, 8, 50_000, 40, (0, 1, 2, 3, 5, 8, 12, 16, 20, 30, 40)),
            Deep(LARGE, 5, 4, 50_000, 40, (0, 1, 2, 3, 5, 8, 12, 16, 20, 30, 40)),
            Deep(SMALL, 5, 16, 20_000, 40, (0, 1, 2, 3, 5, 8, 12, 16, 20, 30, 40)),
        ),
        images={
            "fashion-mnist": ImageNetworks(5, (32, 32, 32, 32), images=None, epochs=5),
            "digits": ImageNetworks(16, (32, 32, 32), images=None, epochs=60),
        },
        overlap_seeds=32,
        overlap_samples=10_000,
        checkpoints=HELD,
        fetch=True,
    ),
}

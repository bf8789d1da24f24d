"""Specialization: who resembles whom in teacher and student, and by how much.

Measures work on plain arrays of activations, on streams of them, on networks with a leading seed axis, and on any pair
of PyTorch modules. Teacher comes before student in every correlation: ``rho(teacher, student)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "Activations": "activations",
    "Activity": "activity",
    "Correlation": "correlation",
    "FanOuts": "coupling",
    "Overlap": "activity",
    "Specialization": "observers",
    "Success": "seeds",
    "alignment": "matching",
    "assign": "matching",
    "assigned_correlation": "matching",
    "best_correlation": "matching",
    "compare": "comparison",
    "correlate": "correlation",
    "coverage": "matching",
    "delete": "deletion",
    "delete_unaligned": "deletion",
    "fan_out_consistency": "consistency",
    "fan_outs": "coupling",
    "follow": "streams",
    "gradient_identity": "identity",
    "labelled": "learning",
    "off_diagonal_share": "activity",
    "pulls": "identity",
    "ranks": "winners",
    "record": "activations",
    "success": "seeds",
    "train": "learning",
    "wilson": "seeds",
    "winner_rank": "winners",
}

__all__ = [
    "Activations",
    "Activity",
    "Correlation",
    "FanOuts",
    "Overlap",
    "Specialization",
    "Success",
    "alignment",
    "assign",
    "assigned_correlation",
    "best_correlation",
    "compare",
    "correlate",
    "coverage",
    "delete",
    "delete_unaligned",
    "fan_out_consistency",
    "fan_outs",
    "follow",
    "gradient_identity",
    "labelled",
    "off_diagonal_share",
    "pulls",
    "ranks",
    "record",
    "success",
    "train",
    "wilson",
    "winner_rank",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.specialization' has no attribute '{name}'")
    return getattr(import_module(f"practicum.specialization.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.specialization.activations import Activations as Activations
    from practicum.specialization.activations import record as record
    from practicum.specialization.activity import Activity as Activity
    from practicum.specialization.activity import Overlap as Overlap
    from practicum.specialization.activity import off_diagonal_share as off_diagonal_share
    from practicum.specialization.comparison import compare as compare
    from practicum.specialization.consistency import fan_out_consistency as fan_out_consistency
    from practicum.specialization.correlation import Correlation as Correlation
    from practicum.specialization.correlation import correlate as correlate
    from practicum.specialization.coupling import FanOuts as FanOuts
    from practicum.specialization.coupling import fan_outs as fan_outs
    from practicum.specialization.deletion import delete as delete
    from practicum.specialization.deletion import delete_unaligned as delete_unaligned
    from practicum.specialization.identity import gradient_identity as gradient_identity
    from practicum.specialization.identity import pulls as pulls
    from practicum.specialization.learning import labelled as labelled
    from practicum.specialization.learning import train as train
    from practicum.specialization.matching import alignment as alignment
    from practicum.specialization.matching import assign as assign
    from practicum.specialization.matching import assigned_correlation as assigned_correlation
    from practicum.specialization.matching import best_correlation as best_correlation
    from practicum.specialization.matching import coverage as coverage
    from practicum.specialization.observers import Specialization as Specialization
    from practicum.specialization.seeds import Success as Success
    from practicum.specialization.seeds import success as success
    from practicum.specialization.seeds import wilson as wilson
    from practicum.specialization.streams import follow as follow
    from practicum.specialization.winners import ranks as ranks
    from practicum.specialization.winners import winner_rank as winner_rank

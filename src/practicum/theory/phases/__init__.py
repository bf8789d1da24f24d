"""Phases of on-line learning in soft committee machines (erf): the plateau, the convergence, and the best rules.

:func:`plateau` and :func:`convergence` linearise the flow at its two kinds of fixed point; :func:`best_rule` finds the
learning rate and inverse temperature that leave, converge, or do both, soonest.
"""

from practicum.theory.phases._irreps import Mode
from practicum.theory.phases.best_rule import BestRule, best_rule
from practicum.theory.phases.convergence import Convergence, convergence
from practicum.theory.phases.plateau import Plateau, PlateauLimit, plateau, plateau_limit

__all__ = [
    "BestRule",
    "Convergence",
    "Mode",
    "Plateau",
    "PlateauLimit",
    "best_rule",
    "convergence",
    "plateau",
    "plateau_limit",
]

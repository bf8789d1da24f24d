"""What is learnt from whom (:class:`Committee`) and how (:class:`LearningRule`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from practicum.values import Value

Activation = Literal["erf", "relu", "linear"]


class Committee(Value):
    """A student and a teacher, each a two-layer network ``sum_i v_i g(J_i . x)``.

    The teacher adds Gaussian noise of standard deviation `noise` to its output. Fan-outs
    ``v`` and ``v_star`` belong to the state, see :class:`~practicum.theory.overlaps.OrderParameters`.

    Main arguments:
        students: K, the student's hidden nodes.
        teachers: M, the teacher's hidden nodes.

    Other arguments:
        activation: ``"erf"`` is ``g(u) = erf(u / sqrt(2))``; ``"relu"`` is ``max(u, 0)``; ``"linear"`` is ``u``.
        noise: sigma >= 0, the standard deviation of the teacher's output noise.

    Source: Saad & Solla, Phys. Rev. E 52, 4225 (1995); noise: Saad & Solla, NIPS 9 (1996).
    """

    students: int = Field(ge=1, json_schema_extra={"remedy": "A committee needs at least one hidden node."})
    teachers: int = Field(ge=1, json_schema_extra={"remedy": "A committee needs at least one hidden node."})
    activation: Activation = "erf"
    noise: float = Field(
        default=0.0, ge=0, json_schema_extra={"remedy": "It is the standard deviation of the teacher's output noise."}
    )


class LearningRule(Value):
    """On-line gradient descent with (adaptive) back-propagation, one fresh mini-batch an update.

    Main arguments:
        learning_rate: eta > 0; an update moves a student by ``eta / N`` times the mean gradient of the batch.
        inverse_temperature: beta > 0 in the back-propagated derivative
            ``g'_beta(u) = sqrt(2 / pi) exp(-beta u^2 / 2)``; 1 is gradient descent, above 1 is the adaptive
            back-propagation of West & Saad. Only for ``activation="erf"``.

    Other arguments:
        weight_decay: kappa >= 0, each update multiplies the weights by ``1 - kappa / N``.
        batch_size: B >= 1, examples an update; ``alpha`` counts updates / N, not examples / N.
        fan_out_learning_rate: eta_v >= 0 of the second layer; 0 keeps the fan-out fixed.

    Source: West & Saad, NIPS 8 (1995) p. 323 and Phys. Rev. E 56, 3426 (1997); second layer: Goldt et al.,
    arXiv:1906.08632.
    """

    learning_rate: float = Field(
        gt=0, json_schema_extra={"remedy": "A step of zero or less cannot learn; 0.1 is a safe start."}
    )
    inverse_temperature: float = Field(
        default=1.0, gt=0, json_schema_extra={"remedy": "1.0 is gradient descent, larger values are adaptive."}
    )
    weight_decay: float = Field(default=0.0, ge=0, json_schema_extra={"remedy": "0.0 switches weight decay off."})
    batch_size: int = Field(default=1, ge=1, json_schema_extra={"remedy": "1 is plain on-line learning."})
    fan_out_learning_rate: float = Field(
        default=0.0, ge=0, json_schema_extra={"remedy": "0.0 keeps the student's fan-out fixed."}
    )

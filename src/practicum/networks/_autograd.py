"""Updates of modules of any kind: autograd and ``torch.optim``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from practicum.errors import ParameterError
from practicum.networks._batches import lookup
from practicum.networks._optimizers import load_optimizer, optimizer_state, set_rate
from practicum.networks.ensemble import Ensemble
from practicum.networks.losses import descended, losses
from practicum.networks.regimes import OwnLoss, Preparation, Ready
from practicum.networks.settings import Training


class Autograd:
    """Updates of a module, in place; the interface is that of :class:`practicum.networks._gradients.Backpropagation`.

    The losses of all seeds are added, so each seed receives the gradient of its own loss alone.

    Main arguments:
        network, training: what is trained, and how.

    Other arguments:
        prepare: changes each batch before the update, see :class:`practicum.networks.regimes.Preparation`.
    """

    def __init__(self, network: nn.Module, training: Training, prepare: Preparation | None = None) -> None:
        self.network, self.training, self.prepare = network, training, prepare
        parameters = [p for p in network.parameters() if p.requires_grad]
        rate, decay = training.learning_rate, training.weight_decay
        self.optimizer: torch.optim.Optimizer
        if training.optimizer == "adam":
            self.optimizer = torch.optim.Adam(parameters, lr=rate, weight_decay=decay, foreach=True)
        else:
            momentum = training.momentum
            self.optimizer = torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay, foreach=True)

    def run(self, inputs: Tensor, wanted: Tensor, rows: Tensor, rate: float) -> Tensor:
        """One update a batch of rows (steps, S, B) of the inputs and targets; the losses (steps, S), float64."""
        shape = rows.shape[1:]
        set_rate(self.optimizer, rate)
        found = []
        (inputs, places), (wanted, answers) = lookup(inputs, rows), lookup(wanted, rows)
        for place, answer in zip(places, answers):
            x = inputs.index_select(0, place).unflatten(0, shape)
            t = wanted.index_select(0, answer).unflatten(0, shape)
            found.append(self.update(*(Ready(x, t) if self.prepare is None else self.prepare(self.network, x, t))))
        self.optimizer.zero_grad(set_to_none=True)
        return torch.stack(found).double()

    def update(self, inputs: Tensor, wanted: Tensor, own: OwnLoss | None = None) -> Tensor:
        """One update from a batch (S, B, ...); the mean losses (S,) before it.

        Main arguments:
            inputs, wanted: examples and targets.

        Other arguments:
            own: a loss (S, B'') of outputs and targets, whose mean is followed and returned; None is the training's.

        Raises:
            ParameterError: that loss is of another shape, or no gradient comes from it.
        """
        self.optimizer.zero_grad(set_to_none=True)
        with torch.enable_grad():
            outputs = self.network(inputs)
            each = losses(outputs, wanted, self.training) if own is None else own(outputs, wanted)
            if own is not None:
                _check(each, len(outputs))
            loss = each.mean(1)
            factor = descended(self.training, outputs.shape[-1]) if own is None else 1.0
            (loss.sum() * factor).backward()
        self.optimizer.step()
        return loss.detach()

    def state(self) -> dict[str, Tensor]:
        """What the next update depends on besides the network."""
        return optimizer_state(self.optimizer)

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`."""
        load_optimizer(self.optimizer, state)


class OneByOne:
    """Updates of the modules of an :class:`Ensemble`, one after the other; the interface is that of :class:`Autograd`.

    Each has its own optimizer, so that nothing of a seed depends on the others.

    Main arguments:
        network, training: what is trained, and how.

    Other arguments:
        prepare: of each seed, as those of :class:`Autograd`; none changes nothing.
    """

    def __init__(self, network: Ensemble, training: Training, prepare: Sequence[Preparation] = ()) -> None:
        each = [*prepare] or [None] * network.seeds
        modules = [Ensemble([module], shape=network.shape) for module in network.networks]
        self.parts = [Autograd(module, training, own) for module, own in zip(modules, each)]

    def run(self, inputs: Tensor, wanted: Tensor, rows: Tensor, rate: float) -> Tensor:
        """One update a batch of rows (steps, S, B) of the inputs and targets; the losses (steps, S), float64."""
        found = []
        for index, part in enumerate(self.parts):
            x, t = (table if len(table) == 1 else table[index : index + 1] for table in (inputs, wanted))
            found.append(part.run(x, t, rows[:, index : index + 1], rate))
        return torch.cat(found, 1)

    def state(self) -> dict[str, Tensor]:
        """What the next update depends on besides the network."""
        return {f"{n}.{name}": value for n, part in enumerate(self.parts) for name, value in part.state().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`."""
        for index, part in enumerate(self.parts):
            mine = f"{index}."
            part.load({name.removeprefix(mine): v for name, v in state.items() if name.startswith(mine)})


def _check(loss: Tensor, seeds: int) -> None:
    fits = isinstance(loss, Tensor) and loss.ndim == 2 and loss.shape[0] == seeds and loss.shape[1] > 0
    if not fits or not loss.requires_grad:
        found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        found += " without a gradient" if fits else ""
        raise ParameterError(
            f"The loss of a regime must have one number an example, shape ({seeds}, B), and depend on the outputs. Got "
            f"{found} instead."
        )

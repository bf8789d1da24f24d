"""Updates of modules of any kind: autograd and ``torch.optim``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from practicum.networks._batches import lookup
from practicum.networks._optimizers import load_optimizer, optimizer_state, set_rate
from practicum.networks.ensemble import Ensemble
from practicum.networks.losses import descended, losses
from practicum.networks.settings import Training


class Autograd:
    """Updates of a module, in place; the interface is that of :class:`practicum.networks._gradients.Backpropagation`.

    The losses of all seeds are added, so each seed receives the gradient of its own loss alone.
    """

    def __init__(self, network: nn.Module, training: Training) -> None:
        self.network, self.training = network, training
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
            self.optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                outputs = self.network(x)
                loss = losses(outputs, t, self.training).mean(1)
                (loss.sum() * descended(self.training, outputs.shape[-1])).backward()
            self.optimizer.step()
            found.append(loss.detach())
        self.optimizer.zero_grad(set_to_none=True)
        return torch.stack(found).double()

    def state(self) -> dict[str, Tensor]:
        """What the next update depends on besides the network."""
        return optimizer_state(self.optimizer)

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`."""
        load_optimizer(self.optimizer, state)


class OneByOne:
    """Updates of the modules of an :class:`Ensemble`, one after the other; the interface is that of :class:`Autograd`.

    Each has its own optimizer, so that nothing of a seed depends on the others.
    """

    def __init__(self, network: Ensemble, training: Training) -> None:
        self.parts = [Autograd(Ensemble([module], shape=network.shape), training) for module in network.networks]

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

"""Where the BatchNorms of a module stand, told from what the module computes.

First symbolically (torch.fx), which needs no inputs. A module whose path depends on its inputs is run once on inputs
that the user gives, and every function of PyTorch that it calls is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from practicum.networks._evaluation import evaluated
from practicum.networks.mlp import MLP
from practicum.specialization.batchnorm.naming import AFTER, BEFORE, LINEAR, OTHER, SUM, UNKNOWN, of_perceptron

_WORDS = {
    "relu": "relu relu6 leakyrelu prelu rrelu threshold",
    "sum": "add sub",
    "other": "sigmoid tanh silu gelu elu celu selu softplus softsign softmin softmax logsoftmax hardswish hardsigmoid "
    "mish logsigmoid hardshrink softshrink tanhshrink glu erf exp abs sin cos square pow",
    "weights": "conv1d conv2d conv3d convtranspose1d convtranspose2d convtranspose3d linear bilinear matmul mm bmm "
    "addmm baddbmm einsum lstm gru rnn embedding multiheadattention scaleddotproductattention",
    # What changes neither sign nor threshold of a channel, and products: with gates, which are positive.
    "pass": "identity dropout dropout1d dropout2d dropout3d alphadropout featurealphadropout flatten unflatten view "
    "reshape permute transpose movedim swapaxes contiguous squeeze unsqueeze expand to float double half clone detach "
    "requiresgrad pad zeropad2d getitem chunk split cat concat concatenate stack unbind select narrow mean interpolate "
    "upsample pixelshuffle channelshuffle mul",
    "question": "size getattr dim ndim numel len shape",
    "unknown": "maximum max",
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_POOLS = ("maxpool", "avgpool", "adaptivemaxpool", "adaptiveavgpool", "lppool")


class _Step(NamedTuple):
    """One computation: what kind, the steps whose results it takes, and the BatchNorm that it is, if it is one."""

    kind: str
    takes: tuple[int, ...]
    norm: str = ""


def by_tracing(module: nn.Module, inputs: Any = None) -> dict[str, str]:
    """The position of every BatchNorm of a module, "unknown" if it is never called; empty if it cannot be followed.

    Main arguments:
        module: any. It is left as it was.
        inputs: a tensor, or a tuple of arguments, to run it on where it cannot be traced without.
    """
    result = {}
    for name, part in module.named_modules():
        if isinstance(part, MLP):
            position = of_perceptron(str(part.normalisation), part.activation)
            result |= {f"{name}.norms.{i}".lstrip("."): position for i in range(len(part.norms))}
    if isinstance(module, MLP):
        return result
    steps = _symbolic(module)
    if steps is None and inputs is not None:
        steps = _recorded(module, inputs)
    if steps is None:
        return result
    reached = {name: UNKNOWN for name, part in module.named_modules() if isinstance(part, _BatchNorm)}
    return reached | result | _positions(steps)


def _positions(steps: list[_Step]) -> dict[str, str]:
    takers: list[list[int]] = [[] for _ in steps]
    for index, step in enumerate(steps):
        for taken in step.takes:
            takers[taken].append(index)
    result = {}
    for index, step in enumerate(steps):
        if step.norm:
            after = {steps[i].kind for i in _beyond(index, steps, lambda i: takers[i])}
            before = {steps[i].kind for i in _beyond(index, steps, lambda i: steps[i].takes)}
            direct = {steps[i].kind for i in takers[index]}
            position = _named(before, after, direct)
            # One module may be called in several places.
            result[step.norm] = position if result.get(step.norm, position) == position else UNKNOWN
    return result


def _named(before: set[str], after: set[str], direct: set[str]) -> str:
    """What follows decides, and only then what goes before: a ReLU that follows makes beta its threshold."""
    if {"sum", "weights"} <= direct and "relu" not in after:
        return LINEAR  # what a block takes in and adds again at its end, as after a linear bottleneck
    for kind, position in (("relu", BEFORE), ("sum", SUM), ("other", OTHER)):
        if kind in after:
            return position
    if "unknown" in after:
        return UNKNOWN
    return AFTER if "relu" in before else LINEAR


def _beyond(start: int, steps: list[_Step], near: Any) -> Iterator[int]:
    """The first steps on each way from `start` that are no mere passage (pooling, dropout, shapes)."""
    stack, seen = list(near(start)), set()
    while stack:
        index = stack.pop()
        if index in seen:
            continue
        seen.add(index)
        if steps[index].kind == "pass":
            stack += near(index)
        else:
            yield index


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (_BatchNorm, MLP)) or super().is_leaf_module(m, module_qualified_name)


def _symbolic(module: nn.Module) -> list[_Step] | None:
    tracer = _Tracer()
    try:
        graph = tracer.trace(module)
    except Exception:  # whatever a forward raises when it is given no tensor
        return None
    names = {id(part): name for name, part in module.named_modules()}
    place = {node: index for index, node in enumerate(graph.nodes)}
    steps = []
    for node in graph.nodes:
        takes = tuple(place[other] for other in node.all_input_nodes)
        if node.op == "call_module":
            part = module.get_submodule(str(node.target))
            norm = names[id(part)] if isinstance(part, _BatchNorm) else ""
            steps.append(_Step("norm" if norm or isinstance(part, _BatchNorm) else _of_module(part), takes, norm))
        elif node.op in ("call_function", "call_method"):
            called = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
            variable = [steps[i].kind != "constant" for i in takes]
            steps.append(_Step(_of_call(str(called), sum(variable), node.args, node.kwargs), takes))
        else:
            steps.append(_Step({"get_attr": "constant", "output": "output"}.get(node.op, "input"), takes))
    return steps


class _Recorder(TorchFunctionMode):
    """Every call of a function of PyTorch: which tensors went in, and which came out."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.steps: list[_Step] = []
        self._norms = {id(p.weight): name for name, p in module.named_modules() if isinstance(p, _BatchNorm)}
        self._parameters = {id(p) for p in [*module.parameters(), *module.buffers()]}
        self._made_by: dict[int, int] = {}
        self._alive: list[Any] = []  # a tensor that is freed could leave its id to another

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [value for value in _tensors([args, kwargs]) if id(value) not in self._parameters]
        norm = next((self._norms[id(v)] for v in _tensors([args, kwargs]) if id(v) in self._norms), "")
        takes = tuple(self._made_by[id(value)] for value in given if id(value) in self._made_by)
        result = func(*args, **kwargs)
        made = list(_tensors([result]))
        if made:
            name = str(getattr(func, "__name__", ""))
            is_norm = norm and "norm" in name
            kind = "norm" if is_norm else _of_call(name, len(given), args, kwargs)
            self.steps.append(_Step(kind, takes, norm if is_norm else ""))
            self._made_by |= {id(value): len(self.steps) - 1 for value in made}
            self._alive += made
        return result


def _recorded(module: nn.Module, inputs: Any) -> list[_Step]:
    recorder = _Recorder(module)
    with evaluated(module), recorder:
        module(*(inputs if isinstance(inputs, tuple) else (inputs,)))
    return recorder.steps


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
        elif isinstance(value, dict):
            yield from _tensors(value.values())


def _of_module(part: nn.Module) -> str:
    if isinstance(part, MLP):
        return "weights"
    if isinstance(part, nn.Hardtanh) and part.min_val != 0:
        return "other"
    if isinstance(part, nn.Hardtanh):
        return "relu"
    return _of_word(type(part).__name__)


def _of_call(name: str, variable: int, args: Any, kwargs: Any) -> str:
    """The kind of a function or method; `variable` tensors go in that are not parameters."""
    word = _plain(name)
    if word in ("hardtanh", "clamp", "clampmin", "clip"):
        lowest = kwargs.get("min_val", kwargs.get("min", args[1] if len(args) > 1 else None))
        return "relu" if lowest == 0 else "other"
    kind = _of_word(name)
    # A constant that is added shifts the threshold.
    return "unknown" if kind == "sum" and variable < 2 else kind


def _of_word(name: str) -> str:
    word = _plain(name)
    if word.startswith(_POOLS):
        return "pass"
    return _KINDS.get(word, "norm" if "norm" in word else "unknown")


def _plain(name: str) -> str:
    """relu_, __iadd__, LeakyReLU and adaptive_avg_pool2d as relu, add, leakyrelu and adaptiveavgpool2d."""
    word = name.strip("_").replace("_", "").lower()
    return {"iadd": "add", "radd": "add", "isub": "sub", "imul": "mul", "rmul": "mul"}.get(word, word)

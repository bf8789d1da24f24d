"""Networks as files of safetensors: written whole or not at all, read without running anything that is in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, get_args

from practicum.canonical import canonical_json
from practicum.disk.paths import expanded
from practicum.disk.regular import open_regular
from practicum.disk.tensors import read_header
from practicum.disk.texts import plain_json
from practicum.disk.writing import replace_all
from practicum.errors import ParameterError, StorageError
from practicum.networks._torch import need_torch
from practicum.networks.names import Activation

if TYPE_CHECKING:
    from torch import Tensor

    from practicum.networks.mlp import MLP
    from practicum.networks.state import State
    from practicum.runs.training import TrainConfig

FORMAT = "mlp-1"
"""Another number would mean that the tensors have other names or meanings."""

_KEY = "practicum"
"""The one entry of the metadata: safetensors writes several in an order that changes from call to call."""


def save_network(network: MLP, path: str | os.PathLike[str], *, about: Mapping[str, Any] | None = None) -> Path:
    """Write all S networks of an MLP into one file of safetensors, completely or not at all; return its path.

    The tensors are those of ``network.state_dict()``, bit for bit; the metadata say what they cannot: activation,
    slope and normalisation. The same network gives the same bytes.

    Main arguments:
        path: of the file; ``.safetensors`` is added to a name without an ending.

    Other arguments:
        about: what else goes into the metadata, as JSON, such as the run that the network comes from.

    Raises:
        ParameterError: not an MLP, or another ending, which other programs would not understand.
        StorageError: the file cannot be written; what was there before is untouched.
    """
    need_torch()
    from practicum.networks.mlp import MLP

    if not isinstance(network, MLP):
        raise ParameterError(
            f"Only an MLP can be saved, because a file of safetensors holds weights and not what is computed with "
            f"them. Got {type(network).__name__} instead; save its state_dict() and keep its code."
        )
    return write_tensors(path, network.state_dict(), _described(network, about))


def _described(network: MLP, about: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        **(about or {}),
        "format": FORMAT,
        "sizes": network.sizes,
        "activation": network.activation,
        "slope": network.slope,
        "normalisation": network.normalisation,
    }


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> Path:
    """Write tensors and what is to be known about them, completely or not at all; return the path.

    Raises:
        ParameterError: another ending than ``.safetensors``, which is added to a name without one.
        StorageError: the file cannot be written; what was there before is untouched.
    """
    path = _target(path)
    _write({path: _image(tensors, metadata)})
    return path


def _target(path: str | os.PathLike[str]) -> Path:
    path = expanded(path)
    if not path.name:
        raise ParameterError(f"Networks are saved in a file, which needs a name. Got {str(path)!r:.60}, a folder.")
    path = path if path.suffix else path.with_suffix(".safetensors")
    if path.suffix != ".safetensors":
        raise ParameterError(
            f"Networks are saved as .safetensors, without pickled objects. Got {path.name!r:.60} instead."
        )
    return path


def _image(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> bytes:
    from safetensors.torch import save

    return save({name: value.cpu().contiguous() for name, value in tensors.items()}, {_KEY: canonical_json(metadata)})


def _write(images: Mapping[Path, bytes]) -> None:
    try:
        replace_all({path: [image] for path, image in images.items()})
    except OSError as error:
        path = next(iter(images)) if len(images) == 1 else next(iter(images)).parent
        raise StorageError(
            f"The network cannot be written to {path}: {(error.strerror or str(error)).lower()}."
        ) from None


def load_network(
    path: str | os.PathLike[str], *, activation: Activation | None = None, slope: float = 0.0, device: Any = "cpu"
) -> MLP:
    """The networks in a file, in evaluation mode.

    Main arguments:
        path: what :func:`save_network` wrote; or a state dict of a plain perceptron by other hands, of safetensors or
            of ``torch.save``, with one weight (n_out, n_in) and perhaps one bias (n_out,) a layer, as that of
            ``nn.Sequential(Linear, ReLU, Linear)``. It is read in float64, with ``weights_only=True``.

    Other arguments:
        activation, slope: of the hidden layers of a file by other hands, which does not say; "relu" if not given.
            Ours say it themselves.
        device: of the tensors.

    Raises:
        StorageError: the file is missing, truncated, damaged, or a pickle of more than tensors.
        ParameterError: it is no plain perceptron, the order of its layers is not certain, a weight is not finite, or
            torch is not installed.
    """
    need_torch()
    path = expanded(path)
    if path.suffix in (".pkl", ".pickle", ".joblib"):
        raise StorageError(
            f"The file {path} is refused, because unpickling it can run any program; save the network's state_dict() "
            "with safetensors, or with torch.save as .pt."
        )
    if activation is not None and activation not in get_args(Activation):
        raise ParameterError(
            f"The 'activation' parameter must be one of {', '.join(map(repr, get_args(Activation)))}. Got "
            f"{activation!r:.60} instead."
        )
    metadata = about_network(path)
    if metadata:
        network = _ours(path, metadata, activation)
    else:
        from practicum.runs._foreign import perceptron

        network = perceptron(path, activation or "relu", slope)
    check_finite(path, network.state_dict())
    return network.to(device).eval()


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """One sentence if the network in a file has numbers that are not finite."""
    bad = [name for name, value in tensors.items() if not bool(value.isfinite().all())]
    if bad:
        raise ParameterError(
            f"The network in {path} has numbers that are not finite in {', '.join(bad[:3])}, so that it has no "
            "outputs; take a checkpoint from before the training diverged."
        )


def save_trained(config: TrainConfig, state: State, folder: str | os.PathLike[str]) -> tuple[list[Path], list[int]]:
    """Write teacher and students of a training as ``teacher.safetensors`` and ``students.safetensors``.

    Main arguments:
        config: of the training.
        state: its last one.
        folder: where to.

    Returns:
        the files, and the seeds in them: row i of every tensor is seed i of that list. Seeds that diverged are left
        out, as there is nothing to compute with; if all did, no file is written. A teacher that all seeds share is one.

    Raises:
        ParameterError, StorageError: as :func:`save_network` does.
    """
    trained = trained_networks(config, state)
    if trained is None:
        return [], []
    teacher, students, left = trained
    seeds = config.seeds.list()
    chosen = seeds if config.teacher_seed is None else [config.teacher_seed]
    images: dict[Path, bytes] = {}
    for name, network in (("teacher", teacher), ("students", students)):
        about = {"run": config.id, "role": name, "seeds": chosen if network.seeds != len(left) else left}
        images[_target(expanded(folder) / name)] = _image(network.state_dict(), _described(network, about))
    _write(images)  # both or none, for they belong together
    return list(images), left


def trained_networks(config: TrainConfig, state: State) -> tuple[MLP, MLP, list[int]] | None:
    """Teacher and students as a training has left them; None if all seeds diverged.

    Main arguments:
        config: of the training.
        state: its last one.

    Returns:
        the teacher, one that all seeds share or one a student; the students; and their seeds, without those that
        diverged.
    """
    import torch

    seeds = config.seeds.list()
    place: dict[str, Any] = {"dtype": config.dtype, "device": "cpu"}
    chosen = seeds if config.teacher_seed is None else [config.teacher_seed]
    teacher: Any = config.teacher.build(chosen, law=config.inputs, **place)
    students: Any = config.students.build(teacher, seeds, **place)
    students.load_state_dict({name: torch.tensor(value) for name, value in state.weights.items()})
    kept = [row for row in range(len(seeds)) if state.diverged_at[row] < 0]
    if not kept:
        return None
    teacher, students = (each.select(kept) if each.seeds == len(seeds) else each for each in (teacher, students))
    return teacher, students, [seeds[row] for row in kept]


def check_savable(config: TrainConfig, folder: Path) -> None:
    """One sentence if :func:`save_trained` could not save the networks of a training; to be said before it begins.

    Raises:
        ParameterError: they are convolutional.
        StorageError: the folder cannot be made or written.
    """
    inputs = getattr(config.teacher, "inputs", None)
    if not getattr(inputs, "flat", True):
        raise ParameterError(
            "Only perceptrons can be saved, and this teacher and its students are convolutional; leave out --networks, "
            "or take perceptrons with teacher.kind = 'image' and flat = true."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StorageError(
            f"The networks cannot be written to {folder}: {(error.strerror or str(error)).lower()}; name another "
            "folder."
        ) from None


def about_network(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file of :func:`save_network` says about its network, without reading it; {} for any other file."""
    path = expanded(path)
    try:  # what is wrong with another file is said by who reads it
        with open_regular(path) as file:
            found = plain_json(read_header(file)["__metadata__"][_KEY])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of safetensors, whose header is compared with the file first.

    Raises:
        OSError, ValueError, SafetensorError: it cannot be read, or is damaged.
    """
    from safetensors.torch import load

    with open_regular(path) as file:
        read_header(file)
        file.seek(0)
        return load(file.read())


def _ours(path: Path, metadata: dict[str, Any], activation: str | None) -> MLP:
    from safetensors import SafetensorError

    from practicum.networks.mlp import MLP

    if metadata.get("format") != FORMAT:
        raise StorageError(
            f"The network in {path} has the format {metadata.get('format')!r:.60}, and this version of practicum reads "
            f"{FORMAT}; read it with the version that wrote it."
        )
    if activation is not None and activation != metadata.get("activation"):
        raise ParameterError(
            f"The network in {path} has the activation {metadata.get('activation')!r:.60}, as its file says. Got "
            f"{activation!r} instead; leave it out."
        )
    try:
        tensors = read_tensors(path)
        depth = len(metadata["sizes"]) - 1
        network = MLP(
            [tensors[f"weights.{layer}"] for layer in range(depth)],
            [tensors.get(f"biases.{layer}") for layer in range(depth)],
            activation=metadata["activation"],
            slope=float(metadata["slope"]),
            normalisation=metadata["normalisation"],
        )
        network.load_state_dict(tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        detail = " ".join(str(error).split())
        raise StorageError(
            f"The network in {path} cannot be read: the file is truncated or damaged ({detail:.120})."
        ) from None
    return network

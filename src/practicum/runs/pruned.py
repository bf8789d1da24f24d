"""Pruned networks as files of safetensors: smaller tensors, what is computed with them, and no pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.disk.paths import expanded
from practicum.errors import ParameterError, StorageError
from practicum.networks._torch import need_torch
from practicum.runs.checkpoints import FORMAT as MLP_FORMAT
from practicum.runs.checkpoints import about_network, check_finite, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = "pruned-1"
"""Another number would mean that the tensors or the architecture have other names or meanings."""


def save_pruned(network: nn.Module, path: str | os.PathLike[str], *, about: Mapping[str, Any] | None = None) -> Path:
    """Write a network, of any widths, into one file of safetensors, completely or not at all; return its path.

    The tensors are those of ``network.state_dict()``, bit for bit, so that other programs read them. Of an
    ``nn.Sequential``, also a nested one, of PyTorch's layers and activations, and of practicum's CNN, the metadata say
    what is computed with them, and the file is enough. Of another class they say its name only, because code is not
    saved; :func:`load_pruned` then needs a network of that class. The same network gives the same bytes.

    Main arguments:
        network: such as :func:`practicum.pruning.compact` makes. Hooks are not saved; masks of
            ``torch.nn.utils.prune`` become zeros.
        path: of the file; ``.safetensors`` is added to a name without an ending.

    Other arguments:
        about: what else goes into the metadata, as JSON.

    Raises:
        ParameterError: no single network, one whose masked nodes are silenced by hooks, another ending, or tensors
            that share memory.
        StorageError: the file cannot be written; what was there before is untouched.
    """
    need_torch()
    from practicum.pruning._copies import SILENCED, bare_copy
    from practicum.runs._architecture import described

    copy = bare_copy(network)
    if any(SILENCED in part._buffers for part in copy.modules()):
        raise ParameterError(
            "A file of weights cannot hold the hooks that silence masked nodes; practicum.pruning.compact removes the "
            "nodes, and what is left can be saved."
        )
    metadata = {
        **(about or {}),
        "format": FORMAT,
        "class": type(network).__name__,
        "architecture": described(copy),
    }
    try:
        return write_tensors(path, copy.state_dict(), metadata)
    except RuntimeError as error:  # what safetensors says of tensors that share memory
        detail = " ".join(str(error).split())
        raise ParameterError(f"The tensors of this {type(network).__name__} cannot be saved: {detail:.200}") from None


def load_pruned(path: str | os.PathLike[str], *, like: nn.Module | None = None, device: Any = "cpu") -> nn.Module:
    """The network in a file of :func:`save_pruned`, in evaluation mode, with the same answers bit for bit.

    Main arguments:
        path: of the file.

    Other arguments:
        like: a network of the class that was pruned, as wide as you have it, such as the one before pruning; needed
            where the file does not say what is computed. A copy of it gets the tensors of the file and their widths.
        device: of the tensors.

    Raises:
        StorageError: the file is missing, truncated or damaged, or by other hands.
        ParameterError: a network is needed or does not fit, or a weight is not finite.
    """
    need_torch()
    path = expanded(path)
    metadata = about_network(path)
    tensors = _tensors(path)
    if metadata.get("format") != FORMAT:
        found = metadata.get("format")
        remedy = "load_network reads it" if found == MLP_FORMAT else "read it with what wrote it"
        raise StorageError(f"The file {path} has the format {found!r:.60} and not {FORMAT}; {remedy}.")
    check_finite(path, tensors)
    if like is not None:
        from practicum.pruning._widths import shaped_like

        return shaped_like(like, tensors).to(device).eval()
    architecture = metadata.get("architecture")
    if architecture is None:
        raise ParameterError(
            f"The file {path} holds the tensors of a {metadata.get('class')!s:.60}, and not its code; give load_pruned "
            "such a network, of any widths, as like=."
        )
    return _built(path, architecture, tensors).to(device).eval()


def _tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError

    try:
        # Copies: where in memory a matrix begins decides the last bits of its products.
        return {name: values.clone() for name, values in read_tensors(path).items()}
    except OSError as error:
        raise StorageError(f"The file {path} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except (SafetensorError, ValueError) as error:
        detail = " ".join(str(error).split())
        raise StorageError(f"The file {path} is truncated, damaged, or no safetensors ({detail:.120}).") from None


def _built(path: Path, architecture: Any, tensors: dict[str, Tensor]) -> nn.Module:
    from practicum.runs._architecture import constructed

    try:
        network = constructed(architecture)
        network.load_state_dict(tensors, assign=True)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        detail = " ".join(str(error).split())
        raise StorageError(
            f"The network in {path} cannot be built: its file is damaged, or of a later version ({detail:.120})."
        ) from None
    return network

"""A file of torch.save, looked at before torch reads it: nothing in it makes much out of little.

``weights_only=True`` runs no program, but what it may call can fill any memory: ``bytearray(10**12)``, a tensor made of
lists that hold each other, the conversion of one number that is spread over 10**12 places.
"""

from __future__ import annotations

import io
import pickletools
from pathlib import Path

from practicum.disk.archives import open_zip
from practicum.disk.regular import open_regular

_LONGEST = 2**24
"""Most bytes of a pickle: a hundred thousand tensors take as many, and their numbers lie elsewhere."""

_OLD_PICKLES = 5
"""In a file from before PyTorch 1.6: a number, a version, the system, the state dict, the keys of the storages."""

_ENLARGING = {
    "_codecs encode",
    "builtins bytearray",
    "__builtin__ bytearray",
    "torch._utils _rebuild_device_tensor_from_cpu_tensor",
    "torch._utils _rebuild_device_tensor_from_numpy",
    "torch._utils _rebuild_nested_tensor",
    "torch._utils _rebuild_sparse_tensor",
}


class Enlarging(Exception):
    """What a file names, as ``module.name``."""


def check_torch_file(path: Path) -> None:
    """Nothing if torch can read the file within the memory that its size suggests.

    Raises:
        Enlarging: it names something that makes much out of little.
        Exception: of many kinds; it is damaged, compressed, or its members overlap.
    """
    with open_regular(path) as file:
        zipped = file.read(2) == b"PK"
        file.seek(0)
        if not zipped:
            _check(io.BytesIO(file.read(_LONGEST)), _OLD_PICKLES)
            return
        archive = open_zip(file, compressed=False)
        # Letters of either case, and every member of that name: torch looks one of them up in its own way.
        for member in archive.infolist():
            if member.filename.lower().endswith("data.pkl"):
                if member.file_size > _LONGEST:
                    raise ValueError(f"its pickle has {member.file_size} bytes")
                with archive.open(member) as content:
                    _check(io.BytesIO(content.read(_LONGEST)), 1)


def _check(content: io.BytesIO, pickles: int) -> None:
    for _ in range(pickles):
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "GLOBAL" and _enlarges(str(argument)):
                raise Enlarging(str(argument).replace(" ", "."))


def _enlarges(name: str) -> bool:
    module, _, kind = name.partition(" ")
    # torch.Tensor and its like make a tensor of lists; the tensors of a state dict are made of storages.
    return name in _ENLARGING or (module.partition(".")[0] == "torch" and kind.endswith("Tensor"))

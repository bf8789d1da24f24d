"""Small archives in the form of CIFAR-10, the pickles in them as Python 2 and as later Pythons write them."""

import base64
import io
import pickle
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np

FOLDER, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
TRAIN = tuple(f"data_batch_{k}" for k in range(1, 6))

REAL = zlib.decompress(
    base64.b64decode(
        b"eNrt2vdTE0EUB/BLAoGEqoiKNSrq2SJBUOy9cRIVOXuMl8sBJ8nl9rKnRkGwAGLvvffee++99957710RguM/kfd+2Jl93zc783k/b4YyDSlI"
        b"2svKYAYpWUG2iy4965A4vV22YZ6RJMalNUsc6xCcWJJZrEWqgimtYC1IkRdFZNIKS3Y88iYpBaWKI/yz/s1YsUvktEhNK2UDRVCKvBkfklLR"
        b"ilSj0Ribm1fugyKwJSeBCCcIwicwtFSFqoaYxq3iEnpYeLHfoMxRE2fMX7Z2y+5DJy9cv/f0zedfKm2h4mUr1Yiq36xthy69OJtzwODhY6fM"
        b"XrRyw/Z9R89cvvXwxftvueqAIiXLV4mo06hlu07dmWRH37RhIydMn7d0zeZdB0+cv3b3yetPP5Wa4GJlKlavVa9pm/adTdYUyZWRPWbyrIUr"
        b"1m/be+T0pZsPnr/7+sfbP6REObJm7YYtqPhuvZMEOXXoiPHT5i5ZvWnngePnrt55/OrjD4VvUNHS4dUi6zZpbaR7sn1Q//Ss0ZNmLli+buue"
        b"w6cu3rj/7O2X315+hcN0lfXRDZrHduxqTrTjgUNyxk2ds3jVxh37j529cvvRyw/fwQ9+8IMf/OAHP/jBD35P8sMGwQ9+8IMf/OAHP/jBD37P"
        b"8cMGwQ9+8IMf/OAHP/jBD37P8WMLrbYxlrz3kK8JaUhKTWkogqP9LAxmk83uCGnpUCwxvMALSTp3X2fQORJ10ciP1iTyNk5g7JwT+ZtQAEmT"
        b"Nk7EDivDYpdNdppFTsDM/5vTHJFfUXpRSEKBdAjL2HmHUNA2RMW420F0GOZFkZPM+f+fUtyhITI6wh0Gc7L+L1BkXLo="
    )
)
"""What cPickle of Python 2.7.18 and NumPy 1.16.6 wrote, protocol 2, of three images as `real_batch` makes them."""


def real_batch():
    """The images and labels of which `REAL` is the pickle, from their formula."""
    data = (7 * np.arange(3072) + 50 * np.arange(3)[:, None]) % 256
    return data.astype(np.uint8), [6, 9, 0]


def made_up(count: int, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    """Images (count, 3072) and labels: noise, and a bright bar whose colour and place depend on the label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    pixels = rng.integers(0, 100, (count, 3, 32, 32), dtype=np.uint8)
    for image, label in zip(pixels, labels):
        image[label % 3, :, 3 * label : 3 * label + 3] += 120
    return pixels.reshape(count, 3072), labels.tolist()


def python2(data: np.ndarray, labels: list[int]) -> bytes:
    """A batch pickled as Python 2 did it, in the order of the published files: texts are bytes, opcode by opcode."""
    put = iter(range(1, 10**6))

    def memo() -> bytes:
        place = next(put)
        return b"q" + bytes([place]) if place < 256 else b"r" + struct.pack("<I", place)

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value + memo()

    def number(value: int) -> bytes:
        return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)

    shape = b"".join(number(n) for n in data.shape)
    out = b"\x80\x02}" + memo() + b"(" + text(b"batch_label") + text(b"training batch 1 of 5")
    out += text(b"labels") + b"]" + memo() + b"(" + b"".join(number(label) for label in labels) + b"e"
    out += text(b"data") + b"cnumpy.core.multiarray\n_reconstruct\n" + memo() + b"cnumpy\nndarray\n" + memo()
    out += (
        b"K\0\x85U\x01b\x87R" + memo() + b"(K\x01" + shape + b"\x86cnumpy\ndtype\n" + memo() + b"U\x02u1K\0K\x01\x87R"
    )
    out += memo() + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
    out += b"T" + struct.pack("<i", data.size) + data.tobytes() + b"tb"
    out += text(b"filenames") + b"]" + memo() + b"("
    out += b"".join(text(b"a_tabby_s_%06d.png" % k) for k in range(len(data))) + b"e"
    return out + b"u."


def python3(data: np.ndarray, labels: list[int], protocol: int = 4, keys: type = bytes) -> bytes:
    """The same as Python 3 pickles it now, keys as bytes or as texts."""
    batch = {
        "batch_label": "training batch 1 of 5",
        "labels": labels,
        "data": data,
        "filenames": ["a.png"] * len(data),
    }
    return pickle.dumps({key.encode() if keys is bytes else key: value for key, value in batch.items()}, protocol)


def batches(train: int = 4, test: int = 6, write=python2) -> dict[str, bytes]:
    """The six files of a set with so many images a batch."""
    return {
        name: write(*made_up(count, seed))
        for seed, (name, count) in enumerate([*((name, train) for name in TRAIN), ("test_batch", test)])
    }


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """The folder that is in the archive."""
    (folder / FOLDER).mkdir(parents=True)
    for name, content in files.items():
        (folder / FOLDER / name).write_bytes(content)
    return folder / FOLDER


def member(name: str, content: bytes = b"", **changes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    """A member of an archive, with any header."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def write_archive(folder: Path, files: dict[str, bytes], *others, prefix: str = f"{FOLDER}/") -> Path:
    """The archive, with the folder and an unrelated file before the batches, as the true one has; and other members."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / ARCHIVE, "w:gz", compresslevel=1) as archive:
        archive.addfile(member(prefix, type=tarfile.DIRTYPE)[0])
        archive.addfile(*member(f"{prefix}readme.html", b"<meta HTTP-EQUIV='REFRESH'>"))
        for name, content in reversed(files.items()):
            archive.addfile(*member(f"{prefix}{name}", content))
        for info, content in others:
            archive.addfile(info, content)
    return folder / ARCHIVE

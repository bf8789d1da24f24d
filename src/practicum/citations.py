"""What to cite: the papers behind the numbers of a dataset, as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from practicum.errors import ParameterError

if TYPE_CHECKING:
    import xarray as xr


@cache
def entries() -> dict[str, str]:
    """Every BibTeX entry that practicum knows, by key; they stand in ``references.bib`` of the package."""
    text = files("practicum").joinpath("references.bib").read_text(encoding="utf-8")
    blocks = ["@" + block.strip() for block in ("\n" + text).split("\n@")[1:]]
    return {block[block.index("{") + 1 : block.index(",")].strip(): block for block in blocks}


def bibtex(keys: Iterable[str]) -> str:
    """The BibTeX entries of some keys, in the order given, each once.

    Raises:
        ParameterError: a key is unknown.
    """
    wanted = list(dict.fromkeys(key.strip() for key in keys))
    for key in wanted:
        if key not in entries():
            raise ParameterError(f"There is no citation '{key}'; the keys are {', '.join(entries())}.")
    return "\n\n".join(entries()[key] for key in wanted)


def cite(dataset: xr.Dataset) -> str:
    """BibTeX of the papers that a dataset of practicum rests on, ready to paste.

    Main arguments:
        dataset: a result of solve, simulate or a store; what it used depends on its settings.

    Raises:
        ParameterError: the dataset does not come from practicum (arithmetic drops attributes: ask the original, or
            do it under ``xarray.set_options(keep_attrs=True)``).
    """
    keys = getattr(dataset, "attrs", {}).get("cite")
    if not keys:
        raise ParameterError(
            "cite needs a dataset that solve, simulate or a store returned, because its attribute 'cite' says what was "
            f"used. Got {type(dataset).__name__} without it; arithmetic drops attributes, so cite the original."
        )
    return bibtex(str(keys).split(","))

"""Paths as people write them."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path whose ~ or ~name is written out.

    Raises:
        FileNotFoundError: nobody has that name, or no home is known; pathlib's own error is of another family.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise FileNotFoundError(errno.ENOENT, "nobody of that name has a home folder here", str(path)) from None

"""Image sets that studies want: are they there?"""

from __future__ import annotations

from practicum.errors import ParameterError, StorageError


def available(name: str) -> str:
    """Why an image set cannot be read, or an empty text if it can."""
    from practicum.data import images

    try:
        for split in ("train", "test"):
            images(name, split)  # pyright: ignore[reportArgumentType]
    except (ParameterError, StorageError) as error:
        return str(error)
    return ""

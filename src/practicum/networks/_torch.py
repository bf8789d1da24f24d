"""What to say where PyTorch is missing."""

from __future__ import annotations

from practicum.errors import ParameterError


class MissingTorch(ParameterError, ImportError):
    """PyTorch is not installed; both an ImportError, for programs, and a sentence, for people."""


def missing(error: ModuleNotFoundError) -> Exception:
    """The sentence for a missing package of the extra ``networks``, or the error itself if it is about another."""
    name = (error.name or "").partition(".")[0]
    if name not in ("torch", "safetensors"):
        return error
    return MissingTorch(
        f"Networks need the package '{name}', which is not installed; run pip install 'practicum[networks]', on Linux "
        "without a GPU after choosing PyTorch's CPU wheel (200 MB instead of gigabytes; see "
        "docs/how-to/choose-a-torch-wheel.md)."
    )


def need_torch() -> None:
    """Nothing if PyTorch can be imported, one sentence otherwise."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing(error) from None

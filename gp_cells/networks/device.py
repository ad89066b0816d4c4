"""Whether this machine has the device that a config trains on."""

from __future__ import annotations


class DeviceError(OSError):
    """A device that cannot be used here; the one line says why, and what to do."""


def refuse_missing(device: str, is_elsewhere: bool = False) -> None:
    """Refuse a GPU that torch cannot use; `is_elsewhere` if not this machine trains, but others like it.

    torch is imported for a GPU alone: this is asked before a benchmark starts, too.

    Raises:
        DeviceError: torch was built without CUDA; or this machine trains, and it has no GPU.
    """
    if device == "cpu":
        return
    import torch

    if not torch.backends.cuda.is_built():
        raise DeviceError(
            f"torch {torch.__version__} was built without CUDA; install one that has it "
            "(profiles/README.md, On a GPU), or train on cpu"
        )
    if not is_elsewhere and not torch.cuda.is_available():
        raise DeviceError(
            f"torch {torch.__version__} finds no GPU on this machine; start on one that has it, "
            "or train on cpu"
        )

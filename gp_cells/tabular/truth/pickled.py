"""Read tables that their authors pickled, without running a line that a pickle names.

Unpickling calls what the file asks for. This reader offers two things of its own under the names that
the two known packages use, a record and a number, and refuses any other name. The packages are found,
never imported.
"""

from __future__ import annotations

import pickle
import struct
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gp_cells.config.choose import SettingError


class _Kind:
    """A numpy dtype as pickled; only little-endian doubles are known."""

    def __init__(self, name: str, *_: bool) -> None:
        if name != "f8":
            raise pickle.UnpicklingError(f"a number of kind {name!r}; only doubles are known")

    def __setstate__(self, state: tuple) -> None:
        if state[1] != "<":
            raise pickle.UnpicklingError("numbers in another byte order")


def _number(_: _Kind, written: bytes) -> float:
    return struct.unpack("<d", written)[0]


OFFERED: dict[tuple[str, str], Any] = {
    ("analognasbench.data", "Architecture"): SimpleNamespace,
    ("analognasbench.data", "DriftMeasurement"): SimpleNamespace,
    ("numpy", "dtype"): _Kind,
    ("numpy.core.multiarray", "scalar"): _number,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in OFFERED:
            raise pickle.UnpicklingError(f"{module}.{name} is not a number or a record")
        return OFFERED[module, name]


def read_pickled(package: str, name: str, distribution: str) -> dict[Any, Any]:
    """Return a table from the file `name` of an installed package.

    Raises:
        SettingError: the package is not installed.
        pickle.UnpicklingError: the file holds anything but numbers and records.
    """
    found = find_spec(package)
    if found is None or found.origin is None:
        raise SettingError(f"{package} is not installed; pip install {distribution}")
    with (Path(found.origin).parent / name).open("rb") as file:
        return _Reader(file).load()

"""Learning curves of A4NN (Channing, Patel, Olaya et al. 2023, https://doi.org/10.1145/3605573.3605604).

Its CSV files have a row for each architecture and epoch, accuracies in percent, and epochs from 0. Here the
loss is what is missing to 100 percent; an architecture's trial is its number.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gp_cells.config.files import read_text
from gp_cells.exchange.bridges.imported import BridgeError

COLUMNS = ("epoch", "train_accs", "val_accs", "arch")


def read_curves(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each trial and epoch, in the layout of `gp_cells.tabular.curves`.

    Raises:
        BridgeError: it is no such file; which row, and what.
        RecordError: the file cannot be read.
    """
    table = csv.DictReader(io.StringIO(read_text(path)))
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        raise BridgeError(f"{path} is no file of A4NN: it has no column {missing[0]!r}")
    for number, row in enumerate(table, start=2):
        try:
            epoch = int(row["epoch"]) + 1
            train, valid = (100 - float(row[name]) for name in ("train_accs", "val_accs"))
        except (TypeError, ValueError) as error:
            raise BridgeError(
                f"{path}: line {number}: expected an epoch and accuracies ({error})"
            ) from None
        if not (math.isfinite(train) and math.isfinite(valid)):
            raise BridgeError(f"{path}: line {number}: expected finite accuracies")
        yield {
            "task": path.stem,
            "architecture": row["arch"],
            "trial": row["arch"],
            "epoch": epoch,
            "valid_loss": valid,
            "train_loss": train,
        }

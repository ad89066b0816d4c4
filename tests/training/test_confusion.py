"""Which class was taken for which, counted on the test split."""

from __future__ import annotations

import numpy as np
import torch

from gp_cells.config.recipe import Form
from gp_cells.tasks.task import Batch
from gp_cells.training.test_split import MOST_CLASSES, Confusion

SPOKEN = Form("frames", 2, "classes", 3)


def batch(targets: list[list[int]], counted: list[list[int]]) -> Batch:
    """Return sequences whose inputs nobody reads; both arguments are (time, batch)."""
    return Batch(
        np.zeros((*np.shape(targets), 2), np.float32),
        np.array(targets, np.int64),
        np.array(counted, np.float32),
        False,
    )


def test_a_row_is_what_it_was_and_a_column_what_it_was_taken_for() -> None:
    confusion = Confusion(SPOKEN)
    taken = torch.eye(3)[torch.tensor([[0, 0], [2, 1]])]

    confusion.add(taken, batch([[9, 9], [1, 1]], [[0, 0], [1, 1]]))
    confusion.add(taken, batch([[9, 0], [2, 9]], [[0, 1], [1, 0]]))

    assert confusion.counts == ((1, 0, 0), (0, 1, 1), (0, 0, 1))


def test_keys_and_many_classes_have_no_table() -> None:
    many = Form("symbols", 50, "classes", MOST_CLASSES + 1)
    for form in (Form("frames", 88, "keys", 88), many):
        confusion = Confusion(form)
        confusion.add(torch.zeros(1, 1, form.outputs), batch([[0]], [[1]]))
        assert confusion.counts is None

"""What a measure is: the types that every measure's file is written against.

A measure's file imports torch inside its methods alone: tables, which do without torch, take their
columns from its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from gp_cells.config.recipe import Form
    from gp_cells.networks.network import Network
    from gp_cells.tasks import Arrays, SplitName, Task


@dataclass(frozen=True)
class Column:
    """A number that a measure gives, as a column of table `trials`.

    `better` says which values a good network has, "" if neither; `predicts`, whether a comparison looks
    at how well it predicts a network's loss. Of a measure that another package brings neither is looked
    at: its values are in the column `other_measures`, by their names.
    """

    name: str
    unit: str
    meaning: str
    better: Literal["", "minimised", "maximised"] = ""
    predicts: bool = False


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured: the network of a trial that ended well, and what it was trained on.

    `untrained` has its first weights, `trained` the best. A measure leaves the weights of both as they
    are, and puts the network into the mode that it needs. `splits` are training and validation.
    """

    untrained: Network
    trained: Network
    task: Task
    form: Form
    splits: Mapping[SplitName, Arrays]
    device: str

    def samples(self, count: int) -> Tensor:
        """Return inputs: the first `count` sequences or images of a training batch, or all there are."""
        import torch

        batch = next(iter(self.task.batches(self.splits["train"], None)))
        inputs, axis = torch.from_numpy(batch.inputs), self.form.batch_axis
        return inputs.narrow(axis, 0, min(count, inputs.shape[axis])).to(self.device)


class Measure(Protocol):
    """A way to look at a network; its fields are its settings."""

    columns: ClassVar[tuple[Column, ...]]

    def measure(self, subject: Subject) -> Mapping[str, float | None]:
        """Return a value for each column: None where a network has none, NaN if it is no number.

        What is raised makes all its columns NULL and is recorded as the reason.
        """
        ...

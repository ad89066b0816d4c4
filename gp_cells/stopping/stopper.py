"""What a stopping rule is: the type that every rule file is written against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Stopper(Protocol):
    """A rule that ends a trial early; its fields are its settings."""

    def reason_to_stop(self, losses: Sequence[float]) -> str | None:
        """Return why a trial should end after its last epoch, or None to go on.

        `losses` are the validation losses of all epochs so far, in the task's unit; all are finite, and
        there is at least one. The reason is one line, for the column `reason` of table `trials`. A pure
        function, so that a resumed trial stops where an uninterrupted one does.
        """
        ...

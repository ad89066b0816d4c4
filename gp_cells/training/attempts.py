"""Which measure a process had begun when it was killed, in a small file beside the checkpoint.

A measure that takes the process with it, out of the node's memory or in code of its own, would else kill
every attempt of the job, and a finished training with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


class AttemptsFile:
    """Counts, by measure, the processes that died in it; see `measures.Attempts`.

    `fingerprint` identifies the trial and the code; a file with another one is ignored.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path, self.fingerprint = path, fingerprint
        self.deaths = self._read()

    def begin(self, measure: str) -> int:
        """Note that a measure begins, and that those begun by this process before came to an end."""
        before = self.deaths.get(measure, 0)
        deaths = {**self.deaths, measure: before + 1}
        self.path.write_text(
            json.dumps({"trial": self.fingerprint, "deaths": deaths}), encoding="utf-8"
        )
        return before

    def _read(self) -> Mapping[str, int]:
        try:
            noted = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # ValueError: killed while it was written
            return {}
        return noted["deaths"] if noted["trial"] == self.fingerprint else {}

    def remove(self) -> None:
        """Forget all attempts, the trial being over."""
        self.path.unlink(missing_ok=True)

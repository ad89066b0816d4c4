"""What a release says of itself in several places: how much it holds, its date and its code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.compare.versions import count_versions

LICENSE_URL = "https://spdx.org/licenses/MIT"
PROJECT = "The gp-cells authors"

Row = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """Facts of a release, all from its tables but for its authors, who are people; none: the project."""

    rows: Mapping[str, Sequence[Row]]
    authors: Sequence[str] = ()

    @property
    def benchmarks(self) -> list[str]:
        """The benchmarks whose runs are in it."""
        return self._distinct("runs", "benchmark")

    @property
    def tasks(self) -> list[str]:
        """The tasks of these runs."""
        return self._distinct("runs", "task")

    @property
    def title(self) -> str:
        """What it is called."""
        return f"gp-cells results: {', '.join(self.benchmarks)}"

    @property
    def description(self) -> str:
        """One sentence on what it holds."""
        runs, trials = self.rows["runs"], self.rows["trials"]
        ended = Counter(row["status"] for row in trials)
        said = ", ".join(f"{count:,} {status}" for status, count in sorted(ended.items()))
        architectures = len(self._distinct("architectures", "architecture_id"))
        return (
            f"{len(trials):,} trainings ({said}) of {architectures:,} network cells written as "
            f"formulas, with their learning curves, ancestry and cost: {len(runs)} runs of the "
            f"strategies {', '.join(self._distinct('runs', 'strategy'))} on the tasks "
            f"{', '.join(self.tasks)}."
        )

    @property
    def started(self) -> str:
        """When the first of its trials started, ISO 8601."""
        return min(row["started_utc"] for row in self.rows["trials"])

    @property
    def published(self) -> str:
        """When the last of its trials started: the same tables are published with the same date."""
        return max(row["started_utc"] for row in self.rows["trials"])

    @property
    def version(self) -> str:
        """The day of publication as a version, 2026.1.31."""
        return ".".join(str(int(part)) for part in self.published[:10].split("-"))

    @property
    def versions(self) -> dict[str, dict[str, int]]:
        """Each part of the code and how many trials each version of it made."""
        return count_versions(self.rows["trials"])

    @property
    def commit(self) -> str | None:
        """The commit that the last trial was made with; None if it is not known."""
        last: str | None = max(self.rows["trials"], key=lambda row: row["started_utc"])[
            "git_commit"
        ]
        return last

    @property
    def code(self) -> str:
        """One sentence on the commits of the code."""
        commits = self.versions["git_commit"]
        changed = sum(bool(row["git_dirty"]) for row in self.rows["trials"])
        said = " and ".join(f"`{name}` ({count:,} trials)" for name, count in commits.items())
        but = (
            f"; of these trials {changed:,} ran with changes that are in no commit"
            if changed
            else ""
        )
        several = "several commits" if len(commits) > 1 else "commit"
        return (
            f"The code was of {several} {said}{but}."
            if commits
            else "The code's commit is unknown."
        )

    def _distinct(self, table: str, column: str) -> list[str]:
        return sorted({row[column] for row in self.rows[table]})

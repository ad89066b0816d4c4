"""Which versions of the code made the trials, and whether all trials are of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

VERSIONS = (
    *("gp_cells", "git_commit", "git_dirty", "torch", "python"),
    *("engine", "compiler", "precision", "device", "threads"),
)


def count_versions(trials: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return, for each part of what made some trials, its versions with how many trials each made."""
    counts: dict[str, dict[str, int]] = {name: {} for name in VERSIONS}
    for trial in trials:
        for name, of in counts.items():
            if trial[name] is not None:
                of[str(trial[name])] = of.get(str(trial[name]), 0) + 1
    return {name: dict(sorted(of.items())) for name, of in counts.items()}


def unknown_commits(trials: Iterable[Mapping[str, Any]]) -> str:
    """Return of how many trials no commit is known, and why, in one line; "" if there are none."""
    reasons: dict[str, int] = {}
    for trial in trials:
        if trial["git_commit"] is None:
            reason = trial["git_unknown"] or "the records do not say why"
            reasons[reason] = reasons.get(reason, 0) + 1
    return "; ".join(
        f"of {n} trials the commit is not known: {reason}" for reason, n in sorted(reasons.items())
    )


def dirty_code(trials: Iterable[Mapping[str, Any]]) -> str:
    """Return one line on how many trials changed code made; "" if there is none."""
    dirty = [bool(trial["git_dirty"]) for trial in trials]
    if not any(dirty):
        return ""
    return f"{sum(dirty)} of {len(dirty)} trials were made by code changed since its commit"


def mixed_versions(trials: Iterable[Mapping[str, Any]]) -> str:
    """Return one line on what not all trials were made with the same of; "" if there is nothing."""
    mixed = [
        f"{name} {' and '.join(f'{version} ({n})' for version, n in of.items())}"
        for name, of in count_versions(trials).items()
        if len(of) > 1
    ]
    return f"not all trials were made alike: {'; '.join(mixed)}" if mixed else ""

"""Which melodies are one tune: in another key, ornamented, or with a phrase of its own.

Of a melody only its skeleton is looked at: the pitches that sound as a quarter begins, repeated ones once.
Two melodies are of one tune if their skeletons, in one key, have a run of `RUN` steps in common, about a
phrase and a half, or a run of `SEED` steps and, in the same order, a `SHARE` of the longer skeleton. What
is of one tune with a third melody is of one tune, so stock phrases join a few that nobody would call the
same: what holds examples apart is rather too careful than too careless.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from math import ceil

from gp_cells.tasks.music import Note

RUN, SEED = 12, 6  # steps from pitch to pitch
SHARE = 0.75


def find_tunes(melodies: Mapping[str, Sequence[Note]]) -> dict[str, str]:
    """Return the tune of each melody, which has the name of its first melody in the order of names."""
    skeletons = {name: skeleton(melodies[name]) for name in sorted(melodies)}
    tunes = {name: name for name in skeletons}

    def tune(name: str) -> str:
        while tunes[name] != name:
            name = tunes[name]
        return name

    def join(one: str, other: str) -> None:
        first, last = sorted((tune(one), tune(other)))
        tunes[last] = first

    for places in shared_runs(skeletons, RUN):
        for name, _ in places[1:]:
            join(places[0][0], name)
    for places in shared_runs(skeletons, SEED):
        for (one, low), (other, high) in combinations(places, 2):
            if tune(one) != tune(other) and are_alike(
                skeletons[one], [pitch + low - high for pitch in skeletons[other]]
            ):
                join(one, other)
    return {name: tune(name) for name in tunes}


def skeleton(melody: Sequence[Note]) -> list[int]:
    """Return the pitches that sound as a quarter begins, repeated ones once."""
    pitches: list[int] = []
    for start, end, pitch in melody:
        if ceil(start) < end and pitches[-1:] != [pitch]:
            pitches.append(pitch)
    return pitches


def shared_runs(skeletons: Mapping[str, Sequence[int]], length: int) -> list[list[tuple[str, int]]]:
    """Return, for each run of steps that is in several skeletons, their names and the run's first pitch."""
    found: dict[tuple[int, ...], dict[str, int]] = defaultdict(dict)
    for name, pitches in skeletons.items():
        steps = [after - before for before, after in pairwise(pitches)]
        for i in range(len(steps) - length + 1):
            found[tuple(steps[i : i + length])].setdefault(name, pitches[i])
    return [[*places.items()] for places in found.values() if len(places) > 1]


def are_alike(one: Sequence[int], other: Sequence[int]) -> bool:
    """Return whether two skeletons in one key have enough in common."""
    longer = max(len(one), len(other))
    if min(len(one), len(other)) < SHARE * longer:
        return False
    return common(one, other) >= SHARE * longer


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the length of the longest common subsequence.

    A bit for each place of `other` (Hyyrö 2004): one addition a pitch.
    """
    places: dict[int, int] = defaultdict(int)
    for i, pitch in enumerate(other):
        places[pitch] |= 1 << i
    everywhere = (1 << len(other)) - 1
    unmatched = everywhere
    for pitch in one:
        matched = unmatched & places[pitch]
        unmatched = ((unmatched + matched) | (unmatched - matched)) & everywhere
    return len(other) - unmatched.bit_count()

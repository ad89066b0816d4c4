"""Peptides: does a chain of amino acids kill microbes, or is it some other of nature's?

Source: `AMPvsUniProt.csv` of the installed package modlamp 4.3.3 (BSD-3), read where it lies without
importing it: 2,600 antimicrobial peptides of the database APD3 and as many of UniProt's other sequences
(Müller et al. 2017, https://doi.org/10.1093/bioinformatics/btx285), 7 to 174 amino acids long. One that
comes twice is taken once, and the 22 that come as both are left out: 4,620 are left.

Split: by kin, for many peptides are variants of another. Two are kin if they share at least half of the
four-letter words of the one that has fewer; whoever is linked through kin stays together: 2,920 groups.
SHA-1 of a group's first peptide by the alphabet, modulo 10: 0-5 train, 6-7 validation, 8-9 test: 2,810,
873 and 937 peptides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import setting
from gp_cells.tasks.examples import pack_sequences, score_guesses, sequence_batches
from gp_cells.tasks.sources import SPLITS, drawn, installed, read_bytes
from gp_cells.tasks.task import Arrays, Batch, Data, Form, Inputs, Reading, Recipe

SHA_256 = "e1db3dd659179118dcfca63723385f2f0c95c49d27060a90f7a9d5848250eb48"
AMINO_ACIDS = b"ACDEFGHIKLMNPQRSTVWY"
WORD = 4  # letters
RECIPE = Recipe(units=64, batch_size=32, epochs=10, dropout=0.3)


@dataclass(frozen=True)
class Peptides:
    """Tell an antimicrobial peptide from another.

    By the default recipe the formula `lstm` takes about 5 CPU seconds of one thread and comes to 0.38 to
    0.39 nats on validation.
    """

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = "nats per sequence"

    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def read(self) -> Data:
        """Read the peptides of the installed modlamp; symbol 0 is the first amino acid of the alphabet.

        Raises:
            DataError: modlamp is not installed, or its file is not the one that it ships.
        """
        folder = installed("modlamp", "peptides needs modlamp's file: pip install 'gp-cells[data]'")
        path = folder / "data" / "AMPvsUniProt.csv"
        known = read_peptides(read_bytes(path, SHA_256, "reinstall modlamp").decode())
        peptides = sorted(known)
        sequences = [encode(peptide) for peptide in peptides]
        classes = np.array([known[peptide] for peptide in peptides], np.int64)
        homes = np.array([drawn(first.encode(), (6, 2, 2)) for first in find_kin(peptides)])
        splits = {split: pack_sequences(sequences, classes, homes == split) for split in SPLITS}
        form = Form(self.inputs, len(AMINO_ACIDS), "classes", 2)
        letters, names = tuple(AMINO_ACIDS.decode()), ("other", "antimicrobial")
        reading = Reading(self.inputs, "classes", "last step", symbols=letters, classes=names)
        return Data(form, splits, score_guesses(splits, form), reading)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield peptides of about one length together, the class at their last amino acid."""
        return sequence_batches(split, self.recipe.batch_size, shuffle)


def read_peptides(text: str) -> dict[str, int]:
    """Return each peptide's class, 1 for antimicrobial, but for those that are of both."""
    classes: dict[str, set[int]] = defaultdict(set)
    for line in text.splitlines()[1:]:
        peptide, label = line.split(",")
        classes[peptide.strip()].add(int(label))
    return {peptide: labels.pop() for peptide, labels in classes.items() if len(labels) == 1}


def encode(peptide: str) -> np.ndarray:
    """Return the symbols of a peptide, uint8 (time,)."""
    return np.searchsorted(list(AMINO_ACIDS), list(peptide.encode())).astype(np.uint8)


def find_kin(peptides: Sequence[str]) -> list[str]:
    """Return for each of some sorted peptides the first one that it is linked to through kin."""
    words = [{p[i : i + WORD] for i in range(len(p) - WORD + 1)} for p in peptides]
    first = list(range(len(peptides)))  # a forest: each points to itself or to one before it

    def root(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]
            i = first[i]
        return i

    owners: dict[str, list[int]] = defaultdict(list)
    for i, own in enumerate(words):
        shared = Counter(j for word in own for j in owners[word])
        for j, count in shared.items():
            if 2 * count >= min(len(own), len(words[j])):
                low, high = sorted((root(i), root(j)))
                first[high] = low
        for word in own:
            owners[word].append(i)
    return [peptides[root(i)] for i in range(len(peptides))]

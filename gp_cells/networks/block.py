"""A decoder block as a straight-line list of steps, and how large each step is.

Everything that runs, counts, draws or exports a block reads these steps, never the trees. A step is one
word of the canonical formulas; what is learned in it is its own, and a named formula is one step however
often it is read. The name of a word ends in the shape that it works on: nothing for a stream of D
numbers, .2 to .4 for one so many times as wide, .each for one number a head (`gp_cells.spaces.words`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.terms import NodePath, Term
from gp_cells.networks.program import Program, count_multiply_adds, count_parameters

RANK = 16  # of `low`, and at most a quarter of the width
CODES = 16  # numbers of `code`, and of the state that `select` keeps for each of its channels
FILTER = 16  # width of the small network that writes the filter of `long`
TAPS = {"depth3": 3, "depth4": 4}


@dataclass(frozen=True)
class Step:
    """One value: a word on earlier values (their positions), or an input.

    `node` is where it stands in the canonical formulas, by formula and path.
    """

    name: str
    arguments: tuple[int, ...]
    node: tuple[str, NodePath]

    @property
    def word(self) -> str:
        """The word, without its shape."""
        return self.name.partition(".")[0]

    @property
    def shape(self) -> str:
        """The shape that the word works on: nothing, 2 to 4, or each."""
        return self.name.partition(".")[2]


@dataclass(frozen=True)
class Part:
    """The steps of one output of a block, which is the value of the last one."""

    output: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Sizes:
    """What a block's values are as large as: D numbers, H heads, sequences of `context` steps.

    `cells` are the words that stand for recurrent cells, each with its program.
    """

    width: int
    heads: int
    context: int
    cells: Mapping[str, Program] = field(default_factory=dict)

    def of(self, shape: str) -> int:
        """Return how many numbers a step has of a shape."""
        return self.heads if shape == "each" else self.width * int(shape or 1)

    @property
    def key(self) -> int:
        """How many numbers a head has."""
        return self.width // self.heads


def block_parts(genome: Genome) -> tuple[Part, ...]:
    """Return the parts of a block in the order in which they change the stream."""
    kind = genome.language.kind
    parts = kind.parts(genome.written_out)
    return tuple(Part(output, _steps(parts[output], kind.inputs)) for output in kind.outputs)


def _steps(formulas: Sequence[tuple[str, Term]], inputs: Sequence[str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    known: dict[str, int] = {}

    def place(term: Term, name: str, path: NodePath) -> int:
        head = term[0]
        if head in known:
            return known[head]
        children = enumerate(term[1:])
        arguments = tuple(place(child, name, (*path, i)) for i, child in children)
        steps.append(Step(head, arguments, (name, path)))
        if head in inputs:
            known[head] = len(steps) - 1
        return len(steps) - 1

    for name, term in formulas:
        known[name] = place(term, name, ())
    last = known[formulas[-1][0]]
    if last != len(steps) - 1:  # a mere name, such as mlp = x
        steps.append(Step("same", (last,), (formulas[-1][0], ())))
    return tuple(steps)


def _own(step: Step, sizes: Sizes) -> int:
    """Return how many numbers the value has that a step works on."""
    if step.word in ("fade", "rise"):
        return sizes.heads
    return sizes.of(step.shape if step.shape in ("2", "3", "4", "each") else "")


def weights(step: Step, sizes: Sizes) -> Mapping[str, tuple[int, ...]]:
    """Return the shapes of what a step learns, by name; all map their first axis to their last.

    What a recurrent cell learns it knows itself, and it is not in here.
    """
    width, own, each = sizes.width, _own(step, sizes), sizes.heads
    match step.word:
        case "linear":
            return {"weight": (width, width)}
        case "wide2" | "wide3" | "wide4":
            return {"weight": (width, width * int(step.word[-1]))}
        case "narrow":
            return {"weight": (own, width)}
        case "low":
            rank = max(1, min(RANK, width // 4))
            return {"down": (own, rank), "up": (rank, own), "bias": (own,)}
        case "each":
            return {"weight": (width, each)}
        case "code":
            return {"weight": (own, CODES)}
        case "scale" | "rate" | "bias" | "norm" | "headnorm":
            return {"weight": (own,)}
        case "layernorm":
            return {"weight": (own,), "bias": (own,)}
        case "depth3" | "depth4":
            return {"weight": (TAPS[step.word], own)}
        case "long":
            inner = {"first": (3, FILTER), "shift": (FILTER,), "second": (FILTER, FILTER)}
            return {**inner, "shift2": (FILTER,), "last": (FILTER, own), "skip": (own,)}
        case "wkv":
            return {"decay": (width,), "bonus": (width,)}
        case "select":
            return {"rates": (own, CODES), "skip": (own,)}
        case "fade" if not step.shape:
            return {"bias": (each,)}
    return {}


def parameters(step: Step, sizes: Sizes) -> int:
    """Return how many numbers a step learns."""
    if step.name in sizes.cells:
        return count_parameters(sizes.cells[step.name], sizes.width, sizes.width)
    return sum(math.prod(shape) for shape in weights(step, sizes).values())


PRODUCTS = ("linear", "wide2", "wide3", "wide4", "narrow", "low", "each", "code")
FREE = (
    "split",
    "same",
    "x",
    "slope",
    "alibi",
    "dot",
    "tilt",
    "weigh",
    "softmax",
    "average",
    "guard",
)


def multiply_adds(step: Step, sizes: Sizes) -> int:
    """Return the multiply-adds of one step of one sequence.

    Matrix products count theirs, all else one for each number it reads over time and one a number.
    Attention reads half a sequence on average, twice: for its scores, and for its values.
    """
    if step.name in sizes.cells:
        return count_multiply_adds(sizes.cells[step.name], sizes.width, sizes.width)
    own = _own(step, sizes)
    if step.word in PRODUCTS:
        matrices = (shape for shape in weights(step, sizes).values() if len(shape) == 2)
        return sum(first * last for first, last in matrices)
    match step.word:
        case "attend":
            return sizes.context * sizes.width
        case "state":
            return 3 * sizes.width * sizes.key
        case "delta":
            return 5 * sizes.width * sizes.key
        case "select":
            return 3 * own * CODES
        case "long":
            return own * sizes.context // 2
        case "depth3" | "depth4":
            return own * TAPS[step.word]
        case "wkv":
            return 6 * own
        case word if word in FREE:
            return 0
    return own


def kept(step: Step, sizes: Sizes) -> int:
    """Return about how many numbers one step of one sequence keeps for its gradient."""
    if step.name in sizes.cells:
        return len(sizes.cells[step.name].steps) * sizes.width
    own = _own(step, sizes)
    match step.word:
        case "attend":
            return 2 * sizes.heads * sizes.context + own
        case "state" | "delta":
            return sizes.width * sizes.key
        case "select":
            return 3 * own * CODES
        case "wide2" | "wide3" | "wide4":
            return sizes.width * int(step.word[-1])
        case "narrow":
            return sizes.width
        case "code":
            return CODES
        case word if word in FREE:
            return 0
    return own


def state(step: Step, part: Part, sizes: Sizes) -> tuple[int, int]:
    """Return how many numbers a step carries over time, and by how many more for each step read."""
    if step.name in sizes.cells:
        return len(sizes.cells[step.name].states) * sizes.width, 0
    own = _own(step, sizes)
    match step.word:
        case "shift":
            return own, 0
        case "depth3" | "depth4":
            return own * (TAPS[step.word] - 1), 0
        case "long":
            return 0, own
        case "scan":
            return own, 0
        case "wkv":
            return 3 * own, 0
        case "state" | "delta":
            return sizes.width * sizes.key, 0
        case "select":
            return own * CODES, 0
        case "attend":
            chain = score_chain(step, part)
            if "softmax" in chain:
                return 0, 2 * sizes.width + sizes.heads * ("tilt" in chain)
            sums = sizes.width * (bool({"average", "guard"} & set(chain)))
            return sizes.width * sizes.key + sums + sizes.heads * ("weigh" in chain), 0
    return 0, 0


def score_chain(step: Step, part: Part) -> tuple[str, ...]:
    """Return the words that the scores of an attention went through, the last one first."""
    chain: list[str] = []
    at = step.arguments[0]
    while not chain or chain[-1] != "dot":
        chain.append(part.steps[at].word)
        at = part.steps[at].arguments[0]
    return tuple(chain)


def totals(genome: Genome, sizes: Sizes) -> dict[str, int]:
    """Return how large a block is: `parameters`, `multiply_adds` a step, `kept`, `state` and `growth`.

    The state is all that it carries after a sequence of `context` steps, the growth how much of that came
    with each step: 0 unless it has a cache.
    """
    found = dict.fromkeys(("parameters", "multiply_adds", "kept", "state", "growth"), 0)
    for part in block_parts(genome):
        for step in part.steps:
            fixed, growth = state(step, part, sizes)
            found["parameters"] += parameters(step, sizes)
            found["multiply_adds"] += multiply_adds(step, sizes)
            found["kept"] += kept(step, sizes)
            found["state"] += fixed + growth * sizes.context
            found["growth"] += growth
    return found

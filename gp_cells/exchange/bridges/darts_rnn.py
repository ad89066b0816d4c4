"""DARTS recurrent genotypes as formulas (Liu, Simonyan and Yang 2019, https://arxiv.org/abs/1806.09055).

`Genotype(recurrent=[("relu", 0), ("tanh", 1), …], concat=range(1, 9))`. What a step does is as in the
authors' code (https://github.com/quark0/darts, rnn/model.py): the first value is h + sigmoid(W x + U h)
(tanh(V x + T h) − h); each further one reads an earlier value s, as s + sigmoid(W s) (f(V s) − s); the
output is the mean of those in `concat`. There are no biases. The search drops the operation `none` from
every genotype, and the authors' cell refuses it, as is done here.

A step reads s three times, so this is the space `recurrent_graph`: input1 and recurrent1 are the first
value's gate, input2 and recurrent2 its candidate; linear1 and linear2 those of step 1, and so on.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gp_cells.config.files import read_text
from gp_cells.exchange.bridges.imported import (
    BridgeError,
    Imported,
    Numbers,
    Weight,
    genome_of,
    sum_of,
)
from gp_cells.genomes.terms import Term
from gp_cells.networks.program import DIVISORS
from gp_cells.spaces.recurrent_graph import LANGUAGE, VALUES

OPERATIONS = ("tanh", "relu", "sigmoid", "identity")


@dataclass(frozen=True)
class Genotype:
    """Steps, each an operation and the number of the value it reads, the first being 0; the output's."""

    recurrent: Sequence[tuple[str, int]]
    concat: Sequence[int]


def read(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of `Genotype` in a Python file with a name; nothing in it is run.

    Raises:
        BridgeError: the file is no Python.
        RecordError: it cannot be read.
    """
    text = read_text(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the style of the file
            module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = str(error) or "too deeply nested"
        raise BridgeError(f"{path} is no Python: {said}") from error
    waiting: list[tuple[ast.AST, str]] = [(module, path.stem)]
    while waiting:
        node, name = waiting.pop()
        if isinstance(node, ast.Call) and _is_genotype(node.func):
            yield name.lower(), node
        else:
            waiting += reversed([*_named_parts(node, name)])


def _is_genotype(called: ast.expr) -> bool:
    return "Genotype" in (getattr(called, "id", ""), getattr(called, "attr", ""))


def _named_parts(node: ast.AST, name: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield the parts of a piece of Python, each with the name of what holds it."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield value, (str(key.value) if isinstance(key, ast.Constant) else name)
        return
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    own = getattr(targets[0], "id", None) or getattr(targets[0], "attr", None)
    if isinstance(targets[0], ast.Subscript) and isinstance(targets[0].slice, ast.Constant):
        own = str(targets[0].slice.value)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        own = node.name
    for part in ast.iter_child_nodes(node):
        yield part, own or name


def from_call(call: ast.Call) -> Imported:
    """Return the cell that a call of `Genotype` in Python describes.

    Raises:
        BridgeError: it is written in another way, or is no genotype.
    """
    given: dict[str | None, ast.expr] = {word.arg: word.value for word in call.keywords}
    expected = "expected Genotype(recurrent=[(operation, number), …], concat=range(…))"
    if {"normal", "reduce"} & given.keys() or len(call.args) == 4:
        raise BridgeError(f"it is the genotype of a convolutional cell; {expected}")
    given |= dict(zip(("recurrent", "concat"), call.args, strict=False))
    if {*given} != {"recurrent", "concat"} or len(call.args) + len(call.keywords) != 2:
        raise BridgeError(f"it is written in another way; {expected}")
    try:
        return from_genotype(
            Genotype(ast.literal_eval(given["recurrent"]), _numbers(given["concat"]))
        )
    except BridgeError:
        raise
    except (
        ValueError,
        TypeError,
        OverflowError,
        SyntaxError,
        RecursionError,
        MemoryError,
    ) as error:
        raise BridgeError(f"it has more than numbers and names in it; {expected}") from error


def _numbers(node: ast.expr) -> Sequence[int]:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range":
        return range(*(ast.literal_eval(argument) for argument in node.args))
    numbers: Sequence[int] = ast.literal_eval(node)
    return numbers


def from_genotype(genotype: Genotype) -> Imported:
    """Return the cell that a genotype describes.

    Raises:
        BridgeError: a step is no operation on an earlier value, or there are too many.
    """
    check(genotype)
    numbers, weights = Numbers(LANGUAGE, {}), list[Weight]()
    gates = []
    for part in ("gate", "candidate"):
        pair = numbers.next("input"), numbers.next("recurrent")
        weights += [(f"s0 {part}", read, name) for read, name in zip("xh", pair, strict=True)]
        gates.append(("add", (pair[0],), (pair[1],)))
    formulas = [(VALUES[0], _highway(("h",), gates[0], ("tanh", gates[1])))]
    for i, (operation, source) in enumerate(genotype.recurrent, start=1):
        gate, candidate = numbers.next("linear"), numbers.next("linear")
        weights += [
            (f"s{i} gate", f"s{source}", gate),
            (f"s{i} candidate", f"s{source}", candidate),
        ]
        read: Term = (VALUES[source],)
        new: Term = (candidate, read)
        formulas.append(
            (
                VALUES[i],
                _highway(read, (gate, read), new if operation == "identity" else (operation, new)),
            )
        )
    mean = sum_of((VALUES[i],) for i in genotype.concat)
    count = len(genotype.concat)
    formulas.append(("h'", mean if count == 1 else (f"over{count}", mean)))
    return Imported(genome_of(formulas, LANGUAGE), tuple(weights))


def _highway(before: Term, gate: Term, new: Term) -> Term:
    return ("add", before, ("mul", ("sigmoid", gate), ("sub", new, before)))


def check(genotype: Genotype) -> None:
    """Refuse what is no genotype, or one that our formulas cannot say.

    Raises:
        BridgeError: which step, and what is allowed.
    """
    for part in (genotype.recurrent, genotype.concat):
        if not isinstance(part, (list, tuple, range)):
            raise BridgeError(f"expected a list of steps and one of numbers, got {part!r:.60}")
    for i, step in enumerate(genotype.recurrent, start=1):
        if not isinstance(step, (list, tuple)) or len(step) != 2 or step[0] not in OPERATIONS:
            allowed = ", ".join(OPERATIONS)
            raise BridgeError(
                f"step {i} is {step!r:.60}; expected one of {allowed}, and what it reads"
            )
        if type(step[1]) is not int or step[1] not in range(i):
            raise BridgeError(f"step {i} reads value {step[1]!r:.60}; there are only 0 to {i - 1}")
    values = 1 + len(genotype.recurrent)
    if values > len(VALUES):
        raise BridgeError(f"it has {values} values; at most {len(VALUES)} are allowed")
    if len(genotype.concat) not in (1, *DIVISORS):
        raise BridgeError(f"concat has {len(genotype.concat)} values; expected 1 to {DIVISORS[-1]}")
    if any(type(i) is not int or i not in range(values) for i in genotype.concat):
        raise BridgeError(
            f"concat is {list(genotype.concat)!r:.60}; expected some of 0 to {values - 1}"
        )

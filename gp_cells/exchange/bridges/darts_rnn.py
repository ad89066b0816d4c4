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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def read(path: Path) -> Iterator[tuple[str, Genotype]]:
    """Yield the recurrent genotypes of a Python file with their names; nothing in it is run.

    Raises:
        BridgeError: the file is no Python, or a genotype is written in another way.
    """
    try:
        module = ast.parse(path.read_text())
    except (SyntaxError, ValueError) as error:
        raise BridgeError(f"{path} is no Python: {error}") from error
    for statement in module.body:
        call = getattr(statement, "value", None)
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "Genotype":
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if "recurrent" in given:
            targets = getattr(statement, "targets", [])
            name = targets[0].id if targets and isinstance(targets[0], ast.Name) else path.stem
            try:
                steps = ast.literal_eval(given["recurrent"])
                yield name.lower(), Genotype(steps, _numbers(given["concat"]))
            except (ValueError, KeyError) as error:
                raise BridgeError(f"{path}, {name}: not a genotype: {error}") from error


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
    for i, step in enumerate(genotype.recurrent, start=1):
        if len(step) != 2 or step[0] not in OPERATIONS:
            allowed = ", ".join(OPERATIONS)
            raise BridgeError(f"step {i} is {step!r}; expected one of {allowed}, and what it reads")
        if step[1] not in range(i):
            raise BridgeError(f"step {i} reads value {step[1]}; there are only 0 to {i - 1}")
    values = 1 + len(genotype.recurrent)
    if values > len(VALUES):
        raise BridgeError(f"it has {values} values; at most {len(VALUES)} are allowed")
    wrong = [i for i in genotype.concat if i not in range(values)]
    if wrong or not genotype.concat:
        raise BridgeError(f"concat is {list(genotype.concat)}; expected some of 0 to {values - 1}")
    if len(genotype.concat) not in (1, *DIVISORS):
        raise BridgeError(f"concat has {len(genotype.concat)} values; at most {DIVISORS[-1]}")

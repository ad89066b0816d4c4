"""Genomes: formulas as text to typed DEAP trees and back, and their content hash.

A genome is a list of named formulas, one a line; a later formula may use an earlier one by its
name. A primed name is this step's value (`h'` is the output, `c'` what memory cell `c` will hold
next), an unprimed one the value of the step before. The text is parsed by Python's own `ast`, never
evaluated.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from deap import gp

from gp_cells.canonical import canonical_terms
from gp_cells.language import Language, Term, primitive_set

LONGEST_TEXT = 20_000  # characters; nothing sensible is longer, and ast has its own recursion limit


class GenomeError(ValueError):
    """A genome that is refused; its one line says where, why, and what is allowed."""


@dataclass(frozen=True)
class Genome:
    """An architecture as formulas: pairs of a primed state name and a DEAP tree."""

    language: Language
    formulas: tuple[tuple[str, gp.PrimitiveTree], ...]

    def __str__(self) -> str:
        """Return the genome as text that `parse` reads back to an equal genome."""
        return "\n".join(f"{name} = {written(term, self.language)}" for name, term in self.terms())

    def terms(self) -> list[tuple[str, Term]]:
        """Return the formulas as nested tuples, for walking."""
        return [(name, nested(tree)) for name, tree in self.formulas]

    def canonical(self) -> Genome:
        """Return the one form that all ways of writing this architecture share.

        Commutative arguments are sorted, projections and memory cells renumbered in order of first
        use, formulas that do not reach the output dropped.
        """
        return self._canonical

    @cached_property
    def _canonical(self) -> Genome:
        return from_terms(canonical_terms(self.terms(), self.language), self.language)

    @cached_property
    def architecture_id(self) -> str:
        """The blake2b-128 of the canonical text and the language's version, in hex."""
        text = f"{self.language.name} {self.language.version}\n{self.canonical()}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def nested(tree: gp.PrimitiveTree) -> Term:
    """Return a DEAP tree (a prefix list) as nested tuples."""
    position = 0

    def walk() -> Term:
        nonlocal position
        node = tree[position]
        position += 1
        return (node.name, *(walk() for _ in range(node.arity)))

    return walk()


def from_terms(terms: Iterable[tuple[str, Term]], language: Language) -> Genome:
    """Return the genome of formulas given as nested tuples."""
    mapping = primitive_set(language).mapping

    def flat(term: Term) -> list:
        return [mapping[term[0]], *(node for child in term[1:] for node in flat(child))]

    return Genome(language, tuple((name, gp.PrimitiveTree(flat(term))) for name, term in terms))


# --- text to genome -------------------------------------------------------------------------------


def parse(text: str, language: Language) -> Genome:
    """Return the genome that a text spells.

    Raises:
        GenomeError: a syntax error, an unknown name, a wrong number or type of arguments, a memory
            cell that is read and never written, no output, or a formula too deep or too large.
    """
    if len(text) > LONGEST_TEXT:
        raise GenomeError(f"a genome has at most {LONGEST_TEXT} characters, this one {len(text)}")
    reader = _Reader(language)
    for line, code, statement in _statements(text):
        try:
            reader.read(line, code, statement)
        except RecursionError as error:
            raise GenomeError(f"line {line}: too deeply nested") from error
    return reader.genome()


def _statements(text: str) -> list[tuple[int, str, ast.stmt]]:
    """Return the assignments of a text, each with its line; `c'` is spelt `c_` for Python."""
    statements = []
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.split("#")[0].strip()
        taken = re.search(r"\w*_(?!\w)", code)
        if taken:
            raise GenomeError(f"line {number}: {taken[0]!r}: names may not end in an underscore")
        code = re.sub(r"(?<=\w)'", "_", code)
        try:
            body = ast.parse(code).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or str(error) or "too deeply nested"
            said = f"{line.strip()[:80]!r} is not a formula: {reason.splitlines()[0]}"
            raise GenomeError(f"line {number}: {said}") from error
        statements += [(number, code, statement) for statement in body]
    return statements


class _Reader:
    """Reads statements in order; knows the formulas read so far."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.mapping = primitive_set(language).mapping
        self.local: dict[str, list] = {}
        self.states: dict[str, list] = {}
        self.line, self.code = 0, ""

    def refuse(self, reason: str) -> GenomeError:
        return GenomeError(f"line {self.line}: {reason}")

    def source(self, node: ast.expr) -> str:
        """Return the start of what a node was written as."""
        return repr((ast.get_source_segment(self.code, node) or "").replace("_", "'")[:40])

    def read(self, line: int, code: str, statement: ast.stmt) -> None:
        self.line, self.code = line, code
        if not (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(statement.targets[0], ast.Name)
        ):
            raise self.refuse("expected one formula, such as h' = tanh(gate1)")
        name = statement.targets[0].id
        tree = self.tree(statement.value)
        self.check_size(re.sub("_$", "'", name), tree)
        if name.endswith("_"):
            self.write_state(name[:-1], tree)
            return
        if name in self.mapping or name in self.language.states:
            raise self.refuse(f"{name!r} already means something else; choose another name")
        if name in self.local:
            raise self.refuse(f"{name!r} is written twice")
        self.local[name] = tree

    def write_state(self, state: str, tree: list) -> None:
        if state not in self.language.states:
            allowed = ", ".join(f"{s}'" for s in self.language.states)
            raise self.refuse(f"there is no state {state}'; choose one of {allowed}")
        if f"{state}'" in self.states:
            raise self.refuse(f"{state}' is written twice")
        self.states[f"{state}'"] = tree

    def check_size(self, name: str, tree: list) -> None:
        depth, limit = gp.PrimitiveTree(tree).height, self.language.max_depth
        if depth > limit:
            raise self.refuse(f"{name} is {depth} deep; at most {limit} is allowed")
        if len(tree) > self.language.max_nodes:
            nodes, limit = len(tree), self.language.max_nodes
            raise self.refuse(f"{name} has {nodes} nodes; at most {limit} are allowed")

    def tree(self, node: ast.expr) -> list:
        """Return the prefix list of DEAP nodes of an expression."""
        if isinstance(node, ast.Name):
            return self.leaf(node.id)
        if isinstance(node, ast.BinOp):
            return self.infix(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self.apply(node.func.id, [self.tree(argument) for argument in node.args])
        if isinstance(node, ast.Constant):
            raise self.refuse(
                f"{self.source(node)}: the only number is 1, as in 1 - x, x + 1, x - 1"
            )
        raise self.refuse(f"{self.source(node)} is not part of a formula")

    def leaf(self, name: str) -> list:
        if name in self.local:
            return list(self.local[name])
        state = name.removesuffix("_")
        if name != state and f"{state}'" not in self.states:
            raise self.refuse(f"{state}' is used before it is written")
        spelt = name if name == state else f"{state}'"
        if spelt in self.mapping and self.mapping[spelt].arity == 0:
            return [self.mapping[spelt]]
        raise self.refuse(f"there is no {spelt!r}; known names: {self.known()}")

    def infix(self, node: ast.BinOp) -> list:
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}.get(type(node.op))
        if sign is None:
            raise self.refuse(f"{self.source(node)}: the infix operators are + - *")
        left_is_one, right_is_one = _is_one(node.left), _is_one(node.right)
        if left_is_one and right_is_one:
            raise self.refuse(f"{self.source(node)} is a constant")
        if left_is_one or right_is_one:
            pattern = f"1 {sign} {{0}}" if left_is_one else f"{{0}} {sign} 1"
            pattern = "{0} + 1" if pattern == "1 + {0}" else pattern
            arguments = [self.tree(node.right if left_is_one else node.left)]
        else:
            pattern = f"{{0}} {sign} {{1}}"
            arguments = [self.tree(node.left), self.tree(node.right)]
        for function in self.language.functions:
            if function.pattern == pattern:
                return self.apply(function.name, arguments)
        raise self.refuse(f"{self.source(node)}: {pattern.format('x', 'y')} is not in this space")

    def apply(self, name: str, arguments: list[list]) -> list:
        function = self.language.by_name.get(name)
        if function is None:
            raise self.refuse(f"there is no function {name!r}; known names: {self.known()}")
        if len(arguments) != len(function.arguments):
            expected, came = len(function.arguments), len(arguments)
            raise self.refuse(f"{name} takes {expected} argument(s), {came} given")
        for argument, kind in zip(arguments, function.arguments, strict=True):
            if not issubclass(argument[0].ret, kind):
                text = written(nested(gp.PrimitiveTree(argument)), self.language)
                raise self.refuse(f"{name}({text}): two non-linearities in a row")
        tree = [self.mapping[name], *(node for argument in arguments for node in argument)]
        if len(tree) > self.language.max_nodes:  # here too: names used twice grow exponentially
            self.check_size("a formula", tree)
        return tree

    def known(self) -> str:
        families = [f"{f}1…{f}{n}" for f, n in (*self.language.leaves, *self.language.weighted)]
        functions = [function.name for function in self.language.functions]
        return ", ".join([*families, *self.language.states, *functions, *self.local])

    def genome(self) -> Genome:
        output = f"{self.language.output}'"
        if output not in self.states:
            raise GenomeError(f"no formula writes the output {output}")
        for name, tree in self.states.items():
            for node in tree:
                if node.name in self.language.memories and f"{node.name}'" not in self.states:
                    raise GenomeError(
                        f"{name} reads memory cell {node.name}, which no formula writes; "
                        f"add a line {node.name}' = …"
                    )
        trees = tuple((name, gp.PrimitiveTree(tree)) for name, tree in self.states.items())
        return Genome(self.language, trees)


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1 and type(node.value) is int


# --- genome to text -------------------------------------------------------------------------------


def written(term: Term, language: Language) -> str:
    """Return a term as text with the fewest parentheses that read back to the same tree."""
    return _write(term, language)[0]


def _write(term: Term, language: Language) -> tuple[str, int]:
    """Return the text of a term and how tightly it binds: 1 sum, 2 product, 3 atom."""
    if len(term) == 1:
        return term[0], 3
    function = language.by_name[term[0]]
    children = [_write(child, language) for child in term[1:]]
    if not function.pattern:
        return f"{function.name}({', '.join(text for text, _ in children)})", 3
    binds = 2 if "*" in function.pattern else 1
    left_first = function.pattern.startswith("{0}")
    parts = []
    for i, (text, tightness) in enumerate(children):
        needed = binds if left_first and i == 0 else binds + 1
        parts.append(text if tightness >= needed else f"({text})")
    return function.pattern.format(*parts), binds

"""Genomes: formulas as text to typed terms and back, and their content hash.

A genome is a list of named formulas, one a line; a later formula may use an earlier one by its
name. In a recurrent cell a primed name is this step's value (`h'` is the output, `c'` what memory cell
`c` will hold next), an unprimed one the value of the step before. The text is parsed by Python's own
`ast`, never evaluated.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

from gp_cells.config.refusal import Refusal, shown
from gp_cells.genomes.canonical import canonical_terms
from gp_cells.genomes.language import Function, Language, Value
from gp_cells.genomes.terms import Term, heads, height, size

LONGEST_TEXT = 20_000  # characters; nothing sensible is longer, and ast has its own recursion limit


class GenomeError(Refusal):
    """A genome that is refused; its one line says where, why, and what is allowed."""


@dataclass(frozen=True)
class Genome:
    """An architecture as formulas: pairs of a name and a term, in the order of writing."""

    language: Language
    formulas: tuple[tuple[str, Term], ...]

    def __str__(self) -> str:
        """Return the genome as text that `parse` reads back to an equal genome."""
        return "\n".join(f"{name} = {written(term, self.language)}" for name, term in self.formulas)

    def canonical(self) -> Genome:
        """Return the one form that all ways of writing this architecture share.

        Commutative arguments are sorted, projections and formulas renamed in order of first use,
        formulas that do not reach an output dropped; of `GraphFormulas` one that is used once stands
        where it is used.
        """
        return self._canonical

    def __hash__(self) -> int:
        """Return the same number in every process, worked out once: many pairs are looked up by it."""
        return self._number

    @cached_property
    def _number(self) -> int:
        return zlib.crc32(repr(self.formulas).encode())

    @cached_property
    def _canonical(self) -> Genome:
        return _canonical(self.formulas, self.language)

    @cached_property
    def written_out(self) -> tuple[tuple[str, Term], ...]:
        """The values that a network computes: the canonical form, every call of a module written out."""
        return tuple(self.language.kind.written_out(self.canonical().formulas))

    @cached_property
    def architecture_id(self) -> str:
        """The blake2b-128 of the canonical text and the language's version, in hex."""
        text = f"{self.language.name} {self.language.version}\n{self.canonical()}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


REMEMBERED = (
    4096  # texts and forms that a process works out once; each wave reads its whole history
)


@lru_cache(REMEMBERED)
def _canonical(formulas: tuple[tuple[str, Term], ...], language: Language) -> Genome:
    return Genome(language, tuple(canonical_terms(formulas, language)))


# --- text to genome -------------------------------------------------------------------------------


@lru_cache(REMEMBERED)
def parse(text: str, language: Language) -> Genome:
    """Return the genome that a text spells.

    Raises:
        GenomeError: a syntax error, an unknown name, a wrong number or type of arguments, a memory
            cell that is read and never written, a missing output, or a formula too deep or too large.
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
            raise GenomeError(
                f"line {number}: {shown(taken[0])}: names may not end in an underscore"
            )
        code = re.sub(r"(?<=\w)'", "_", code)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a refusal is one line, without Python's beside it
                body = ast.parse(code).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or str(error) or "too deeply nested"
            said = f"{line.strip()[:80]!r} is not a formula: {reason.splitlines()[0]}"
            raise GenomeError(f"line {number}: {said}") from error
        statements += [(number, code, statement) for statement in body]
    return statements


@dataclass(frozen=True)
class _Part:
    """A part of a formula as it is read: its term, type and size, which grows with every name used."""

    term: Term
    type: type[Value]
    nodes: int = 1
    depth: int = 0


class _Reader:
    """Reads statements in order; knows the formulas read so far, and what names stand for."""

    def __init__(self, language: Language) -> None:
        self.language, self.kind = language, language.kind
        self.plain = set(language.terminals) - set(language.names)
        self.given = dict(language.typed_inputs)
        self.local: dict[str, _Part] = {}
        self.formulas: dict[str, Term] = {}
        self.line, self.code, self.writing = 0, "", ""

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
            raise self.refuse(f"expected one formula, such as {self.kind.example}")
        name = self.writing = re.sub("_$", "'", statement.targets[0].id)
        part = self.part(statement.value)
        self.check_size(name, part.nodes, part.depth)
        if name.endswith("'") or name in self.kind.written:
            self.write(name, part)
            return
        if name in self.plain or name in self.language.spelt:
            raise self.refuse(f"{shown(name)} already means something else; choose another name")
        if name in self.local:
            raise self.refuse(f"{shown(name)} is written twice")
        self.local[name] = self.named(name, part)

    def write(self, name: str, part: _Part) -> None:
        """Keep a formula under its own name."""
        if name not in self.kind.written:
            names = ", ".join(self.kind.written)
            raise self.refuse(f"there is no {self.kind.word} {name:.60}; choose one of {names}")
        if name in self.formulas:
            raise self.refuse(f"{name} is written twice")
        self.formulas[name] = self.checked(part)
        self.local = self.kind.still_known(self.local)

    def named(self, own: str, part: _Part) -> _Part:
        """Return what an abbreviation gives where it is read: its formula, or the name of that."""
        try:
            name = self.kind.name_of_next(self.formulas, own)
        except LookupError as error:
            raise self.refuse(str(error)) from error
        if name is None:
            return part
        if self.language.typed_names:
            self.formulas[name] = part.term
            return _Part((name,), part.type)
        self.formulas[name] = self.checked(part)
        return _Part((name,), self.language.leaf)

    def checked(self, part: _Part) -> Term:
        """Return a formula's term if it is of the type that a formula has."""
        if not issubclass(part.type, self.language.formula):
            raise self.refuse(self.expected([self.language.formula], part.type))
        return part.term

    def check_size(self, name: str, nodes: int, depth: int) -> None:
        if depth > self.language.max_depth:
            limit = self.language.max_depth
            raise self.refuse(f"{name:.60} is {depth} deep; at most {limit} is allowed")
        if nodes > self.language.max_nodes:
            limit = self.language.max_nodes
            raise self.refuse(f"{name:.60} has {nodes} nodes; at most {limit} are allowed")

    def part(self, node: ast.expr) -> _Part:
        """Return what an expression spells."""
        if isinstance(node, ast.Name):
            return self.leaf(node.id)
        if isinstance(node, ast.BinOp):
            return self.infix(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self.apply(node.func.id, [self.part(argument) for argument in node.args])
        if isinstance(node, ast.Constant):
            raise self.refuse(
                f"{self.source(node)}: the only number is 1, as in 1 - x, x + 1, x - 1"
            )
        raise self.refuse(f"{self.source(node)} is not part of a formula")

    def leaf(self, name: str) -> _Part:
        if name in self.local:
            return self.local[name]
        spelt = re.sub("_$", "'", name)
        if spelt.endswith("'") and spelt not in self.formulas:
            raise self.refuse(f"{spelt:.60} is used before it is written")
        if spelt in self.plain or spelt.endswith("'"):
            return _Part((spelt,), self.language.type_of(spelt, self.given))
        if spelt == self.writing:
            raise self.refuse(
                f"{shown(spelt)} reads itself; it may read what was written before it"
            )
        if spelt in self.language.spelt:
            raise self.refuse(f"{spelt} is a function; write {spelt}(…)")
        raise self.refuse(f"there is no {shown(spelt)}; known names: {self.known()}")

    def infix(self, node: ast.BinOp) -> _Part:
        if isinstance(node.op, ast.Div):
            return self.over(node)
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}.get(type(node.op))
        if sign is None:
            raise self.refuse_infix(node)
        left_is_one, right_is_one = _is_one(node.left), _is_one(node.right)
        if left_is_one and right_is_one:
            raise self.refuse(f"{self.source(node)} is a constant")
        if left_is_one or right_is_one:
            pattern = f"1 {sign} {{0}}" if left_is_one else f"{{0}} {sign} 1"
            pattern = "{0} + 1" if pattern == "1 + {0}" else pattern
            arguments = [self.part(node.right if left_is_one else node.left)]
        else:
            pattern = f"{{0}} {sign} {{1}}"
            arguments = [self.part(node.left), self.part(node.right)]
        for function in self.language.functions:
            if function.pattern == pattern:
                return self.apply(function.word, arguments)
        raise self.refuse(f"{self.source(node)}: {pattern.format('x', 'y')} is not in this space")

    def over(self, node: ast.BinOp) -> _Part:
        """Return a value divided by a whole number, where the language has such a function."""
        divisor = ast.get_source_segment(self.code, node.right)
        for function in self.language.functions:
            if function.pattern == f"{{0}} / {divisor}":
                return self.apply(function.word, [self.part(node.left)])
        raise self.refuse_infix(node)

    def refuse_infix(self, node: ast.BinOp) -> GenomeError:
        ends = [f.pattern.split()[-1] for f in self.language.functions if "/" in f.pattern]
        division = f", and / by {ends[0]} to {ends[-1]}" if ends else ""
        return self.refuse(f"{self.source(node)}: the infix operators are + - *{division}")

    def apply(self, name: str, arguments: list[_Part]) -> _Part:
        functions = self.language.spelt.get(name)
        if functions is None:
            raise self.refuse(f"there is no function {shown(name)}; known names: {self.known()}")
        expected, came = len(functions[0].arguments), len(arguments)
        if functions[0].associative and came > expected:
            arguments = [self.apply(name, arguments[:-1]), arguments[-1]]
        elif came != expected:
            raise self.refuse(f"{name} takes {expected} argument(s), {came} given")
        if reason := self.kind.why_not(functions[0].name, self.writing, self.formulas):
            raise self.refuse(reason)
        function = self.meant(name, functions, arguments)
        nodes = 1 + sum(argument.nodes for argument in arguments)
        depth = 1 + max(argument.depth for argument in arguments)
        if nodes > self.language.max_nodes:  # here too: names used twice grow exponentially
            self.check_size("a formula", nodes, depth)
        term: Term = (function.name, *(argument.term for argument in arguments))
        return _Part(term, function.result, nodes, depth)

    def meant(self, name: str, functions: tuple[Function, ...], arguments: list[_Part]) -> Function:
        """Return the first function of a word that takes some arguments."""
        for function in functions:
            kinds = zip(arguments, function.arguments, strict=True)
            if all(issubclass(argument.type, kind) for argument, kind in kinds):
                return function
        for i, argument in enumerate(arguments):
            kinds_here = [function.arguments[i] for function in functions]
            if not any(issubclass(argument.type, kind) for kind in kinds_here):
                text = written(argument.term, self.language)
                raise self.refuse(f"{name}({text}): {self.expected(kinds_here, argument.type)}")
        together = ", ".join(argument.type.label for argument in arguments)
        raise self.refuse(f"{name}: its arguments do not go together; they are {together}")

    def expected(self, kinds: list[type[Value]], came: type[Value]) -> str:
        """Return why a value cannot be an argument of any of some types."""
        if came.label == Value.label:
            return kinds[0].refusal
        near = [kind for kind in kinds if set(kind.__mro__) & set(came.__mro__) - {Value, object}]
        widest = [
            kind
            for kind in near or kinds
            if not any(issubclass(kind, other) for other in kinds if other is not kind)
        ]
        wanted = list(dict.fromkeys(kind.label for kind in widest))
        return f"expected {' or '.join(wanted)}, got {came.label}"

    def known(self) -> str:
        families = [f"{f}1…{f}{n}" for f, n in (*self.language.leaves, *self.language.weighted)]
        functions = list(dict.fromkeys(function.word for function in self.language.functions))
        given = (*self.kind.inputs, *self.kind.states)
        return ", ".join([*families, *given, *functions, *self.local])

    def genome(self) -> Genome:
        for output in self.kind.outputs:
            if output not in self.formulas:
                raise GenomeError(f"no formula writes the output {output}")
        for name, term in self.formulas.items():
            for head in heads(term):
                if head in self.kind.states and f"{head}'" not in self.formulas:
                    raise GenomeError(
                        f"{name} reads memory cell {head}, which no formula writes; "
                        f"add a line {head}' = …"
                    )
        if wrong := self.kind.refusal(self.formulas):
            raise GenomeError(wrong)
        genome = Genome(self.language, tuple(self.formulas.items()))
        if self.kind.expands:  # what is read once, and so where it stands, is only known now
            for name, term in genome.canonical().formulas:
                self.check_size(name, size(term), height(term))
        return genome


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
    children = [_write(child, language) for child in _arguments(term, function)]
    if not function.pattern:
        return f"{function.word}({', '.join(text for text, _ in children)})", 3
    binds = 2 if set("*/") & set(function.pattern) else 1
    left_first = function.pattern.startswith("{0}")
    parts = []
    for i, (text, tightness) in enumerate(children):
        needed = binds if left_first and i == 0 else binds + 1
        parts.append(text if tightness >= needed else f"({text})")
    return function.pattern.format(*parts), binds


def _arguments(term: Term, function: Function) -> list[Term]:
    """Return the arguments as they are written: concat(a, b, c) for concat(concat(a, b), c)."""
    first, *others = term[1:]
    if function.associative and not function.pattern and first[0] == term[0]:
        return [*_arguments(first, function), *others]
    return [first, *others]

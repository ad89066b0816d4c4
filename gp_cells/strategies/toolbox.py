"""DEAP's toolbox on genomes: operators by the names that a config gives them, called under a seed.

An operator is one of DEAP's (https://deap.readthedocs.io/en/master/api/tools.html), a name of the entry
points `gp_cells.operators`, or `module:function` of anything that can be imported. Selection gets
individuals with a `fitness`; crossover and mutation get a `PrimitiveTree`, the formula of a genome that a
uniformly drawn node is in, crossover the formula in the same place of the other genome too. Whoever takes
an argument `pset` is given the primitive set of that formula.

DEAP draws from the global `random`, which is seeded around each call and put back. Its `cxOnePoint` and
`cxOnePointLeafBiased` draw from a set of types in the order of their memory addresses (DEAP issue 190);
those of this module, the same but for that, stand in for them.
"""

from __future__ import annotations

import importlib
import inspect
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial, reduce
from importlib.metadata import entry_points
from typing import Any

import numpy as np
from deap import base, gp, tools

from gp_cells.config.calls import Call, read_call
from gp_cells.config.choose import SettingError
from gp_cells.config.seeds import deap_seeded
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import heads, size
from gp_cells.genomes.trees import breeding_set, term_of, tree_of
from gp_cells.genomes.vocabulary import Vocabulary

Operator = Callable[..., Any]
OUTSIDE = "gp_cells.operators"


@dataclass(frozen=True)
class Individual:
    """What DEAP selects from: a genome, its fitness in DEAP's form, and which candidate it is."""

    text: str
    language: Language
    fitness: base.Fitness
    candidate: str

    @cached_property
    def genome(self) -> Genome:
        """The genome, read when it is first wanted: most of a long history never is."""
        return parse(self.text, self.language)

    def __len__(self) -> int:
        """Return its nodes, which `selDoubleTournament` compares."""
        return sum(size(term) for _, term in self.genome.formulas)


def individual(
    text: str, language: Language, values: Sequence[float], candidate: str
) -> Individual:
    """Return a genome, as text, with values that are all minimised."""
    return Individual(text, language, _minimised(len(values))(tuple(values)), candidate)


@cache
def _minimised(count: int) -> type[base.Fitness]:
    return type("Minimised", (base.Fitness,), {"weights": (-1.0,) * count})


# --- operators by name ----------------------------------------------------------------------------


def operator_of(text: str, place: str, kind: str) -> Operator:
    """Return the operator that a setting names, its arguments filled in; `kind` is sel, cx or mut.

    Raises:
        SettingError: there is no such operator, or it has no such argument.
    """
    return _filled(read_call(text, place), place, kind)


def short_name(text: str, place: str) -> str:
    """Return what an operator is called in a lineage."""
    return read_call(text, place).name.rpartition(":")[2]


def _filled(call: Call, place: str, kind: str) -> Operator:
    operator = _named(call.name, place, kind)
    given = {
        name: _argument(value, place) if isinstance(value, Call) else value
        for name, value in call.arguments.items()
    }
    try:
        inspect.signature(operator).bind_partial(**given)
    except TypeError as error:
        raise SettingError(
            f"{place}: {call.name}: {error}; its arguments are {_arguments(operator)}"
        ) from error
    return partial(operator, **given)


def _argument(call: Call, place: str) -> Any:
    """Return the value of an argument that is a call: of a generator its function, else what it gives."""
    filled = _filled(call, place, "gen")
    return filled if call.name.startswith("gen") or ":" in call.name else filled()


def _named(name: str, place: str, kind: str) -> Operator:
    if ":" in name:
        return _imported(name, place)
    known = _of_deap(kind)
    if name in known:
        return known[name]
    outside = {point.name: point for point in entry_points(group=OUTSIDE)}
    if name in outside:
        operator: Operator = outside[name].load()
        return operator
    allowed = ", ".join([*known, *sorted(outside)])
    raise SettingError(
        f"{place}: there is no {name!r}; choose one of {allowed}, or your own as module:function"
    )


def _of_deap(kind: str) -> dict[str, Operator]:
    """Return what DEAP has for formulas, by name: sel… of its tools, cx…, mut… and gen… of its gp."""
    room = tools if kind == "sel" else gp
    found = {
        name: getattr(room, name)
        for name in sorted(vars(room))
        if name.startswith(kind) and inspect.isfunction(getattr(room, name))
    }
    for name in ("mutEphemeral", "mutSemantic", "cxSemantic", "genRamped"):
        found.pop(
            name, None
        )  # formulas have no constants, and the last is DEAP's old name of another
    if kind == "gen":
        found["uniform_reference_points"] = tools.uniform_reference_points
    return {**found, **{name: of for name, of in ORDERED.items() if name in found}}


def _imported(name: str, place: str) -> Operator:
    module, _, function = name.partition(":")
    try:
        found = reduce(getattr, function.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise SettingError(
            f"{place}: {name} cannot be imported ({error}); install its package, or put its folder on "
            "PYTHONPATH"
        ) from error
    if not callable(found):
        raise SettingError(f"{place}: expected a function, and {name} is {found!r:.60}")
    return found


def _arguments(operator: Operator) -> str:
    given = ("individuals", "individual", "k", "ind1", "ind2", "pset")
    names = [name for name in inspect.signature(operator).parameters if name not in given]
    return ", ".join(names) or "none"


# --- crossovers that do not depend on memory addresses --------------------------------------------


def one_point(first: gp.PrimitiveTree, second: gp.PrimitiveTree) -> tuple[Any, Any]:
    """Exchange a subtree of each, of one type: DEAP's `cxOnePoint`, its types in order of first use."""
    return _exchanged(first, second, lambda node: True, lambda node: True)


def one_point_leaf_biased(
    first: gp.PrimitiveTree, second: gp.PrimitiveTree, termpb: float
) -> tuple[Any, Any]:
    """Exchange leaves with the chance `termpb`, else functions: DEAP's `cxOnePointLeafBiased`."""
    leaves = [random.random() < termpb for _ in range(2)]
    takes = [partial(_is_leaf, wanted=wanted) for wanted in leaves]
    return _exchanged(first, second, *takes)


def _is_leaf(node: Any, wanted: bool) -> bool:
    return (node.arity == 0) == wanted


def _exchanged(
    first: gp.PrimitiveTree,
    second: gp.PrimitiveTree,
    of_first: Callable[[Any], bool],
    of_second: Callable[[Any], bool],
) -> tuple[Any, Any]:
    if len(first) < 2 or len(second) < 2:
        return first, second
    places: tuple[defaultdict[Any, list[int]], ...] = (defaultdict(list), defaultdict(list))
    for tree, takes, found in zip((first, second), (of_first, of_second), places, strict=True):
        for i, node in enumerate(tree[1:], 1):
            if takes(node):
                found[node.ret].append(i)
    both = [kind for kind in places[0] if kind in places[1]]
    if both:
        kind = random.choice(both)
        here = first.searchSubtree(random.choice(places[0][kind]))
        there = second.searchSubtree(random.choice(places[1][kind]))
        first[here], second[there] = second[there], first[here]
    return first, second


ORDERED: dict[str, Operator] = {
    "cxOnePoint": one_point,
    "cxOnePointLeafBiased": one_point_leaf_biased,
}


# --- operators on genomes -------------------------------------------------------------------------


def select(
    operator: Operator, individuals: Sequence[Individual], count: int, rng: np.random.Generator
) -> list[Individual]:
    """Return what a selection takes of individuals, one of them as often as it says."""
    with deap_seeded(rng):
        return list(operator(list(individuals), count))


def mutate(
    operator: Operator, space: Vocabulary, genome: Genome, rng: np.random.Generator
) -> Genome | None:
    """Return a genome with one formula mutated, None if the space has no such genome."""
    terms = dict(genome.formulas)
    name = _drawn_formula(genome, list(terms), rng)
    tree = tree_of(terms[name], space.language, genome.formulas)
    given = _given_set(operator, space, name, genome)
    with deap_seeded(rng):
        changed = _called(operator, tree, **given)
    if changed is None:
        return None
    return _admitted(space, [(n, changed if n == name else term) for n, term in terms.items()])


def mate(
    operator: Operator, space: Vocabulary, first: Genome, second: Genome, rng: np.random.Generator
) -> Genome | None:
    """Return `first` with a formula crossed with that of `second` in its place, None as of `mutate`."""
    kind, terms = space.language.kind, dict(first.formulas)
    donors = kind.matched(first.formulas, second.formulas)
    both = [name for name in terms if name in donors]
    if not both:
        return None
    name = _drawn_formula(first, both, rng)
    trees = [tree_of(of[name], space.language, first.formulas) for of in (terms, donors)]
    given = _given_set(operator, space, name, first)
    with deap_seeded(rng):
        changed = _called(operator, *trees, **given)
    if changed is None:
        return None
    leaves = {head for head in heads(changed) if head not in space.language.by_name}
    if not kind.can_read(leaves, name, list(terms)):
        return None
    return _admitted(space, kind.completed({**terms, name: changed}, donors))


def _drawn_formula(genome: Genome, names: Sequence[str], rng: np.random.Generator) -> str:
    """Return the name of the formula that a uniformly drawn node is in."""
    nodes = [name for name, term in genome.formulas if name in names for _ in range(size(term))]
    return nodes[int(rng.integers(len(nodes)))]


def _given_set(
    operator: Operator, space: Vocabulary, name: str, genome: Genome
) -> dict[str, gp.PrimitiveSetTyped]:
    if "pset" not in inspect.signature(operator).parameters:
        return {}
    return {"pset": breeding_set(space, name, genome.formulas)}


def _called(operator: Operator, *trees: gp.PrimitiveTree, **given: Any) -> Any:
    """Return the first tree that an operator gives as a term, None if it is no whole tree.

    DEAP raises IndexError where a type has no leaf to end with, and ValueError for what is no tree.
    """
    try:
        changed = gp.PrimitiveTree(operator(*trees, **given)[0])
        return term_of(changed) if changed.searchSubtree(0).stop == len(changed) else None
    except (IndexError, ValueError):
        return None


def _admitted(space: Vocabulary, formulas: Sequence[tuple[str, Any]]) -> Genome | None:
    """Return the canonical genome of formulas that an operator made, read again; None if it is none."""
    try:
        genome = parse(str(Genome(space.language, tuple(formulas))), space.language).canonical()
    except GenomeError:
        return None
    return genome if space.admits(genome) else None

"""The one form that all ways of writing an architecture share.

Projections and named formulas are names only: two genomes are the same architecture if renaming them
and commuting or regrouping arguments turns one into the other. That is graph isomorphism on small graphs,
settled here by colour refinement with individualisation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term, family_of, heads, leaves, unprimed


def canonical_terms(
    formulas: Sequence[tuple[str, Term]], language: Language
) -> list[tuple[str, Term]]:
    """Return formulas in canonical form, part after part; see `Genome.canonical`.

    The form must not depend on how projections and formulas were named. Each gets a
    colour from the whole part as seen from it, refined until nothing changes. Of those still alike
    each is set apart in turn, and the one that gives the least part stays apart; then refinement
    goes on. Arguments are then sorted by colour, and names given in order of first use.

    A full search tree would try all such choices together. This one can give an architecture several
    forms where formulas look alike from everywhere and yet are not interchangeable; the smallest
    case known has seven equal convolutions, each read by three of seven equal sums.

    Where names say which formula of other genomes a formula is, they are part of the architecture.
    """
    if language.kind.marked:
        return _marked_terms(dict(formulas), language)
    if language.typed_names:
        formulas = language.resolved(formulas)
    named = iter(language.kind.named)
    found: list[tuple[str, Term]] = []
    parts = language.kind.parts(formulas)
    for output in language.kind.outputs:
        live = language.kind.inlined(_live(dict(parts[output]), output), output)
        flat = _merged({name: _flat(term, language) for name, term in live.items()}, language)
        found += _renamed(flat, output, named, language)
    return [(name, _folded(term, language)) for name, term in found]


def _marked_terms(formulas: dict[str, Term], language: Language) -> list[tuple[str, Term]]:
    """Return formulas whose names are kept: by the longest way from an input, then by their names."""
    outputs = language.kind.outputs
    live = {name: term for output in outputs for name, term in _live(formulas, output).items()}
    depth: dict[str, int] = {}
    for name in formulas:  # in an order of writing
        if name in live:
            depth[name] = 1 + max(depth.get(source, 0) for source in leaves(live[name]))
    nodes = sorted((n for n in live if n not in outputs), key=lambda n: (depth[n], *_by_name(n)))

    def sorted_flat(term: Term) -> Term:
        children = [sorted_flat(child) for child in term[1:]]
        if term[0] in language.by_name and language.by_name[term[0]].commutative:
            children.sort(key=lambda child: (len(child), *_by_name(child[0]), child))
        return (term[0], *children)

    ordered = [(name, sorted_flat(_flat(live[name], language))) for name in (*nodes, *outputs)]
    return [(name, _folded(term, language)) for name, term in ordered]


def _by_name(name: str) -> tuple[int, str]:
    """Return what sorts n2 before n10."""
    return len(name), name


def ordered(term: Term, language: Language) -> Term:
    """Return the one form of a formula by itself, in which every name means what it says."""
    return _folded(_key(_flat(term, language), {}, language), language)


def _renamed(
    formulas: dict[str, Term], output: str, named: Iterator[str], language: Language
) -> list[tuple[str, Term]]:
    """Return the formulas of a part in order, everything in them sorted and renamed."""
    colours = _colours(formulas, output, language)
    order = _written_order(formulas, output, colours)
    names = {output: output}
    for old in (name for name in order if name != output):
        names[old] = next(named)
        names[unprimed(old)] = unprimed(names[old])
    counts: dict[str, int] = {}

    def rename(term: Term) -> Term:
        head, children = term[0], _sorted_children(term, colours, language)
        if head in colours and head not in names:
            family = family_of(head)
            counts[family] = counts.get(family, 0) + 1
            names[head] = f"{family}{counts[family]}"
        return (names.get(head, head), *(rename(child) for child in children))

    return [(names[name], rename(formulas[name])) for name in order]


def _live(formulas: dict[str, Term], output: str) -> dict[str, Term]:
    """Drop formulas that do not reach the output, now or at a later step."""
    live = [output]
    for name in live:  # grows while we walk it
        for head in heads(formulas[name]):
            written_by = head if head in formulas else f"{head}'"
            if written_by in formulas and written_by not in live:
                live.append(written_by)
    return {name: term for name, term in formulas.items() if name in live}


def _flat(term: Term, language: Language) -> Term:
    """Return a term with nested calls of an associative function as one call of many arguments."""
    children: list[Term] = []
    for child in (_flat(child, language) for child in term[1:]):
        same = child[0] == term[0] and language.by_name[term[0]].associative
        children += child[1:] if same else [child]
    return (term[0], *children)


def _merged(formulas: dict[str, Term], language: Language) -> dict[str, Term]:
    """Return formulas with modules that say the same as one, which it is no matter whom a call names."""
    said: dict[Term, str] = {}
    first = {
        name: said.setdefault(_key(term, {}, language), name)
        for name, term in formulas.items()
        if name in language.by_name
    }

    def called(term: Term) -> Term:
        return (first.get(term[0], term[0]), *map(called, term[1:]))

    return {name: called(term) for name, term in formulas.items() if first.get(name, name) == name}


def _folded(term: Term, language: Language) -> Term:
    """Return a term with calls of many arguments as calls of two, the first ones innermost."""
    head, children = term[0], [_folded(child, language) for child in term[1:]]
    if head in language.by_name and language.by_name[head].associative:
        return functools.reduce(lambda left, right: (head, left, right), children)
    return (head, *children)


def _colours(formulas: dict[str, Term], output: str, language: Language) -> dict[str, str]:
    """Return a distinct sortable colour for every projection and named formula, whatever its name."""
    memories = [unprimed(name) for name in formulas if name != output]
    names = {head for term in formulas.values() for head in heads(term)}
    symbols = sorted(filter(language.is_learned, names)) + memories
    kind = {s: "memory" if s in memories else family_of(s) for s in symbols}
    if len(symbols) < 2:
        return _with_primes({s: f"{kind[s]}#000" for s in symbols})  # as one alone is refined to
    colours = _refined({s: kind[s] for s in symbols}, kind, formulas, language)
    while True:
        alike: dict[str, list[str]] = {}
        for symbol, colour in sorted(colours.items()):
            alike.setdefault(colour, []).append(symbol)
        tied = [members for _, members in sorted(alike.items()) if len(members) > 1]
        if not tied:
            return _with_primes(colours)
        apart = [
            _refined({**colours, member: f"{colours[member]}-"}, kind, formulas, language)
            for member in tied[0]
        ]
        colours = min(apart, key=lambda tried: _key_of_all(formulas, tried, language))


def _with_primes(colours: dict[str, str]) -> dict[str, str]:
    return {**colours, **{f"{symbol}'": f"{colour}'" for symbol, colour in colours.items()}}


def _refined(
    colours: dict[str, str], kind: dict[str, str], formulas: dict[str, Term], language: Language
) -> dict[str, str]:
    """Split colours by how the whole genome looks from each symbol, until nothing splits."""
    while True:
        seen = {
            symbol: (colours[symbol], _key_of_all(formulas, {**colours, symbol: "*"}, language))
            for symbol in colours
        }
        ranks = {view: i for i, view in enumerate(sorted(set(seen.values())))}
        finer = {symbol: f"{kind[symbol]}#{ranks[seen[symbol]]:03d}" for symbol in colours}
        if len(set(finer.values())) == len(set(colours.values())):
            return finer
        colours = finer


def _key_of_all(
    formulas: dict[str, Term], colours: dict[str, str], language: Language
) -> tuple[tuple[str, Term], ...]:
    labels = _with_primes(colours)
    return tuple(
        sorted(
            (labels.get(name, name), _key(term, labels, language))
            for name, term in formulas.items()
        )
    )


def _key(term: Term, labels: Mapping[str, str], language: Language) -> Term:
    """Return a sortable copy of a term with colours for names and commutative arguments in order."""
    children = [_key(child, labels, language) for child in term[1:]]
    if term[0] in language.by_name and language.by_name[term[0]].commutative:
        children.sort()
    return (labels.get(term[0], term[0]), *children)


def _sorted_children(term: Term, colours: Mapping[str, str], language: Language) -> list[Term]:
    function = language.by_name.get(term[0])
    if function is None or not function.commutative:
        return list(term[1:])
    by_key: Callable[[Term], Term] = lambda child: _key(child, colours, language)  # noqa: E731
    return sorted(term[1:], key=by_key)


def _written_order(formulas: dict[str, Term], output: str, colours: Mapping[str, str]) -> list[str]:
    """Return formula names with every formula after those it uses, the output as late as it can."""
    waiting = [*sorted((n for n in formulas if n != output), key=lambda n: colours[n]), output]
    order: list[str] = []
    while waiting:
        ready = next(n for n in waiting if not (set(heads(formulas[n])) & set(waiting) - {n}))
        order.append(ready)
        waiting.remove(ready)
    return order

"""The one form that all ways of writing an architecture share.

Projections and memory cells are names only: two genomes are the same architecture if renaming them and
commuting arguments turns one into the other. That is graph isomorphism on small graphs, settled here
by colour refinement with individualisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gp_cells.language import Language, Term, heads


def canonical_terms(terms: list[tuple[str, Term]], language: Language) -> list[tuple[str, Term]]:
    """Return formulas in canonical form; see `Genome.canonical`.

    Projections and memory cells are names only, so the form must not depend on how they were
    numbered. Each gets a colour from the whole genome as seen from it, refined until nothing
    changes. Of those still alike each is set apart in turn, and the one that gives the least genome
    stays apart; then refinement goes on. (A full search tree would try all such choices together;
    no genome is known that needs it.) Arguments are then sorted by colour, and names given in order
    of first use.
    """
    formulas = _live(dict(terms), language)
    colours = _colours(formulas, language)
    order = _written_order(formulas, colours, language)
    names = {f"{language.output}'": f"{language.output}'"}
    for old, new in zip([n for n in order if n not in names], language.memories, strict=False):
        names[old] = f"{new}'"
        names[old.removesuffix("'")] = new
    counts: dict[str, int] = {}

    def rename(term: Term) -> Term:
        head, children = term[0], _sorted_children(term, colours, language)
        if head in colours and head not in names:
            family = _family(head)
            counts[family] = counts.get(family, 0) + 1
            names[head] = f"{family}{counts[family]}"
        return (names.get(head, head), *(rename(child) for child in children))

    return [(names[name], rename(formulas[name])) for name in order]


def _live(formulas: dict[str, Term], language: Language) -> dict[str, Term]:
    """Drop formulas that do not reach the output, now or at a later step."""
    live = [f"{language.output}'"]
    for name in live:  # grows while we walk it
        for head in heads(formulas[name]):
            written_by = f"{head.removesuffix(chr(39))}'"
            if written_by in formulas and written_by not in live:
                live.append(written_by)
    return {name: term for name, term in formulas.items() if name in live}


def _family(head: str) -> str:
    return head.rstrip("0123456789")


def _colours(formulas: dict[str, Term], language: Language) -> dict[str, str]:
    """Return a distinct sortable colour for every projection and memory cell, whatever its name."""
    families = {family for family, _ in (*language.leaves, *language.weighted)}
    memories = [name.removesuffix("'") for name in formulas if name != f"{language.output}'"]
    names = {head for term in formulas.values() for head in heads(term)}
    symbols = sorted(n for n in names if _family(n) in families and n != _family(n)) + memories
    kind = {s: "memory" if s in memories else _family(s) for s in symbols}
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


def _key_of_all(formulas: dict[str, Term], colours: dict[str, str], language: Language) -> Term:
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


def _written_order(
    formulas: dict[str, Term], colours: Mapping[str, str], language: Language
) -> list[str]:
    """Return formula names with every formula after those it uses, the output as late as it can."""
    output = f"{language.output}'"
    waiting = [*sorted((n for n in formulas if n != output), key=lambda n: colours[n]), output]
    order: list[str] = []
    while waiting:
        ready = next(n for n in waiting if not (set(heads(formulas[n])) & set(waiting) - {n}))
        order.append(ready)
        waiting.remove(ready)
    return order

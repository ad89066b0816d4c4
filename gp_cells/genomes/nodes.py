"""Networks of scalar nodes: a genome of `NodeFormulas` as nodes and connections, and edits that grow it.

After NEAT (Stanley and Miikkulainen 2002, https://doi.org/10.1162/106365602320169811): a network grows from
logistic regression by a node in a connection, and by a connection between two nodes. There an
innovation has the number of its turn among all; here its name is what the edit is: a connection is known by
the two nodes that it joins, a node by the hash of the connection that it came to and of its function. So
the same edit has the same name in whatever genome, wave or process it is made.

There a connection that has a node goes to sleep; here it stays. With weights that pass on, the network is
then nearly what it was, since what the node adds is small at first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import count

import numpy as np

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term, leaves

ADD, MUL = "add", "mul"  # of the weighted sources of a node that has no activation

Connection = tuple[str, str]  # source and target


@dataclass(frozen=True)
class Node:
    """A node: its name, what it does with its weighted sources, and their names.

    Its function is `ADD`, `MUL`, or the activation of their sum.
    """

    name: str
    function: str
    sources: tuple[str, ...]

    @property
    def term(self) -> Term:
        """Its formula."""
        joins = MUL if self.function == MUL else ADD
        terms: list[Term] = [(source,) for source in self.sources]
        joined = reduce(lambda left, right: (joins, left, right), terms)
        return joined if self.function in (ADD, MUL) else (self.function, joined)

    def reading(self, source: str, function: str | None = None) -> Node:
        """Return the node with one more source, and with another function if one is given."""
        return replace(self, sources=(*self.sources, source), function=function or self.function)


def nodes_of(genome: Genome) -> list[Node]:
    """Return the nodes of a genome, outputs too, in the order of its formulas."""
    return [
        Node(name, term[0] if term[1:] else ADD, tuple(leaves(term)))
        for name, term in genome.formulas
    ]


def genome_of(nodes: Iterable[Node], language: Language) -> Genome:
    """Return the canonical genome of nodes, which may come in any order."""
    waiting = {node.name: node for node in nodes}
    written: list[Node] = []
    while waiting:
        ready = [n for n in waiting.values() if not set(n.sources) & set(waiting)]
        assert ready, "nodes read each other in a circle"
        written += ready
        for node in ready:
            del waiting[node.name]
    outputs = language.kind.outputs
    written.sort(key=lambda node: node.name in outputs)
    return Genome(language, tuple((node.name, node.term) for node in written)).canonical()


def connections_of(nodes: Iterable[Node]) -> list[Connection]:
    """Return all connections, in the order of nodes and of what each reads."""
    return [(source, node.name) for node in nodes for source in node.sources]


def logistic_regression(language: Language) -> Genome:
    """Return the network in which each output reads all inputs, and nothing else is."""
    kind = language.kind
    return genome_of([Node(output, ADD, kind.inputs) for output in kind.outputs], language)


def renamed(genome: Genome) -> Genome:
    """Return a network whose nodes have the language's own names, by their order: it has no history."""
    kind, nodes = genome.language.kind, nodes_of(genome)
    old = [node.name for node in nodes if node.name not in kind.outputs]
    names = dict(zip(old, kind.named, strict=False))
    return genome_of(
        [
            Node(
                names.get(node.name, node.name),
                node.function,
                tuple(names.get(source, source) for source in node.sources),
            )
            for node in nodes
        ],
        genome.language,
    )


# --- edits ----------------------------------------------------------------------------------------


def branch(genome: Genome, functions: Sequence[str], rng: np.random.Generator) -> Genome:
    """Return a genome with a new node beside one of its connections, each as likely."""
    nodes = {node.name: node for node in nodes_of(genome)}
    connections = connections_of(nodes.values())
    source, target = connections[int(rng.integers(len(connections)))]
    function = functions[int(rng.integers(len(functions)))]
    name = mark(source, target, function, nodes)
    nodes[target] = nodes[target].reading(name)
    nodes[name] = Node(name, ADD if function == MUL else function, (source,))
    return genome_of(nodes.values(), genome.language)


def mark(source: str, target: str, function: str, taken: Collection[str]) -> str:
    """Return the name of a node beside a connection: a hash of the edit, "n" and six hex digits.

    Where the name is taken, since that connection has such a node, nodes are counted too.
    """
    for copy in count():
        edit = f"{source} {target} {function} {copy}"
        name = "n" + hashlib.blake2b(edit.encode(), digest_size=3).hexdigest()
        if name not in taken:
            return name
    raise AssertionError("never counted out")


def connect(genome: Genome, functions: Sequence[str], rng: np.random.Generator) -> Genome | None:
    """Return a genome with one more connection, of those that close no circle; None if all are there.

    A node that has one source and no activation neither adds nor multiplies yet: one of both is drawn of
    `functions`.
    """
    nodes = {node.name: node for node in nodes_of(genome)}
    kind = genome.language.kind
    sources = [*kind.inputs, *(name for name in nodes if name not in kind.outputs)]
    free = []
    for target, node in nodes.items():
        taken = {target, *node.sources, *_readers(nodes, target)}
        free += [(source, target) for source in sources if source not in taken]
    if not free:
        return None
    source, target = free[int(rng.integers(len(free)))]
    old = nodes[target]
    function = old.function
    joins = [name for name in (ADD, MUL) if name in functions]
    if function == ADD and len(old.sources) == 1 and target not in kind.outputs and joins:
        function = joins[int(rng.integers(len(joins)))]
    nodes[target] = old.reading(source, function)
    return genome_of(nodes.values(), genome.language)


def merged(first: Genome, second: Genome) -> Genome:
    """Return a genome with all nodes and connections of two, but for those that would close a circle.

    A node of both does what it does in the first.
    """
    nodes = {node.name: node for node in nodes_of(first)}
    for node in nodes_of(second):
        if node.name not in nodes:
            nodes[node.name] = replace(node, sources=())
        for source in node.sources:
            known = nodes[node.name]
            if source not in known.sources and source not in _readers(nodes, node.name):
                nodes[node.name] = known.reading(source)
    return genome_of((node for node in nodes.values() if node.sources), first.language)


def _readers(nodes: Mapping[str, Node], name: str) -> set[str]:
    """Return the names of all nodes that read a node, themselves or through others."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        waiting = {node.name for node in nodes.values() if waiting & set(node.sources)} - found
        found |= waiting
    return found


def distance(first: Genome, second: Genome) -> float:
    """Return the share of connections of two genomes that one of them has alone, 0 to 1.

    NEAT's compatibility without weights; excess and disjoint connections, which differ in age, are alike.
    """
    own, others = (set(connections_of(nodes_of(of))) for of in (first, second))
    return len(own ^ others) / len(own | others)

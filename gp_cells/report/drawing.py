"""A genome as a self-contained SVG, from left to right.

Of a recurrent cell each distinct sub-expression is one node. Leaves are learned projections and what was
carried over from the step before; every state has one colour, in which it is read, passed on and written.
Of cells over feature maps and blocks of a decoder each operation is one node, both cells or parts one
below the other. Of a network of nodes each is one, named by its function. Colours follow the reader's
light or dark scheme, and the text names everything for screen readers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.nodes import ADD, nodes_of
from gp_cells.genomes.terms import Term
from gp_cells.networks.program import DIVISORS, Step, compile_program
from gp_cells.report.layout import Bend, Layout, place

SYMBOLS = {
    "add": "+",
    "mul": "×",
    "sub": "−",
    "complement": "1 −",
    "increment": "+ 1",
    "decrement": "− 1",
    **{f"over{n}": f"÷ {n}" for n in DIVISORS},
    "sigmoid": "σ",
}
PROJECTED = {"gate": "W x + U h + b", "input": "W x", "recurrent": "U h", "bias": "b", "scale": "s"}
SQUASHING = (
    *("tanh", "sigmoid", "relu", "leaky_relu", "swish", "gelu", "softplus", "positive"),
    *("gaussian", "sine", "abs", "square"),
)
GIVEN = {
    "slope": "decay of each head",
    "alibi": "slope of each head",
    "bias": "",
}  # and not carried over
# Of what is unlike the outputs of CNN cells.
COLOUR = {"mixer": "normal", "mlp": "reduction", "out": "normal"}

SIZE = 26.0  # height of a node, px
TALL = 34.0  # height of a leaf, which has two lines, px
GAP = 11.0  # least distance between two nodes of a column, px
STRIDE = 38.0  # room for the curves between two columns, px
MARGIN = 6.0
SMALL = 5.3  # width of a letter of a leaf's second line, px
LETTER = 6.6  # width of a letter, px; a little more than any common font needs

STYLE = """
.gp-cell{--ink:#1f2328;--faint:#8b929b;--paper:#fff;--leaf:#f1f3f5;--squash:#e6ebf1;
--h:#2f6fb3;--c:#c2500a;--d:#0f8060;--e:#9a4688;--f:#8a6a00;
--normal:var(--h);--reduction:var(--c);--x:var(--d);--skip:var(--e);
font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",sans-serif}
@media screen and (prefers-color-scheme:dark){.gp-cell{--ink:#e6e8eb;--faint:#7d8590;--paper:#15181c;
--leaf:#23282e;--squash:#2c333b;--h:#6cb0f0;--c:#f59a5b;--d:#4cc7a0;--e:#dc92cc;--f:#d8b84a}}
.gp-cell path{fill:none;stroke:var(--faint);stroke-width:1.3}
.gp-cell rect{fill:var(--paper);stroke:var(--ink);stroke-width:1.2}
.gp-cell text{fill:var(--ink);text-anchor:middle;dominant-baseline:central}
.gp-cell .leaf rect{fill:var(--leaf);stroke:none}
.gp-cell .note{font-size:10px;opacity:.72}
.gp-cell .squash rect{fill:var(--squash)}
.gp-cell .symbol text{font-size:16px}
.gp-cell .state rect{fill:var(--paper);stroke:var(--of);stroke-width:1.6}
.gp-cell .result rect{fill:var(--of);stroke:none}
.gp-cell .state text{fill:var(--of);font-weight:600;font-style:italic;font-size:13px}
.gp-cell .result text{fill:var(--paper)}
.gp-cell path.read{stroke:var(--of);stroke-width:1.6}
.gp-cell .taken{fill:var(--ink);font-size:11px}
"""


@dataclass(frozen=True)
class Node:
    """One node of the drawing; `state` is the state it reads or writes, else empty."""

    kind: str  # operation, leaf, state or result
    label: str
    note: str = ""
    arguments: tuple[int, ...] = ()
    state: str = ""
    operation: str = ""

    @property
    def width(self) -> float:
        """Width in px; a single sign makes a circle."""
        letters = max(len(self.label) * LETTER, len(self.note) * SMALL)
        return max(SIZE, letters + 16) if len(self.label) > 1 else SIZE

    @property
    def height(self) -> float:
        """Height in px."""
        return TALL if self.note else SIZE


@dataclass(frozen=True)
class Drawing:
    """A genome's drawing as a value: the last one of a notebook's cell is shown."""

    svg: str

    def __str__(self) -> str:
        """Return it as SVG."""
        return self.svg

    def _repr_svg_(self) -> str:
        return self.svg


def draw(genome: Genome) -> str:
    """Return a cell as SVG; the same architecture gives the same bytes."""
    nodes = _nodes(genome)
    layout = place([node.arguments for node in nodes], [node.height for node in nodes], GAP)
    left = _left_edges(nodes, layout)
    width = left[-1] + max(node.width for node in nodes if node.kind == "result") + MARGIN
    bottoms = [
        at + (nodes[bend[0]].height / 2 if layout.is_node(bend) else 0)
        for bend, at in layout.height.items()
    ]
    height = max(bottoms) + 2 * MARGIN
    title = _title(nodes)
    description = "; ".join(str(genome.canonical()).splitlines())
    body = [*_lines(nodes, layout, left), *_boxes(nodes, layout, left)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gp-cell" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'style="--width:{width:.0f}px">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"<style>{STYLE}</style>{''.join(body)}</svg>"
    )


def _nodes(genome: Genome) -> list[Node]:
    """Return the nodes of a drawing, in an order in which each comes after what it reads."""
    if genome.language.recurrent:
        return _program_nodes(genome)
    return _network_nodes(genome) if genome.language.kind.marked else _graph_nodes(genome)


def _network_nodes(genome: Genome) -> list[Node]:
    """Return the nodes of a network, each with all that it sums or multiplies."""
    outputs, drawn = genome.language.kind.outputs, nodes_of(genome.canonical())
    read = {source for node in drawn for source in node.sources}
    found = [
        Node("leaf", name) if name in GIVEN else Node("state", name, state="x")
        for name in genome.language.kind.inputs
        if name in read
    ]
    places = {node.label: i for i, node in enumerate(found)}
    for node in drawn:
        arguments = tuple(places[source] for source in node.sources)
        if node.name not in outputs or node.function != ADD:
            label = SYMBOLS.get(node.function, node.function)
            found.append(Node("operation", label, "", arguments, operation=node.function))
            places[node.name] = len(found) - 1
            arguments = (places[node.name],)
        if node.name in outputs:
            found.append(Node("result", node.name, arguments=arguments, state="h"))
    return found


def _program_nodes(genome: Genome) -> list[Node]:
    """Return the nodes of a recurrent cell."""
    program = compile_program(genome)
    nodes = [_node(step, program.states) for step in program.steps]
    written = sorted(zip(program.states, program.results, strict=True), key=lambda pair: pair[1])
    return nodes + [
        Node("result", f"{state}′", arguments=(at,), state=state) for state, at in written
    ]


def _node(step: Step, states: Sequence[str]) -> Node:
    name = step.operation
    if name == "state":
        return Node("state", states[step.number], state=states[step.number])
    if name in PROJECTED:
        return Node("leaf", f"{name}{step.number + 1}", PROJECTED[name])
    label = f"linear{step.number + 1}" if name == "linear" else SYMBOLS.get(name, name)
    return Node("operation", label, arguments=step.arguments, operation=name)


def _graph_nodes(genome: Genome) -> list[Node]:
    """Return the nodes of cells or parts, each of which reads its own inputs."""
    nodes: list[Node] = []
    words = genome.language.by_name
    named: dict[str, int] = {}

    def add(node: Node) -> int:
        nodes.append(node)
        return len(nodes) - 1

    def place(term: Term) -> int:
        head = term[0]
        if len(term) == 1:
            if head not in named:
                is_given = head in GIVEN
                given = (
                    Node("leaf", head, GIVEN[head]) if is_given else Node("state", head, state=head)
                )
                named[head] = add(given)
            return named[head]
        arguments = tuple(place(child) for child in term[1:])
        word = words[head].word
        return add(Node("operation", SYMBOLS.get(word, word), "", arguments, operation=word))

    for output, part in genome.language.kind.parts(genome.written_out).items():
        named = {}
        for name, term in part:
            named[name] = place(term)
        colour = COLOUR.get(output, output)
        add(Node("result", output, arguments=(named[output],), state=colour))
    return nodes


def _title(nodes: Sequence[Node]) -> str:
    kinds = Counter(node.kind for node in nodes)
    operations, projections, results = kinds["operation"], kinds["leaf"], kinds["result"]
    counted = [f"{operations} operation{'s' * (operations != 1)}"]
    counted += [f"{projections} learned projections"] * (projections > 0)
    return f"A cell of {', '.join([*counted, f'{results} results'])}"


def _left_edges(nodes: Sequence[Node], layout: Layout) -> list[float]:
    """Return the left edge of every column."""
    widths = [
        max(nodes[bend[0]].width for bend in column if layout.is_node(bend))
        for column in layout.columns
    ]
    edges = [MARGIN]
    for width in widths[:-1]:
        edges.append(edges[-1] + width + STRIDE)
    return edges


def _right(column: int, nodes: Sequence[Node], layout: Layout, left: Sequence[float]) -> float:
    if column + 1 < len(left):
        return left[column + 1] - STRIDE
    return left[column] + max(nodes[node].width for node, _ in layout.columns[column])


def _lines(nodes: Sequence[Node], layout: Layout, left: Sequence[float]) -> list[str]:
    """Return one path a node: all the curves to those that read it."""
    curves: dict[int, list[str]] = {}
    signs = []
    for start, end in layout.links:
        target = nodes[end[0]]
        x, y = _right(start[1], nodes, layout, left), _height(layout, start)
        goal = _right(end[1], nodes, layout, left)
        if layout.is_node(end):
            goal -= target.width
        for port in _ports(nodes, layout, start, end):
            bend, down = left[end[1]], _height(layout, end) + port
            middle = (x + bend) / 2
            curve = f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {down:.1f} {bend:.1f} {down:.1f}"
            curves.setdefault(start[0], []).append(f"{curve}H{goal:.1f}")
            if layout.is_node(end) and _is_taken_off(target, start[0], port):
                signs.append(f'<text class="taken" x="{goal - 7:.1f}" y="{down + 8:.1f}">−</text>')
    drawn = []
    for node, parts in sorted(curves.items()):
        read = f' class="read" style="--of:var(--{nodes[node].state})"' if nodes[node].state else ""
        drawn.append(f'<path{read} d="{"".join(parts)}"/>')
    return drawn + signs


def _is_taken_off(target: Node, source: int, port: float) -> bool:
    """Say whether a line is what a subtraction takes off; both may come from one node."""
    if target.operation != "sub" or target.arguments[1] != source:
        return False
    return target.arguments[0] != source or port > 0


def _ports(nodes: Sequence[Node], layout: Layout, start: Bend, end: Bend) -> list[float]:
    """Return how far from its middle a line enters a node; two if it enters twice."""
    arguments = nodes[end[0]].arguments
    if not layout.is_node(end) or len(arguments) < 2:
        return [0.0]
    if arguments[0] == arguments[1]:
        return [-5.0, 5.0]
    entries = [left for left, right in layout.links if right == end]
    return [-4.0 if start == min(entries, key=lambda bend: layout.height[bend]) else 4.0]


def _height(layout: Layout, bend: Bend) -> float:
    return layout.height[bend] + MARGIN


def _boxes(nodes: Sequence[Node], layout: Layout, left: Sequence[float]) -> list[str]:
    drawn = []
    for number, node in enumerate(nodes):
        right = _right(layout.column[number], nodes, layout, left)
        middle = _height(layout, (number, layout.column[number]))
        x, y = right - node.width, middle - node.height / 2
        style = f' style="--of:var(--{node.state})"' if node.state else ""
        rounding = 5 if node.kind in ("leaf", "result") else SIZE / 2
        drawn.append(
            f'<g class="{_classes(node)}"{style}><rect x="{x:.1f}" y="{y:.1f}" '
            f'width="{node.width:.1f}" height="{node.height:.0f}" rx="{rounding:.0f}"/>'
            f"{_label(node, x + node.width / 2, middle)}</g>"
        )
    return drawn


def _label(node: Node, x: float, y: float) -> str:
    if not node.note:
        return f'<text x="{x:.1f}" y="{y:.1f}">{escape(node.label)}</text>'
    return (
        f'<text x="{x:.1f}" y="{y - 7:.1f}">{escape(node.label)}</text>'
        f'<text class="note" x="{x:.1f}" y="{y + 7:.1f}">{escape(node.note)}</text>'
    )


def _classes(node: Node) -> str:
    if node.kind == "result":
        return "state result"
    if node.operation in SQUASHING:
        return "operation squash"
    return "operation symbol" if len(node.label) == 1 and node.operation else node.kind

"""Generated genomes of all spaces, as text for the parser and as `.cell` files for `gp-cells show`.

A genome is one of a search, a baseline, or formulas drawn from the space's words without regard to its
rules; then words of it are taken away, doubled, swapped or made others, code among them. What is read has
to be the same genome in its own text and in its canonical form.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from fuzz_harm import (
    MARKER,
    PAYLOADS,
    command,
    encoded,
    kind_of_refusal,
    refusal,
    reworded,
    written_into,
)
from hypothesis import strategies as st

from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.spaces import SPACES

SPACE = {name: space() for name, space in SPACES.items()}
ODD = (
    *("1", "0", "-1", "2", "1e999", "9" * 5000, "True", "None", "...", "x", "h", "h'", "c'", "__"),
    *("(", ")", "[", "=", "==", ":=", "+", "-", "*", "**", "/", "//", "%", "@", "'", '"', "#", ";"),
    *(
        "lambda x: x",
        "x if x else x",
        "*x",
        "k=x",
        "f'{x}'",
        "x.y",
        "x[0]",
        "\\",
        "\\d",
        "not",
        "_",
    ),
    *(
        "gate0",
        "gate01",
        "gate999999999",
        "(" * 300,
        "-" * 3000,
        "tanh(" * 100,
        "ﬁ",
        "h\u2032",
        "µ",
    ),
    *("import os", "del h", "await x", "yield", "π", "0x1", "1_0", "1j", "1or x", "b''"),
    *PAYLOADS,
)


@st.composite
def expressions(draw: st.DrawFn, space: str, depth: int = 4) -> str:
    """Return an expression of a space's words, of which some fit their places."""
    language = SPACE[space].language
    how = draw(st.sampled_from(("leaf", "call", "infix", "odd"))) if depth else "leaf"
    if how == "leaf":
        return draw(st.sampled_from(language.terminals))
    if how == "odd":
        return draw(st.sampled_from((*ODD, *language.terminals)))
    inner = expressions(space, depth - 1)
    if how == "infix":
        sign = draw(st.sampled_from(("+", "-", "*", "* 1 +", "1 -", "/ 2 +")))
        return f"({draw(inner)} {sign} {draw(inner)})"
    function = draw(st.sampled_from(sorted(language.by_name)))
    count = draw(st.sampled_from((len(language.by_name[function].arguments),) * 4 + (0, 1, 3)))
    return f"{function}({', '.join(draw(inner) for _ in range(count))})"


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str]:
    """Return a space and a text that may be a genome of it."""
    name = draw(st.sampled_from(sorted(SPACE)))
    space = SPACE[name]
    how = draw(st.sampled_from(("sampled", "sampled", "baseline", "drawn", "doubling", "other")))
    if how == "baseline" and space.baselines:
        path = space.baselines[draw(st.sampled_from(sorted(space.baselines)))]
        text = path.read_text(encoding="utf-8")
    elif how == "drawn":
        names = (*space.language.names, "a", "b", "x", "tanh", "gate1", "h", "c")
        lines = draw(st.lists(st.tuples(st.sampled_from(names), expressions(name)), max_size=6))
        text = "\n".join(f"{left} = {right}" for left, right in lines)
    elif how == "doubling":  # each name stands for twice as much as the one before
        lines_count, (first, *_) = draw(st.integers(1, 400)), space.language.terminals
        text = f"v0 = {first}\n" + "\n".join(
            f"v{i} = v{i - 1} + v{i - 1}" for i in range(1, lines_count)
        )
        text += f"\n{space.language.names[0]} = v{lines_count - 1}"
    else:
        text = str(variation.sample(space, np.random.default_rng(draw(st.integers(0, 10**6)))))
        if how == "other":
            name = draw(st.sampled_from(sorted(SPACE)))
    words = (*ODD, *SPACE[name].language.names, *SPACE[name].language.terminals)
    return name, reworded(draw, text, (*words, *sorted(SPACE[name].language.by_name)))


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a space and the content of a `.cell` file."""
    name, text = draw(texts())
    return name, encoded(draw, text)


def hold_laws(genome: Genome) -> None:
    """Assert that a genome is itself in its own text and in its canonical form."""
    canonical = genome.canonical()
    assert parse(str(genome), genome.language) == genome
    assert canonical.canonical() == canonical
    assert parse(str(canonical), genome.language).canonical() == canonical
    assert canonical.architecture_id == genome.architecture_id


def read_text(case: tuple[str, str], folder: Path) -> str:
    """Return "read" if a text is a genome, or the reason that it is none."""
    name, text = case
    text = text.replace(MARKER, str(folder / "marker"))
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            genome = parse(text, SPACE[name].language)
    except GenomeError as error:
        assert not warned, warned[0].message
        said = str(error)
        assert len(said.splitlines()) == 1 and said.isprintable(), said
        return kind_of_refusal(said)
    finally:
        assert not written_into(folder)
    hold_laws(genome)
    return "read"


def show_file(case: tuple[str, bytes], folder: Path) -> str:
    """Return "read" if a `.cell` file is shown and drawn, or the reason that it is refused."""
    name, content = case
    path, drawing = folder / "file.cell", folder / "drawing.svg"
    path.write_bytes(content.replace(MARKER.encode(), bytes(folder / "marker")))
    status, out, err = command("show", str(path), "--space", name, "--svg", str(drawing))
    if status:
        assert written_into(folder) == {path.name} and not out
        return refusal(status, err)
    assert written_into(folder) == {path.name, drawing.name} and not err
    shown, _, sizes = out.partition("\n\n")
    genome = parse(shown, SPACE[name].language)
    hold_laws(genome)
    assert str(genome) == shown and genome.architecture_id in sizes
    return "read"

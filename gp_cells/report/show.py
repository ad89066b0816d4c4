"""One genome for a terminal: its canonical form, how large its network is, and its drawing."""

from __future__ import annotations

from pathlib import Path

from gp_cells.config.choose import check_range, choose
from gp_cells.config.files import read_text
from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.report.drawing import draw
from gp_cells.spaces import SPACES
from gp_cells.spaces.decoder import Decoder
from gp_cells.tables.parquet import find_genome


def describe(
    genome: str, space: str, inputs: int, units: int, layers: int, drawing: Path | None
) -> str:
    """Return a genome in words; it is named by a file, a baseline, or an id in results/.

    With a path for `drawing` it is also drawn there, as SVG.

    Raises:
        SettingError: there is no such space, or a count is below 1.
        GenomeError: the file is refused.
        RecordError: there is no such genome.
    """
    for flag, count in (("--inputs", inputs), ("--units", units), ("--layers", layers)):
        check_range(flag, count, 1)
    chosen = choose("spaces", SPACES, space, {})
    path = chosen.baselines.get(genome, Path(genome))
    text = read_text(path) if path.is_file() else find_genome(Path("results"), genome)
    parsed = parse(text, chosen.language)
    if "images" in chosen.reads:
        form = Form("images", 3, "classes", 10, height=32, width=32)
        of = f"an image, of {layers} × {units} cells on 32 × 32 pixels of 3 channels"
    elif "numbers" in chosen.reads:
        outputs = len(parsed.language.kind.outputs)
        form = Form("numbers", len(parsed.language.kind.inputs) - 1, "numbers", outputs)
        of = "a row, as many as there are connections"
    elif isinstance(chosen, Decoder):
        form = Form("frames", inputs, "keys", inputs)
        of = (
            f"a step, of one block with {units} units, {chosen.heads} heads, {chosen.context} steps"
        )
    else:
        form = Form("frames", inputs, "keys", inputs)
        of = f"a step, of one layer with {inputs} inputs and {units} units"
    counts = chosen.count(parsed, form, Recipe(units=units, layers=layers))
    lines = [
        str(parsed.canonical()),
        "",
        f"architecture_id  {parsed.architecture_id}",
        f"parameters       {counts['parameters']:,}",
        f"multiply-adds    {counts['multiply_adds']:,} {of}",
    ]
    if isinstance(chosen, Decoder):
        numbers, growth = counts["state_size"], counts["cache_per_token"]
        grows = f" after {chosen.context} steps, a cache that grows by {growth:,} with each"
        lines.append(f"state            {numbers:,} numbers{grows if growth else ''}")
    if drawing is not None:
        drawing.write_text(draw(parsed), encoding="utf-8")
        lines.append(f"drawing          {drawing}")
    return "\n".join(lines)

"""A cell as a strategy's settings name it: a hand-designed one by its name, or the text of its formulas."""

from __future__ import annotations

from gp_cells.config.cell_files import CELL
from gp_cells.config.choose import SettingError
from gp_cells.config.files import read_text
from gp_cells.config.refusal import printable
from gp_cells.genomes.edits import legal
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.genomes.vocabulary import Vocabulary


def read_cell(item: str, space: Vocabulary, place: str) -> tuple[Genome, str]:
    """Return a cell in canonical form, and the text that it was read from.

    Raises:
        SettingError: it is neither a name nor formulas of the space's language, or is not admitted; the
            line begins with `place`.
    """
    is_name = item in space.baselines
    if not is_name and "=" not in item:
        known = ", ".join(space.baselines) or "none"
        raise SettingError(
            f"{place} is neither formulas nor a hand-designed cell of the space ({known}), nor does a "
            f"config name it as a {CELL} file"
        )
    text = read_text(space.baselines[item]) if is_name else item
    try:
        whole = parse(text, space.language).canonical()
    except GenomeError as error:
        said = printable(str(error)).partition("; known names")[0]
        language = space.language.name
        raise SettingError(f"{place} is no cell of the language {language}: {said}") from error
    genome = legal(space, list(whole.formulas))
    if genome is None:
        raise SettingError(f"{place} is outside the limits of the space; widen its settings")
    return genome, text

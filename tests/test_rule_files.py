"""How a file of rules opens."""

import ast
from pathlib import Path

import pytest

RULES = sorted((Path(__file__).parents[1] / "rules").glob("*.smk"))


def opening(path):
    """Return the docstring of a rule file with its quotes: the rest is no Python."""
    return path.read_text().partition('\n"""\n')[0] + '\n"""\n'


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_a_rule_file_opens_with_one_line_that_is_a_sentence_and_with_its_files(path):
    first, empty, *rest = (ast.get_docstring(ast.parse(opening(path))) or "").splitlines()
    assert len(first) <= 97 and first.endswith(".") and empty == ""
    assert rest[0].startswith("REQUIRED INPUTS:")
    assert any(line.startswith("OUTPUTS:") for line in rest)

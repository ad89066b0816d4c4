"""Published blocks against implementations of others, which tests/support/make_golden.py ran once."""

from __future__ import annotations

import numpy as np
import pytest
from support.golden import GOLDEN, numbers, seeded

from gp_cells.spaces.decoder import BLOCKS, Decoder

FOUND = dict(np.load(GOLDEN))
NAMES = sorted({key.partition("/")[0] for key in FOUND})


def test_all_blocks_but_three_have_numbers_of_others() -> None:
    """Of two nobody's runs on a CPU; the LSTM is torch's own in test_published_blocks.py."""
    assert set(BLOCKS) - set(NAMES) == {"primer", "hyena", "lstm"}


@pytest.mark.parametrize("engine", Decoder.engines)
@pytest.mark.parametrize("name", NAMES)
def test_a_block_gives_what_the_implementation_of_others_gave(name: str, engine: str) -> None:
    block, x, toward = seeded(name, engine)
    given = numbers(block, x, block(x, None, 0)[0], toward)
    wanted = {key.partition("/")[2]: of for key, of in FOUND.items() if key.startswith(f"{name}/")}
    assert given.keys() == wanted.keys()
    assert np.abs(wanted["output"]).min() > 0
    for key, numbers_of_others in wanted.items():
        np.testing.assert_allclose(given[key], numbers_of_others, rtol=1e-6, atol=1e-7, err_msg=key)

import pytest
from synthetic import make_config, make_tables


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """Return a results folder with tables and the comparison made from them."""
    results = tmp_path_factory.mktemp("results")
    return results, make_tables(results, make_config())


@pytest.fixture(scope="session")
def make_up():
    """Return a function that writes tables to a results folder and returns their comparison."""
    return lambda results, **wanted: make_tables(results, make_config(**wanted))

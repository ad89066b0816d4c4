"""A config on the command line: of any length, from a file or standard input, and no key twice."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.given import plan_of, refuse_twins_in

ROOT = Path(__file__).parents[2]
QUICK = (ROOT / "config/quickstart.yaml").read_text(encoding="utf-8")
LONGEST_ARGUMENT = 128 * 1024  # bytes, on Linux


def stdin(content):
    """Return bytes as standard input in a locale that is not UTF-8's."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="latin-1")


def long_config():
    """Return a config whose text is longer than Linux lets one argument be."""
    config = yaml.safe_load(QUICK)
    [(label, strategy), *_] = config["strategies"].items()
    config["strategies"] = {f"{label}{i}": strategy for i in range(2000)}
    assert len(json.dumps(config)) > LONGEST_ARGUMENT
    return config


def test_a_config_of_any_length_comes_by_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", stdin(json.dumps(long_config()).encode()))
    assert len(plan_of("-").runs) >= 2000


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", (1, 3)),
        ("tasks:\n  x: {}\n  y: {}\n  x: {}\n", "x", (2, 4)),
        ('a:\n- b: 1\n  c: 2\n  "b": 3\n', "b", (2, 4)),
        ("{a: 1,\n a: 2}", "a", (1, 2)),
        ("\ufeffa: 1\r\na: 2\r\n", "a", (1, 2)),
        ('{"a": {"b": 1,\n\t"b": 2}}', "b", (1, 2)),
        ("a: &x\n  b: 1\n  b: 2\nc: *x\n", "b", (2, 3)),
        ("true: 1\nyes: 2\n", "yes", (1, 2)),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_lines(tmp_path, text, key, lines):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    said = f"{path}: the key {key!r} is on line {lines[0]} and again on line {lines[1]}; keep one of them"
    for read in (plan_of, lambda name: refuse_twins_in([Path(name)])):
        with pytest.raises(SettingError) as refused:
            read(str(path))
        assert str(refused.value) == said


def test_a_key_over_a_merged_one_and_the_same_key_elsewhere_are_no_twins(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: {b: 3}\n", encoding="utf-8")
    refuse_twins_in([path])
    refuse_twins_in((ROOT / "config").glob("*.yaml"))


def test_a_number_of_json_in_a_file_is_a_number(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(yaml.safe_load(QUICK)).replace("0.001", "1e-3"), encoding="utf-8")
    assert plan_of(str(path)).runs


@pytest.mark.parametrize("text", ["{", "{a: [", "{[1]: 2}", "[" * 5000, '{"a": 1,}x'])
def test_what_is_no_config_is_refused_in_one_line(capsys, monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", stdin(text.encode()))
    for config in ("-", text):
        assert main(["check", config]) == 2
        assert capsys.readouterr().err.count("\n") == 1


LAUGHS = "\n".join(
    ["a0: &a0 [1, 1]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40))]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000 + "]" * 100_000, "it is nested more than 100 deep"),
        ("- " * 100_000, "it is nested more than 100 deep"),
        ('{"a":' * 100_000, "it is nested more than 100 deep"),
        (LAUGHS, "its aliases repeat more than 10,000 values; write them out"),
        ("a: 1\nb: &b [*b]\n", "line 2: *b stands within itself"),
        ("a: &a {<<: *a}\n", "line 1: *a stands within itself"),
        (
            "\n".join(["a0: &a0 [1]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 101))]),
            "it is nested more than 100 deep",
        ),
    ],
    ids=["brackets", "dashes", "braces", "laughs", "ring", "merged ring", "chain"],
)
def test_what_would_crash_or_never_end_is_refused(tmp_path, text, said):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    for read in (plan_of, lambda name: refuse_twins_in([Path(name)])):
        with pytest.raises(SettingError) as refused:
            read(str(path))
        assert str(refused.value) == f"{path}: {said}"


@pytest.mark.parametrize("value", ["!!bool x", "!!timestamp x", "!!int x", "!!float x"])
def test_a_value_that_does_not_fit_its_tag_is_refused(tmp_path, value):
    path = tmp_path / "c.yaml"
    path.write_text(f"a: {value}\n", encoding="utf-8")
    with pytest.raises(SettingError, match=f"^{re.escape(str(path))} cannot be read: "):
        plan_of(str(path))


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("latin-1", "line 2: the byte 0xe4 is no UTF-8, perhaps Latin-1"), ("utf-16", "it is UTF-16")],
)
def test_standard_input_that_is_no_utf_8_is_refused(monkeypatch, encoding, said):
    monkeypatch.setattr(sys, "stdin", stdin("seeds: [1]\nbenchmark: ä".encode(encoding)))
    with pytest.raises(SettingError, match=f"^standard input: {said}.*; save it as UTF-8$"):
        plan_of("-")


def test_standard_input_is_utf_8_whatever_the_locale_is(monkeypatch):
    text = QUICK.replace("lstm", "grün", 1)
    monkeypatch.setattr(sys, "stdin", stdin(text.encode("utf-8-sig")))
    [run, *_] = plan_of("-").runs.values()
    assert "grün" in run.config.strategy.settings["cells"]


def test_a_long_value_is_cut_in_its_refusal(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(QUICK.replace("waves: 1,", f"waves: {'x' * 5000},", 1), encoding="utf-8")
    with pytest.raises(SettingError) as refused:
        plan_of(str(path))
    wrong = "strategies.baselines.search.waves: expected integer, got"
    assert str(refused.value) == f"{path}: {wrong} '{'x' * 59} …"


def test_snakemake_refuses_a_key_that_is_there_twice(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(f"{QUICK}\nseeds: [7]\n", encoding="utf-8")
    command = ["snakemake", "-n", "--snakefile", ROOT / "Snakefile", "--configfile", path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode != 0
    assert "the key 'seeds' is on line" in done.stderr

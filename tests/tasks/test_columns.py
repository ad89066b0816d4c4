"""How files of one's own are written: encodings, separators, HDF5's links, columns that number the rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet
from support.own_files import FRAMES, counts, own, reading_of, refused

from gp_cells.cli import main
from gp_cells.tasks.columns import read_columns

ARRAYS = {**FRAMES, "input": ["x"], "target": ["y"]}


def features(count=30):
    """A table of three features a row, which do not tell the class, in the order of the classes."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(count, 3)), columns=["a", "b", "c"])
    return table.assign(kind=np.sort(np.arange(count) % 2))


def arrays(count=30):
    """Sequences (sequence, time, feature) and their classes."""
    return np.random.default_rng(0).normal(size=(count, 5, 2)), np.arange(count) % 2


# --- columns that number the rows ------------------------------------------------------------------


def left_out(path, **settings):
    """The steps of each example read by "*", and which column was left out of them."""
    data = own(path, **{**FRAMES, "input": ["*"], **settings}).read()
    (note,) = data.notes
    assert note.startswith(f"{path}: the column ")
    assert note.endswith(" numbers the rows and is left out of the input")
    return set(data.splits["train"]["lengths"].tolist()), note.split("'")[1]


@pytest.mark.parametrize(
    "name", ["", " ", "Unnamed: 0", "Unnamed: 0.1", "__index_level_0__", "index"]
)
@pytest.mark.parametrize("start", [0, 500])
def test_a_star_leaves_out_the_index_that_pandas_wrote(tmp_path, name, start):
    table = features()
    table.insert(0, name, np.arange(start, start + 30) ** 2)
    table.to_csv(tmp_path / "a.csv", index=False)
    assert left_out(tmp_path / "a.csv") == ({3}, name)


def test_a_star_leaves_out_an_index_without_a_header(tmp_path):
    features().to_csv(tmp_path / "a.csv")
    assert left_out(tmp_path / "a.csv") == ({3}, "")


@pytest.mark.parametrize("name", [None, "sample"])
def test_a_star_leaves_out_the_index_of_a_parquet_file(tmp_path, name):
    table = features()
    table.index = pd.Index(np.arange(30) * 7, name=name)
    table.to_parquet(tmp_path / "a.parquet")
    assert left_out(tmp_path / "a.parquet") == ({3}, name or "__index_level_0__")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".h5"])
@pytest.mark.parametrize("start", [0, 1, 1000])
def test_a_star_leaves_out_what_counts_the_rows_whatever_its_name(tmp_path, suffix, start):
    table = features().assign(X=np.arange(start, start + 30))
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        table.to_csv(path, index=False)
    elif suffix == ".parquet":
        table.to_parquet(path)
    elif suffix == ".npz":
        np.savez(path, **{name: table[name].to_numpy() for name in table})
    else:
        with h5py.File(path, "w") as file:
            for name in table:
                file[name] = table[name].to_numpy()
    assert left_out(path) == ({3}, "X")


def test_a_star_leaves_out_an_index_that_was_shuffled(tmp_path):
    features().assign(row=np.random.default_rng(0).permutation(30)).to_csv(
        tmp_path / "a.csv", index=False
    )
    assert left_out(tmp_path / "a.csv") == ({3}, "row")


def test_prepare_says_what_was_left_out(tmp_path, capsys):
    features().to_csv(tmp_path / "a.csv")
    settings = {**FRAMES, "file": str(tmp_path / "a.csv"), "input": ["*"]}
    task = json.dumps({"name": "own_data", "settings": settings})
    assert main(["step", "prepare", "--task", task, "--folder", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().err == (
        f"gp-cells step prepare: {tmp_path / 'a.csv'}: the column '' numbers the rows and is left out "
        "of the input\n"
    )


def test_an_index_that_is_named_in_full_is_taken(tmp_path):
    features().to_csv(tmp_path / "a.csv", index_label="Unnamed: 0")
    data = own(tmp_path / "a.csv", **FRAMES, input=["Unnamed: 0", "*"]).read()
    assert set(data.splits["train"]["lengths"]) == {4}
    assert not data.notes


def test_the_index_may_be_the_group(tmp_path):
    features().to_csv(tmp_path / "a.csv", index_label="Unnamed: 0")
    data = own(tmp_path / "a.csv", **FRAMES, input=["*"], group="Unnamed: 0").read()
    assert set(data.splits["train"]["lengths"]) == {3}
    assert not data.notes


# --- text ------------------------------------------------------------------------------------------

TEXT = "größe,zwei,kind\n" + "".join(f"{i},7,{('weiß', 'grün')[i % 2]}\n" for i in range(30))
SIZES = {**FRAMES, "input": ["größe", "zwei"]}
NO_UTF_8 = "is no UTF-8, perhaps Latin-1; save it as UTF-8"


def test_utf_8_is_read_whatever_the_locale(tmp_path):
    (tmp_path / "ä.csv").write_bytes(TEXT.encode())
    script = (
        "import sys; from gp_cells.tasks.own_data import OwnData\n"
        "sizes = 'gr\\u00f6\\u00dfe', 'zwei'\n"
        "data = OwnData(sys.argv[1], 'frames', sizes, 'classes', ('kind',)).read()\n"
        "assert data.reading.classes == ('gr\\u00fcn', 'wei\\u00df'), ascii(data.reading.classes)\n"
    )
    told = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", script, tmp_path / "ä.csv"], env=told, check=True)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_line_ends_are_legal(tmp_path, ends):
    (tmp_path / "a.csv").write_bytes(TEXT.replace("\n", ends).encode("utf-8-sig"))
    data = own(tmp_path / "a.csv", **SIZES).read()
    assert (counts(data), reading_of(data).classes) == (30, ("grün", "weiß"))


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-16", "it is UTF-16 or no text at all; save it as UTF-8"),
        ("utf-16-le", "it is UTF-16 or no text at all; save it as UTF-8"),
        ("utf-32-be", "it is UTF-16 or no text at all; save it as UTF-8"),
        ("latin-1", f"line 1: the byte 0xf6 {NO_UTF_8}"),
        ("cp1252", f"line 1: the byte 0xf6 {NO_UTF_8}"),
    ],
)
def test_another_encoding_is_refused_in_a_line(tmp_path, encoding, said):
    (tmp_path / "a.csv").write_bytes(TEXT.encode(encoding))
    assert refused(tmp_path / "a.csv", **SIZES) == said


def test_a_text_of_hdf5_that_is_not_utf_8_is_refused_with_its_column(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = arrays()[0], [b"gr\xfcn", b"wei\xdf"] * 15
    assert refused(tmp_path / "a.h5", **ARRAYS) == "y has a text that is not UTF-8: b'gr\\xfcn'"


def test_a_text_of_parquet_that_is_not_utf_8_is_refused_with_its_column(tmp_path):
    kind = pyarrow.array([b"gr\xfcn", b"wei\xdf"] * 15).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"a": [1.0] * 30, "kind": kind}), tmp_path / "a.parquet")
    said = refused(tmp_path / "a.parquet", **FRAMES, input=["a"])
    assert said == "kind has a text that is not UTF-8: b'gr\\xfcn'"


@pytest.mark.parametrize(("sign", "told"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_columns_parted_by_something_else_than_commas_are_told(tmp_path, sign, told):
    features().to_csv(tmp_path / "a.csv", index=False, sep=sign)
    said = refused(tmp_path / "a.csv", **FRAMES, input=["a"])
    assert said.startswith("there is no 'a'; there are a")
    assert said.endswith(f": its columns are parted by {told}, expected commas")


def test_a_text_of_several_lines_is_one_entry(tmp_path):
    table = features().assign(kind=["one\nline", "two"] * 15)
    table.to_csv(tmp_path / "a.csv", index=False)
    data = own(tmp_path / "a.csv", **FRAMES, input=["a", "b"]).read()
    assert reading_of(data).classes == ("one\nline", "two")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,2,3", "row 7 has 3 columns, expected 4: 1,2,3"),
        ("1,2,3,0,5", "row 7 has 5 columns, expected 4: 1,2,3,0,5"),
    ],
)
def test_a_line_of_too_many_columns_or_too_few_is_told_with_its_row(tmp_path, line, said):
    lines = features().to_csv(index=False).splitlines()
    lines[7] = line
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert refused(tmp_path / "a.csv", **FRAMES, input=["a"]) == said


def test_a_number_with_a_fraction_may_come_after_a_million_whole_ones(tmp_path):
    lines = ["7,1,0"] * 1_000_000 + [f"{i / 8},{i},{i % 2}" for i in range(1, 30)]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,kind", *lines]))
    table = read_columns(tmp_path / "a.csv", ["a"], ["kind"], ["kind"])
    assert table.columns["a"][[0, 1_000_000]].tolist() == [7, 1 / 8]


def test_a_quotation_mark_that_swallows_the_rest_is_refused(tmp_path):
    lines = features().to_csv(index=False).splitlines()
    lines[20] += '"'
    lines[20] = ",".join([*lines[20].split(",")[:3], '"1'])
    (tmp_path / "a.csv").write_text("\n".join(lines))
    said = refused(tmp_path / "a.csv", **FRAMES, input=["a", "b"])
    assert said == "a quotation mark is opened and never closed"


# --- HDF5 ------------------------------------------------------------------------------------------


def save(path, **extra):
    x, y = arrays()
    with h5py.File(path, "w") as file:
        file["raw/x"], file["raw/y"] = x, y
        for name, link in extra.items():
            file[name] = link
    return path


@pytest.mark.parametrize("link", [h5py.SoftLink, lambda way: h5py.ExternalLink("other.h5", way)])
@pytest.mark.parametrize("names", [("x", "y"), ("all/x", "all/y")])
def test_a_link_is_followed(tmp_path, link, names):
    save(tmp_path / "other.h5")
    path = save(tmp_path / "a.h5", x=link("/raw/x"), y=link("/raw/y"), all=link("/raw"))
    linked, plain = (
        own(path, **{**FRAMES, "input": [x], "target": [y]}).read()
        for x, y in (names, ("raw/x", "raw/y"))
    )
    for split in linked.splits:
        for key, array in plain.splits[split].items():
            np.testing.assert_array_equal(linked.splits[split][key], array)


def test_a_pattern_follows_links_and_a_ring_of_them_ends(tmp_path):
    x, y = arrays()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw/0"], file["raw/1"], file["kind"] = x[:, 0, 0], x[:, 1, 0], y
        file["raw/round"] = h5py.SoftLink("/")
        file["steps"] = h5py.SoftLink("/raw")
    data = own(tmp_path / "a.h5", **FRAMES, input=["steps/*"]).read()
    assert set(data.splits["train"]["lengths"]) == {2}  # "round" leads back to where it began


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (h5py.SoftLink("/raw/z"), "x is a link to /raw/z, which is not there"),
        (
            h5py.ExternalLink("gone.h5", "/x"),
            "x is a link to /x in the file gone.h5, which cannot be read there",
        ),
        (
            h5py.ExternalLink("a.h5", "/gone"),
            "x is a link to /gone in the file a.h5, which cannot be read there",
        ),
        (h5py.SoftLink("/x"), "x is a link to /x, which is not there"),
    ],
)
@pytest.mark.parametrize("wanted", ["x", "x*"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, link, said, wanted):
    path = save(tmp_path / "a.h5", x=link, y=h5py.SoftLink("/raw/y"))
    assert refused(path, **{**ARRAYS, "input": [wanted]}) == said


def test_what_is_missing_among_thousands_is_told_with_the_nearest(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["y"] = arrays()[1]
        for i in range(3000):
            file[f"scans/{i:04}/heat"] = [1.0]
    said = refused(tmp_path / "a.h5", **{**ARRAYS, "input": ["scans/0017/heet"]})
    assert said.startswith(
        "there is no 'scans/0017/heet'; of 3,001 names the nearest are scans/0017/heat, "
    )
    assert len(said) < 250


@pytest.mark.parametrize(
    ("harm", "said"), [("gone", "is not there"), ("cut", "is shorter than it was")]
)
def test_numbers_in_a_file_of_their_own_are_refused_without_all_of_it(tmp_path, harm, said):
    x, y = arrays()
    parts = [("one.bin", 8, x.nbytes // 2), ("two.bin", 0, h5py.h5f.UNLIMITED)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        where = [(str(tmp_path / name), start, size) for name, start, size in parts]
        file.create_dataset("x", x.shape, x.dtype, external=where)[...] = x
        file["y"] = y
    assert counts(own(tmp_path / "a.h5", **ARRAYS).read()) == 30
    last = tmp_path / "two.bin"
    if harm == "gone":
        last.unlink()
    else:
        last.write_bytes(last.read_bytes()[:-1])
    assert (
        refused(tmp_path / "a.h5", **ARRAYS)
        == f"x has its numbers in the file {last}, which {said}"
    )


@pytest.mark.parametrize("harm", ["file", "dataset", "shape", "uncovered", "content"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_virtual_dataset_without_its_source_is_refused(tmp_path, harm, deep):
    x, y = arrays()
    layout = h5py.VirtualLayout(x.shape, x.dtype)
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = x
    covered = 20 if harm == "uncovered" else 30
    layout[:covered] = h5py.VirtualSource(tmp_path / "part.h5", "x", x.shape)[:covered]
    above = h5py.VirtualLayout(x.shape, x.dtype)
    above[:] = h5py.VirtualSource(".", "lower", x.shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("lower" if deep else "x", layout)
        if deep:
            file.create_virtual_dataset("x", above)
        file["y"] = y
    if harm != "uncovered":
        assert counts(own(tmp_path / "a.h5", **ARRAYS).read()) == 30
    if harm == "file":
        (tmp_path / "part.h5").unlink()
    elif harm == "content":
        (tmp_path / "part.h5").write_text("no HDF5")
    elif harm in ("dataset", "shape"):
        with h5py.File(tmp_path / "part.h5", "w") as file:
            file["z" if harm == "dataset" else "x"] = x[:7]
    said = refused(tmp_path / "a.h5", **ARRAYS)
    source, name = "source x", "lower" if deep else "x"
    assert said.startswith(
        f"{name} is a virtual dataset of which 100 of 300 entries have no source"
        if harm == "uncovered"
        else f"{name} is a virtual dataset, whose {source}"
    )


@pytest.mark.parametrize("role", ["sequence", "group", "split", "target"])
def test_a_pattern_is_for_the_input_alone(tmp_path, role):
    features().to_csv(tmp_path / "a.csv", index=False)
    named = {role: ["*"] if role == "target" else "*"}
    said = refused(tmp_path / "a.csv", **{**FRAMES, "input": ["a", "b"], **named})
    assert said == "there is no '*'; a name with * is for the input alone"

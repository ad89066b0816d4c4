"""What the entries of one's own columns are: constants, identifiers, times, offsets, missing ones."""

from __future__ import annotations

import datetime
import warnings
from decimal import Decimal

import h5py
import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from support.own_files import FRAMES, counts, own, reading_of, refused

from gp_cells.tasks import DataError
from gp_cells.tasks.examples import mean_and_deviation, never_varies, standardise
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.times import order_of

SEQUENCES = {**FRAMES, "sequence": "who"}


def steps(count=30, length=4, **columns):
    """A table of sequences, a row a step; `heat` tells cold from warm, other columns are as given."""
    rows = count * length
    who = np.repeat([f"s{i:02}" for i in range(count)], length)
    kind = np.repeat(["cold", "warm"] * (count // 2), length)
    heat = np.random.default_rng(0).normal(size=rows).round(3) + 3 * (kind == "warm")
    part = np.repeat([SPLITS[i // 2 % 3] for i in range(count)], length)
    return pd.DataFrame({"who": who, "heat": heat, "kind": kind, "part": part} | columns)


def write(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        columns = {name: table[name].to_numpy() for name in table}
        plain = {n: c.astype(str) if c.dtype == object else c for n, c in columns.items()}
        if path.suffix == ".npz":
            np.savez(path, **plain)
        else:
            with h5py.File(path, "w") as file:
                for name, column in columns.items():
                    file[name] = column.tolist() if column.dtype.kind in "OU" else column
    return path


# --- what never varies -----------------------------------------------------------------------------


@given(st.floats(-1e15, 1e15, allow_subnormal=False), st.integers(2, 3000))
def test_a_constant_becomes_0_whatever_it_is_and_however_often(value, count):
    column = np.full((count, 1), value)
    mean, deviation = mean_and_deviation(column, (0,))
    assert (mean.item(), deviation.item()) == (value, 1)
    assert not standardise(column, mean, deviation).any()


@given(st.integers(1, 9999), st.integers(50, 500))
def test_what_varies_by_rounding_alone_is_a_constant(hundredths, count):
    value = hundredths / 100
    noise = np.where(np.arange(count) % 2, value, value * 3 / 3 * (1 + 2.0**-52))
    mean, deviation = mean_and_deviation(noise[:, None], (0,))
    assert deviation.item() == 1
    assert np.abs(standardise(noise[:, None], mean, deviation)).max() < 1e-9


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.uint8])
def test_a_constant_of_any_type_becomes_0(kind):
    column = np.full((1000, 2, 3), 7.1).astype(kind)
    assert not standardise(column, *mean_and_deviation(column, (0,))).any()


def test_what_varies_little_beside_a_large_offset_is_no_constant():
    column = 1.7e12 + np.arange(1000.0)[:, None] * 20
    _, deviation = mean_and_deviation(column, (0,))
    assert deviation.item() == pytest.approx(20 * np.arange(1000.0).std())


@pytest.mark.parametrize(("size", "shown"), [(1e308, r"1e\+308"), (1e-310, "1e-310")])
def test_numbers_that_float64_has_no_deviation_for_are_refused(size, shown):
    column = np.array([[1.0, -size], [2.0, size]] * 9)
    with pytest.raises(DataError, match=f"^number 2 of 2: from -{shown} to {shown} is too far or"):
        mean_and_deviation(column, (0,))


@pytest.mark.parametrize(
    ("kind", "places", "constant"),
    [
        (np.float64, 15, True),
        (np.float64, 40, False),
        (np.float32, 1, True),
        (np.float32, 3, False),
        (np.float16, 1, False),
    ],
)
def test_how_many_last_places_are_rounding_hangs_on_the_type(kind, places, constant):
    column = np.array([[1], [1 + places * np.finfo(kind).eps]], kind)
    assert never_varies(column, (0,)).item() == constant


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".h5", ".npz"])
def test_a_constant_column_is_0_in_every_split(tmp_path, suffix):
    path = write(steps(dose=0.1), tmp_path / f"a{suffix}")
    data = own(path, **SEQUENCES, input=["dose", "heat"]).read()
    for split in SPLITS:
        assert not data.splits[split]["steps"][:, 0].any()
    assert data.splits["train"]["steps"][:, 1].std() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("value", [0.1, 0.29, 1.5, 7, 1e9 + 0.1])
def test_a_target_that_never_varies_in_training_is_refused(tmp_path, value):
    path = write(steps(score=value), tmp_path / "a.csv")
    settings = {**SEQUENCES, "targets": "numbers", "target": ["score"], "input": ["heat"]}
    assert refused(path, **settings) == "the target is the same number in all of train"


def test_one_of_two_targets_that_never_varies_is_refused(tmp_path):
    table = steps(length=1, score=0.1, other=np.arange(30.0))
    settings = {"inputs": "frames", "input": ["heat"], "sequence": "who", "targets": "numbers"}
    path = write(table, tmp_path / "a.csv")
    said = refused(path, **settings, target=["other", "score"])
    assert said == "the target is the same number in all of train"


def test_images_of_one_grey_are_0(tmp_path):
    images = np.random.default_rng(0).normal(size=(30, 2, 4, 4))
    images[:, 1] = 0.1
    np.savez(tmp_path / "a.npz", x=images, kind=np.arange(30) % 2)
    task = own(tmp_path / "a.npz", **{**FRAMES, "inputs": "images"}, input=["x"])
    (batch,) = task.batches({**task.read().splits["valid"]}, None)
    assert not batch.inputs[:, 1].any()


# --- offsets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
@pytest.mark.parametrize("offset", [1_700_000_000_000, -5_000_000_000])
def test_a_large_offset_changes_no_standardised_number(tmp_path, suffix, offset):
    stamp = np.arange(120) * 20
    settings = {**SEQUENCES, "input": ["stamp", "heat"], "split": "part"}
    one = own(write(steps(stamp=stamp), tmp_path / f"a{suffix}"), **settings).read()
    other = own(write(steps(stamp=stamp + offset), tmp_path / f"b{suffix}"), **settings).read()
    for split in SPLITS:
        np.testing.assert_allclose(
            one.splits[split]["steps"], other.splits[split]["steps"], atol=1e-6
        )
    assert np.abs(other.splits["train"]["steps"].mean(0, np.float64)).max() < 1e-6


def test_targets_and_images_of_a_large_offset_keep_their_precision(tmp_path):
    small = np.random.default_rng(0).normal(size=(60, 1, 3, 3)).round(2)
    part = [SPLITS[i % 3] for i in range(60)]
    read = []
    for name, offset in (("a", 0), ("b", 1e9)):
        np.savez(
            tmp_path / f"{name}.npz", x=small + offset, y=small[:, 0, 0, 0] + offset, part=part
        )
        settings = {"inputs": "images", "input": ["x"], "targets": "numbers", "target": ["y"]}
        task = own(tmp_path / f"{name}.npz", **settings, split="part")
        read += [next(iter(task.batches(task.read().splits["train"], None)))]
    np.testing.assert_allclose(read[0].inputs, read[1].inputs, atol=1e-6)
    np.testing.assert_allclose(read[0].targets, read[1].targets, atol=1e-6)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".h5"])
@pytest.mark.parametrize("role", ["input", "target"])
def test_whole_numbers_that_float64_takes_for_one_are_refused(tmp_path, suffix, role):
    small = np.repeat(np.arange(30), 4) * 20
    table = steps(nanoseconds=small + 1_700_000_000_000_000_000)
    settings = {**SEQUENCES, "input": ["heat"]}
    if role == "target":
        settings |= {"targets": "numbers"}
    said = refused(write(table, tmp_path / f"a{suffix}"), **settings | {role: ["nanoseconds"]})
    assert said.startswith(
        "nanoseconds is 1700000000000000000 in row 1 and 1700000000000000020 in row 5, which are one "
        "number in float64; "
    )
    table["nanoseconds"] = small * 1000 + 1_700_000_000_000_000_000
    settings["target"] = ["kind"] if role == "input" else ["nanoseconds"]
    assert counts(own(write(table, tmp_path / f"b{suffix}"), **settings).read()) == 30


def test_a_number_so_large_that_rows_cannot_be_counted_by_it_warns_of_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = steps(big=np.random.default_rng(0).choice([1e308, -1e308], 120))
        said = refused(write(table, tmp_path / "a.csv"), **SEQUENCES, input=["big*"])
    assert "use another unit" in said


# --- identifiers -----------------------------------------------------------------------------------


def test_ids_that_differ_in_their_zeros_are_sequences_of_their_own(tmp_path):
    who = np.repeat([f"{'0' * (i % 3)}{i // 3 + 1}" for i in range(30)], 4)
    data = own(write(steps(who=who), tmp_path / "a.csv"), **SEQUENCES, input=["heat"]).read()
    assert counts(data) == 30


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".h5"])
def test_ids_above_the_range_of_int64_keep_their_digits(tmp_path, suffix):
    who = np.repeat(np.arange(30, dtype=np.uint64) + np.uint64(17 * 10**18), 4)
    path = write(steps(who=who), tmp_path / f"a{suffix}")
    assert counts(own(path, **SEQUENCES, input=["heat"]).read()) == 30


def test_ids_of_more_digits_than_any_number_type_keep_them(tmp_path):
    who = np.repeat([f"{10**40 + i}" for i in range(30)], 4)
    path = write(steps(who=who), tmp_path / "a.csv")
    assert counts(own(path, **SEQUENCES, input=["heat"]).read()) == 30


def test_decimals_of_a_parquet_file_keep_their_digits(tmp_path):
    who = [Decimal(17 * 10**18 + i // 4) for i in range(120)]
    path = tmp_path / "a.parquet"
    steps(who=who).to_parquet(path)
    assert counts(own(path, **SEQUENCES, input=["heat"]).read()) == 30


def test_whole_doubles_are_the_ids_that_whole_numbers_are(tmp_path):
    person = np.repeat(np.arange(10), 12)
    settings = {**SEQUENCES, "input": ["heat"], "group": "person"}
    homes = []
    for name, kind in (("a.parquet", float), ("b.parquet", int), ("c.csv", int)):
        data = own(write(steps(person=person.astype(kind)), tmp_path / name), **settings).read()
        homes.append([data.splits[split]["targets"].tolist() for split in SPLITS])
    assert homes[0] == homes[1] == homes[2]


def test_doubles_too_large_to_keep_their_digits_are_no_ids(tmp_path):
    who = np.repeat(17e18 + 4096 * np.arange(30.0), 4)
    said = refused(write(steps(who=who), tmp_path / "a.npz"), **SEQUENCES, input=["heat"])
    assert said.startswith("who is 1.7e+19 in row 1, too large for float64 to keep its digits")


@pytest.mark.parametrize(
    ("kind", "first"), [(np.float64, 2**53), (np.float32, 2**24), (np.float16, 2**11)]
)
@pytest.mark.parametrize("role", ["sequence", "symbols"])
def test_a_number_that_its_neighbour_is_rounded_to_is_no_id(tmp_path, kind, first, role):
    table = steps(code=np.repeat(np.arange(first, first + 30).astype(kind), 4))
    settings = {"sequence": "code", "input": ["heat"]}
    if role == "symbols":
        settings = {"sequence": "who", "input": ["code"], "inputs": "symbols"}
    said = refused(write(table, tmp_path / "a.npz"), **FRAMES | settings)
    assert said.startswith(
        f"code is {kind(first)} in row 1, too large for {np.dtype(kind)} to keep"
    )


def test_groups_that_differ_in_their_zeros_are_two(tmp_path):
    person = np.repeat(["1", "01", "001"] * 10, 4)
    part = np.repeat(["train", "valid", "test"] * 10, 4)
    path = write(steps(person=person, part=part), tmp_path / "a.csv")
    data = own(path, **SEQUENCES, input=["heat"], group="person", split="part").read()
    assert counts(data) == 30


def test_classes_that_differ_in_their_zeros_are_two_and_sorted_as_numbers(tmp_path):
    kind = np.repeat(["10", "9", "09"] * 10, 4)
    data = own(write(steps(kind=kind), tmp_path / "a.csv"), **SEQUENCES, input=["heat"]).read()
    assert reading_of(data).classes == ("09", "9", "10")


def test_words_of_digits_are_texts_with_all_their_letters(tmp_path):
    words = [f"{i:b}".zfill(3 + i % 5) for i in range(40)]
    table = pd.DataFrame({"word": words, "kind": [word.count("1") % 2 for word in words]})
    path = write(table, tmp_path / "a.csv")
    data = own(path, **{**FRAMES, "inputs": "symbols"}, input=["word"]).read()
    assert data.form.features == 3  # 0, 1 and the unknown one
    lengths = np.concatenate([data.splits[split]["lengths"] for split in SPLITS])
    assert sorted(lengths) == sorted(map(len, words))


@pytest.mark.parametrize(
    ("symbols", "table"),
    [(["1", "01", "001"], ("001", "01", "1")), (["10", "9", "8"], ("8", "9", "10"))],
)
def test_symbols_a_row_a_step_are_texts_unless_all_are_whole_numbers(tmp_path, symbols, table):
    code = np.random.default_rng(0).choice(symbols, 30 * 7)
    path = write(steps(length=7, code=code), tmp_path / "a.csv")
    data = own(path, **{**SEQUENCES, "inputs": "symbols"}, input=["code"]).read()
    assert reading_of(data).symbols == (None, *table)


@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
@pytest.mark.parametrize(
    ("other", "table"),
    [
        (["a", "b"], ("0", "1", "2", "a", "b")),
        (np.array([7, 8], np.uint64), ("0", "1", "2", "7", "8")),
        (np.array([2**63, 2**63 + 1], np.uint64), ("0", "1", "2", str(2**63), str(2**63 + 1))),
    ],
)
def test_symbols_of_columns_of_several_types_stay_what_they_are(tmp_path, suffix, other, table):
    rows = np.arange(210)
    columns = {"code": rows % 3, "mark": np.resize(other, 210), "number": rows + 1000}
    path = write(steps(length=7, **columns), tmp_path / f"a{suffix}")
    data = own(path, **FRAMES | {"inputs": "symbols"}, input=list(columns)).read()
    numbers = set(map(str, columns["number"]))
    assert tuple(s for s in reading_of(data).symbols if s not in numbers) == (None, *table)
    assert counts(data) == 210


def test_classes_of_more_digits_than_a_double_has_are_whole_numbers(tmp_path):
    kind = np.repeat(["1" + "0" * 400, "2" + "0" * 400] * 15, 4)
    data = own(write(steps(kind=kind), tmp_path / "a.csv"), **SEQUENCES, input=["heat"]).read()
    assert reading_of(data).classes == (kind[0], kind[4])


def test_a_long_text_is_cut_where_it_is_refused(tmp_path):
    for column, settings in (
        ("heat", {}),
        ("kind", {"targets": "numbers"}),
        ("at", {"time": "at"}),
    ):
        table = steps(at=np.arange(120)).astype({column: object})
        table.loc[7, column] = "x" * 5000
        table["kind"] = table["kind"] if column == "kind" else "cold"
        said = refused(write(table, tmp_path / "a.csv"), **SEQUENCES | settings, input=["heat"])
        assert len(said) < 300


def test_dates_and_truths_may_be_classes_in_every_format(tmp_path):
    days = [datetime.date(2024, 2, 1), datetime.date(2024, 3, 1)]
    dates = np.repeat(np.array(days * 15, object), 4)
    for name, kind in (
        ("a.csv", dates.astype(str)),
        ("b.parquet", dates),
        ("c.npz", dates.astype("datetime64[ns]")),
    ):
        data = own(write(steps(kind=kind), tmp_path / name), **SEQUENCES, input=["heat"]).read()
        assert reading_of(data).classes == ("2024-02-01", "2024-03-01")
    path = write(steps(kind=np.repeat([True, False] * 15, 4)), tmp_path / "d.parquet")
    assert reading_of(own(path, **SEQUENCES, input=["heat"]).read()).classes == ("False", "True")


# --- times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "times",
    [
        ["9", "10", "11.5", "1e2"],
        ["-3", "0", "17", "18446744073709551617"],
        ["2024-01-31", "2024-02-01", "2024-11-05", "2025-01-01"],
        ["2024-01-31", "2024-01-31T00:00:01", "2024-01-31 02:00", "2024-01-31T02:00:00.000000001"],
        ["2024-01-31T10:00Z", "2024-01-31T08:30:00-02:00", "2024-01-31T11:00:00+00:00"],
        ["2024-03-31T23:59:59+01:00", "2024-03-31T23:00Z", "2024-04-01T01:00:01+0200"],
        ["9:05", "10:00", "10:00:00.5", "23:59"],
        ["12:05 AM", "1:00 am", "11:00 a.m.", "12:00 PM", "2:00 PM"],
    ],
)
def test_times_are_in_the_order_of_time(times):
    order = np.random.default_rng(1).permutation(len(times))
    told = order_of("at", np.array(times, object)[order])
    assert np.argsort(told).tolist() == np.argsort(order).tolist()


@pytest.mark.parametrize("time", ["2024-01-31T10:00:00+00:00", "2024-01-31T12:00:00+02:00"])
def test_one_moment_in_two_zones_is_one_time(time):
    told = order_of("at", np.array(["2024-01-31T10:00:00Z", time], object))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "text",
    ["25/01/2024", "t0", "01.02.2024", "Jan 5", "2024-13-01", "25:00", "13:00 PM", "", "1,5"],
)
def test_a_text_that_is_no_time_is_refused_with_its_row_and_what_is_read(text):
    with pytest.raises(DataError) as refusal:
        order_of("day", np.array([text, text], object))
    assert str(refusal.value).startswith(f"day is {text!r} in row 1, expected numbers, dates")
    assert "ISO 8601" in str(refusal.value) and "2:05 PM" in str(refusal.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2024-01-31T10:00", "2024-01-31T11:00Z"),
        ("13:00", "2:00 PM"),
        ("2024-01-31", "17"),
    ],
)
def test_times_of_two_kinds_are_refused_with_both_rows(one, other):
    with pytest.raises(
        DataError, match=r"in row 1 and '.*' in row 3: .* expected one kind of time"
    ):
        order_of("day", np.array([one, one, other], object))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".h5", ".npz"])
def test_steps_named_by_texts_that_are_no_times_are_refused_in_every_format(tmp_path, suffix):
    day = [f"{i % 4 + 20}/01/2024" for i in range(120)]
    path = write(steps(day=day), tmp_path / f"a{suffix}")
    said = refused(path, **SEQUENCES, input=["heat"], time="day")
    assert said.startswith("day is '20/01/2024' in row 1, expected numbers, dates and times as")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".h5", ".npz"])
@pytest.mark.parametrize(
    "clock", [["9:00", "10:00", "11:00", "12:00"], ["8", "9", "10", "11"], ["11 AM"]]
)
def test_texts_that_are_times_order_the_steps_in_every_format(tmp_path, suffix, clock):
    if len(clock) == 1:
        clock = ["11:00 AM", "12:00 PM", "1:00 PM", "2:00 PM"]
    heat = np.tile(np.arange(4.0), 30) + np.repeat(np.arange(30) / 10, 4)
    table = steps(heat=heat, at=clock * 30).sample(frac=1, random_state=0)
    path = write(table, tmp_path / f"a{suffix}")
    data = own(path, **SEQUENCES, input=["heat"], time="at").read()
    rising = np.diff(data.splits["train"]["steps"].reshape(-1, 4))
    assert (rising > 0).all()


def test_clock_times_of_a_parquet_file_are_read(tmp_path):
    at = [datetime.time(hour=9 + i % 4) for i in range(120)]
    path = tmp_path / "a.parquet"
    table = pyarrow.Table.from_pandas(steps(at=at).iloc[::-1], preserve_index=False)
    parquet.write_table(table, path)
    assert counts(own(path, **SEQUENCES, input=["heat"], time="at").read()) == 30


# --- what is missing -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".parquet", ".h5", ".npz"])
@pytest.mark.parametrize("role", ["sequence", "time", "group", "target", "input"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_missing_or_infinite_number_is_refused_with_its_row(tmp_path, suffix, role, value):
    odd = np.arange(120) // 4 * 1.0
    odd[6] = value
    path = write(steps(odd=odd, at=np.arange(120)), tmp_path / f"a{suffix}")
    settings = {**SEQUENCES, "input": ["heat"], "time": "at"}
    named = {**settings, role: ["odd"] if role in ("target", "input") else "odd"}
    said = refused(path, **named)
    assert said in (
        f"odd is {value} in row 7, expected finite numbers",
        "odd has no value in row 7",
    )


@pytest.mark.parametrize("role", ["sequence", "time", "group", "target", "split", "input"])
@pytest.mark.parametrize("value", ["", "NaN"])
def test_a_missing_entry_of_csv_is_refused_with_its_row(tmp_path, role, value):
    odd = [str(i // 4) for i in range(120)]
    odd[6] = value
    path = write(steps(odd=odd, at=np.arange(120)), tmp_path / "a.csv")
    settings = {**SEQUENCES, "input": ["heat"], "time": "at"}
    said = refused(path, **{**settings, role: ["odd"] if role in ("target", "input") else "odd"})
    assert said.startswith(("odd has no value in row 7", f"odd is {value!r} in row 7"))


def test_a_time_that_is_not_a_time_is_refused_with_its_row(tmp_path):
    at = np.arange("2024-01-01", "2024-04-30", dtype="datetime64[D]")[:120]
    at = np.append(at, at[-1:])[:120].astype("datetime64[ns]")
    at[4] = "NaT"
    path = write(steps(at=at), tmp_path / "a.npz")
    assert refused(path, **SEQUENCES, input=["heat"], time="at") == (
        "at is NaT in row 5, expected times"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("-", "heat is '-' in row 5, expected a number"),
        ("1,5", "heat is '1,5' in row 5, expected a number; write 1.5, not 1,5"),
        ("inf", "heat is inf in row 5, expected finite numbers"),
        ("NA", "heat has no value in row 5"),
        ("2024-01-31", "heat is '2024-01-31' in row 5, expected a number"),
    ],
)
def test_what_is_no_number_is_told_with_its_row(tmp_path, value, said):
    table = steps()
    table["heat"] = table.heat.astype(str).where(table.index != 4, value)
    assert refused(write(table, tmp_path / "a.csv"), **SEQUENCES, input=["heat"]) == said


# --- axes ------------------------------------------------------------------------------------------


def test_arrays_of_more_features_than_steps_are_asked_about(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 3, 500))
    np.savez(tmp_path / "a.npz", x=x, kind=np.arange(30) % 2)
    said = refused(tmp_path / "a.npz", **FRAMES, input=["x"])
    assert said == (
        "arrays of shape (3, 500): 3 steps of 500 features? write the time first, or, if it is, set "
        "features: 500"
    )
    data = own(tmp_path / "a.npz", **FRAMES, input=["x"], features=500).read()
    assert data.form.features == 500
    said = refused(tmp_path / "a.npz", **FRAMES, input=["x"], features=3)
    assert said == "arrays of shape (3, 500), expected (time, 3)"

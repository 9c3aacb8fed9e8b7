"""Data sets: what is written by others' rules is read as it was, and what is damaged is named, file and byte."""

import gzip
import re
import struct

import numpy as np
import pytest
from PIL import Image

from ghostnp.training.data import list_data, load_data
from ghostnp.training.image_files import read_cifar, read_idx

RNG = np.random.default_rng(0)
IMAGES = {half: RNG.integers(0, 256, (count, 28, 28), np.uint8) for half, count in (("train", 7), ("t10k", 3))}
LABELS = {half: RNG.integers(0, 10, len(images), np.uint8) for half, images in IMAGES.items()}


def idx(array):
    """An idx file by its published rule, https://yann.lecun.com/exdb/mnist/."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder, *, packed=False, joint="-"):
    for half in ("train", "t10k"):
        for name, array in ((f"{half}-images{joint}idx3-ubyte", IMAGES[half]),
                            (f"{half}-labels{joint}idx1-ubyte", LABELS[half])):  # fmt: skip
            (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return folder


def write_cifar(folder):
    records = {}
    for name in [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]:
        images, labels = RNG.integers(0, 256, (2, 3, 32, 32), np.uint8), RNG.integers(0, 10, (2, 1), np.uint8)
        (folder / name).write_bytes(np.concatenate([labels, images.reshape(2, -1)], axis=1).tobytes())
        records[name] = images, labels[:, 0]
    return records


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("how", [{}, {"packed": True}, {"joint": "."}])
def test_idx_files_are_read_as_they_were_written(tmp_path, name, how):
    data = load_data(name, folder=write_mnist(tmp_path, **how))
    for part, half in ((data.train, "train"), (data.test, "t10k")):
        assert part.images.dtype == np.float32
        np.testing.assert_array_equal(part.images * 255, IMAGES[half][:, None])
        np.testing.assert_array_equal(part.labels, LABELS[half])
    assert len(data.classes) == 10
    assert str(data).startswith(f"{name}: 7 images of 1x28x28 to train on, 3 to test with")


def test_cifar_is_read_as_it_was_written(tmp_path):
    records = write_cifar(tmp_path)
    data = load_data("cifar10", folder=str(tmp_path))
    np.testing.assert_array_equal(data.test.images * 255, records["test_batch.bin"][0])
    np.testing.assert_array_equal(data.train.images[4:6] * 255, records["data_batch_3.bin"][0])
    np.testing.assert_array_equal(data.train.labels[8:], records["data_batch_5.bin"][1])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cut", [0, 3, 4, 9, 15, 16, 800, 5503])
def test_a_truncated_idx_file_names_itself_and_the_byte(tmp_path, cut, packed):
    path = write_mnist(tmp_path, packed=packed) / ("train-images-idx3-ubyte" + ".gz" * packed)
    whole = idx(IMAGES["train"])
    assert cut < len(whole)
    path.write_bytes(gzip.compress(whole[:cut]) if packed else whole[:cut])
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: it ends at byte {cut:,}: .* the rule is"):
        load_data("mnist", folder=tmp_path)


def test_a_truncated_gzip_names_itself(tmp_path):
    path = write_mnist(tmp_path, packed=True) / "train-images-idx3-ubyte.gz"
    for cut in (5, 30, 2000):
        path.write_bytes(gzip.compress(idx(IMAGES["train"]))[:cut])
        with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: what gzip packed into it is broken after byte"):
            load_data("mnist", folder=tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, 1, "byte 0 is 1: the rule of an idx file"),
        (2, 13, "byte 2 is 13: the rule of an idx file"),
        (3, 1, "byte 3 is 1: the rule of an idx file"),
        (4, 255, "from byte 4 on it says that its shape is"),
        (7, 8, "it ends at byte 5,504"),
        (7, 6, "it goes on at byte 4,720"),
    ],
)
def test_a_corrupt_idx_file_names_itself_and_the_byte(tmp_path, place, value, words):
    path = write_mnist(tmp_path) / "train-images-idx3-ubyte"
    contents = bytearray(path.read_bytes())
    contents[place] = value
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: {words}"):
        load_data("mnist", folder=tmp_path)


def test_labels_that_are_none_or_too_few_are_named(tmp_path):
    path = write_mnist(tmp_path) / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx(np.array([1, 10, 2], np.uint8)))
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: byte 9 is the label 10: the rule is 0 to 9"):
        load_data("mnist", folder=tmp_path)
    path.write_bytes(idx(np.array([1, 2], np.uint8)))
    with pytest.raises(ValueError, match=r"it says that it has 2 labels, and .* has 3 images"):
        load_data("mnist", folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda contents: contents[:-1], r"it ends at byte 6,145, inside image 1: the rule is 3073 bytes an image"),
        (lambda contents: b"", r"it ends at byte 0, inside image 0"),
        (lambda contents: contents[:3073] + b"\x0b" + contents[3074:], r"byte 3,073 is the label 11: the rule is 0"),
        (lambda contents: contents * 5001, r"it goes on at byte 30,730,000: the rule is at most 10,000 images"),
    ],
)
def test_a_damaged_cifar_file_names_itself_and_the_byte(tmp_path, change, words):
    write_cifar(tmp_path)
    path = tmp_path / "data_batch_2.bin"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: {words}"):
        load_data("cifar10", folder=tmp_path)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no train-images-idx3-ubyte in"):
        load_data("mnist", folder=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no data_batch_1\.bin in"):
        load_data("cifar10", folder=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"folder='.*nowhere': there is no such folder"):
        load_data("mnist", folder=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="folder is None: the rule for mnist is the folder of its files"):
        load_data("mnist")
    with pytest.raises(ValueError, match="digits is in no folder"):
        load_data("digits", folder=tmp_path)
    with pytest.raises(ValueError, match=r"name='minst': the rule is one of list_data.*: mnist"):
        load_data("minst")
    with pytest.raises(TypeError, match="folder=3: the rule is the path of a folder"):
        load_data("mnist", folder=3)


def write_pictures(folder, count, seed=0):
    rng = np.random.default_rng(seed)
    for name, level in (("dark", 20), ("light", 220)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.uint8(level + rng.integers(0, 20, (9, 12, 3)))
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def test_a_folder_of_images_by_class(tmp_path):
    write_pictures(tmp_path, 5)
    (tmp_path / "dark" / "notes.txt").write_text("no image\n")
    data = load_data("folder", folder=tmp_path, size=6)
    assert data.classes == ("dark", "light")
    assert (len(data.train.labels), len(data.test.labels), data.shape) == (8, 2, (3, 6, 6))
    for part in (data.train, data.test):
        np.testing.assert_array_equal(part.images.mean(axis=(1, 2, 3)) > 0.5, part.labels == 1)


def test_a_folder_that_says_itself_what_to_test_with(tmp_path):
    write_pictures(tmp_path / "train", 3)
    write_pictures(tmp_path / "test", 2, seed=1)
    data = load_data("folder", folder=tmp_path, size=4)
    assert (len(data.train.labels), len(data.test.labels)) == (6, 4)
    (tmp_path / "test" / "grey").mkdir()
    with pytest.raises(ValueError, match="grey is in one of train and test"):
        load_data("folder", folder=tmp_path)


def test_a_damaged_image_and_an_empty_class_are_named(tmp_path):
    write_pictures(tmp_path, 2)
    path = tmp_path / "light" / "1.png"
    whole = path.read_bytes()
    for contents in (whole[: len(whole) // 2], whole[:20], b"", b"no image"):
        path.write_bytes(contents)
        with pytest.raises(ValueError, match=f"{re.escape(str(path))} is no image that can be read"):
            load_data("folder", folder=tmp_path)
    path.write_bytes(whole)
    (tmp_path / "void").mkdir()
    with pytest.raises(ValueError, match="void has no image: the rule is one or more"):
        load_data("folder", folder=tmp_path)


def test_far_pixels_say_the_label_together_and_neither_alone():
    data = load_data("far-pixels", seed=3)
    for part in (data.train, data.test):
        left = part.images[:, 0, :, 0], part.images[:, 0, :, -1]
        first, last = (np.sign(column[np.arange(len(column)), np.abs(column).argmax(axis=1)]) for column in left)
        np.testing.assert_array_equal(part.labels, first == last)
        assert abs(np.corrcoef(first, part.labels)[0, 1]) < 0.1


def test_mixed_groups_need_the_first_and_the_last_channel():
    part = load_data("mixed-groups", seed=1).train
    means = part.images.mean(axis=(2, 3))
    np.testing.assert_array_equal(part.labels, np.sign(means[:, 0]) == np.sign(means[:, -1]))
    assert np.abs([np.corrcoef(means[:, c], part.labels)[0, 1] for c in range(24)]).max() < 0.1


def test_a_global_statistic_needs_the_whole_image():
    part = load_data("global-statistic", seed=1).train
    images = part.images[:, 0]
    flat = images.reshape(len(images), -1)
    spot = np.sign(flat[np.arange(len(flat)), np.abs(flat).argmax(axis=1)])
    rest = np.where(np.abs(images) < 1, images, 0)
    assert (part.labels == (spot == np.sign(rest.sum(axis=(1, 2))))).mean() > 0.99
    assert (part.labels == (spot == np.sign(rest[:, :3, :3].sum(axis=(1, 2))))).mean() < 0.85


@pytest.mark.parametrize("name", list_data()[:4])
def test_a_seed_draws_as_before_and_another_does_not(name):
    once, again, other = (load_data(name, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(once.train.images, again.train.images)
    assert not np.array_equal(once.train.images, other.train.images)
    assert 0.4 * 2 / len(once.classes) < np.bincount(once.train.labels).min() / len(once.train.labels)


def test_readers_of_single_files_refuse_what_is_no_file(tmp_path):
    for read in (lambda path: read_idx(path, 3), read_cifar):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nowhere")
        with pytest.raises(IsADirectoryError):
            read(tmp_path)
        with pytest.raises(TypeError, match="path is of type int"):
            read(3)

"""Data sets that others wrote down: idx files (MNIST, Fashion-MNIST), CIFAR-10's binary version, folders of images.

None of these is a program, as a pickle is; even so a file is believed only as far as it fits what it says of itself. An
error names the file and the byte, counted from 0 and, in a file packed by gzip, in what is inside.

    idx        00 00 08 d   then d lengths of four bytes, the highest first, then one byte a number; d is 1 for labels
    CIFAR-10   one byte that is the label, then 32x32 bytes of red, of green and of blue; and so on 10,000 times
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from ghostnp.files import check_path, open_file
from ghostnp.ops.checks import integer, shown
from ghostnp.training.dataset import DataSet, Part, dealt

_MOST = 2**31  # bytes of one file's numbers: MNIST has 47 million
_WHITE = np.float32(255)
_UNSIGNED_BYTES = 8  # idx's own name of the kind of number that images and labels are
_CIFAR_SIDE, _CIFAR_IMAGES = 32, 10_000
_CIFAR_RECORD = 1 + 3 * _CIFAR_SIDE**2
_CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}
_EVERY = 5  # where a folder does not say what to test with, one image in so many is held out


def read_idx(path, axes):
    """The numbers of an idx file of unsigned bytes.

    Parameters
    ----------
    path : str or Path
        Of the file; one that ends in .gz is unpacked on the way.
    axes : int
        How many axes it should have: 1 for labels, 3 for images.

    Returns
    -------
    ndarray of uint8

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is something else, is cut off or goes on too long; the error names the file and the byte.
    """
    check_path(path)
    axes, path = integer("axes", axes, 1), Path(path)
    with open_file(path) as raw:
        is_packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if is_packed else raw
        head = _next(path, file, 0, 4, "an idx file begins with four bytes that say what is in it")
        if head != bytes([0, 0, _UNSIGNED_BYTES, axes]):
            place = next(i for i in range(4) if head[i] != (0, 0, _UNSIGNED_BYTES, axes)[i])
            raise ValueError(
                f"{path}: byte {place} is {head[place]}: the rule of an idx file of bytes with {axes} axes is "
                f"{(0, 0, _UNSIGNED_BYTES, axes)[place]}, such as in a file that begins with 00 00 08 0{axes}"
            )
        lengths = _next(path, file, 4, 4 * axes, f"{axes} lengths of four bytes follow the first four")
        shape = tuple(np.frombuffer(lengths, ">u4").tolist())
        if 0 in shape or math.prod(shape) > _MOST:
            raise ValueError(
                f"{path}: from byte 4 on it says that its shape is {shape}: the rule is 1 to {_MOST:,} numbers, as in "
                f"{(10_000, 28, 28)[:axes]}"
            )
        start = 4 + 4 * axes
        numbers = _next(path, file, start, math.prod(shape), f"a shape of {shape} takes {math.prod(shape):,} bytes")
        if _some(path, file, start + len(numbers), 1):
            raise ValueError(
                f"{path}: it goes on at byte {start + len(numbers):,}, where its shape of {shape} ends: the rule is a "
                f"file of {start + len(numbers):,} bytes"
            )
    return np.frombuffer(numbers, np.uint8).reshape(shape)


def load_idx(name, folder, classes):
    """A data set of four idx files: images and labels to train on (``train-…``) and to test with (``t10k-…``).

    Parameters
    ----------
    name : str
        What it is called.
    folder : str or Path
        Where the files are, packed by gzip or not: ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, and
        both with ``t10k`` in front.
    classes : sequence of str
        What the labels mean.

    Returns
    -------
    DataSet
    """
    folder = _folder(folder)
    parts = []
    for half in ("train", "t10k"):
        images_path = _present(folder, f"{half}-images", "idx3-ubyte")
        labels_path = _present(folder, f"{half}-labels", "idx1-ubyte")
        images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
        if len(images) != len(labels):
            raise ValueError(
                f"{labels_path}: from byte 4 on it says that it has {len(labels):,} labels, and {images_path} has "
                f"{len(images):,} images: the rule is one label for each image"
            )
        _check_labels(labels_path, labels, len(classes), lambda place: 8 + place)
        parts.append(Part(images[:, None] / _WHITE, labels.astype(np.int64)))
    train, test = parts
    return DataSet(name, train, test, tuple(classes))


def read_cifar(path):
    """Images (N, 3, 32, 32) of uint8 and labels of a file of CIFAR-10's binary version; errors as in `read_idx`."""
    check_path(path)
    path = Path(path)
    with open_file(path) as file:
        contents = file.read(_CIFAR_RECORD * _CIFAR_IMAGES + 1)
    whole, rest = divmod(len(contents), _CIFAR_RECORD)
    if rest or not whole:
        raise ValueError(
            f"{path}: it ends at byte {len(contents):,}, inside image {whole}: the rule is {_CIFAR_RECORD} bytes an "
            f"image, such as {_CIFAR_RECORD * max(whole, 1):,} bytes"
            if len(contents) <= _CIFAR_RECORD * _CIFAR_IMAGES
            else f"{path}: it goes on at byte {len(contents) - 1:,}: the rule is at most {_CIFAR_IMAGES:,} images of "
            f"{_CIFAR_RECORD} bytes"
        )
    records = np.frombuffer(contents, np.uint8).reshape(whole, _CIFAR_RECORD)
    _check_labels(path, records[:, 0], len(_CIFAR_CLASSES), lambda place: _CIFAR_RECORD * place)
    return records[:, 1:].reshape(whole, 3, _CIFAR_SIDE, _CIFAR_SIDE), records[:, 0]


def load_cifar(folder):
    """CIFAR-10 from the folder of its binary version: ``data_batch_1.bin`` to ``data_batch_5.bin``, ``test_batch.bin``.

    Parameters
    ----------
    folder : str or Path
        Usually ``cifar-10-batches-bin``.

    Returns
    -------
    DataSet
    """
    folder, parts = _folder(folder), []
    for names in ([f"data_batch_{number}.bin" for number in range(1, 6)], ["test_batch.bin"]):
        images, labels = zip(*(read_cifar(_present(folder, name)) for name in names), strict=True)
        scaled = np.concatenate([part / _WHITE for part in images])
        parts.append(Part(scaled, np.concatenate(labels).astype(np.int64)))
    train, test = parts
    return DataSet("cifar10", train, test, tuple(_CIFAR_CLASSES))


def load_folder(folder, *, size=32, seed=0):
    """A folder of images by class: a folder for each class, whose name is the class, with its images inside.

    Parameters
    ----------
    folder : str or Path
        If it has the folders ``train`` and ``test``, each with the same classes, these are what their names say.
        Otherwise the classes are in it directly, and one image in five is held out.
    size : int, default 32
        Height and width: of each image the largest square in its middle, shrunk or enlarged.
    seed : int, default 0
        Of the holding out.

    Returns
    -------
    DataSet
        Images in red, green and blue.

    Raises
    ------
    OSError
        If there is no such folder.
    ValueError
        If an image cannot be read, or a class has none; the error names the file.
    """
    folder, size = _folder(folder), integer("size", size, 1)
    halves = [folder / "train", folder / "test"]
    if all(half.is_dir() for half in halves):
        classes = _classes(halves[0])
        if (others := _classes(halves[1])) != classes:
            odd = sorted(set(classes) ^ set(others))
            raise ValueError(f"{folder}: {odd[0]} is in one of train and test: the rule is the same classes in both")
        train, test = (_pictures(half, classes, size) for half in halves)
    else:
        classes = _classes(folder)
        everything = _pictures(folder, classes, size)
        train, test = dealt(everything, max(len(everything.labels) // _EVERY, 1), seed)
    return DataSet("folder", train, test, tuple(classes))


def _folder(folder):
    if not isinstance(folder, str | Path):
        raise TypeError(f"folder={shown(folder)}: the rule is the path of a folder, such as 'data/mnist'")
    folder = Path(folder)
    if "\0" in str(folder) or not folder.is_dir():
        raise FileNotFoundError(f"folder={shown(str(folder))}: there is no such folder: the rule is one that exists")
    return folder


def _present(folder, *words):
    """The file whose name is these words, joined as one or another site has them."""
    names = dict.fromkeys(joint.join(words) + ending for joint in "-." for ending in ("", ".gz"))
    found = [folder / name for name in names if (folder / name).exists()]
    if not found:
        raise FileNotFoundError(f"no {next(iter(names))} in {folder}: the rule is that file, as its authors give it")
    return found[0]


def _some(path, file, start, count):
    """Up to so many bytes; gzip's own errors name the file and about where in it they are."""
    try:
        return file.read(count)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path}: what gzip packed into it is broken after byte {start:,} ({error}): the rule is a complete file"
        ) from None


def _next(path, file, start, count, why):
    """The next so many bytes."""
    found = _some(path, file, start, count)
    if len(found) < count:
        raise ValueError(
            f"{path}: it ends at byte {start + len(found):,}: {why}, so the rule is {start + count:,} bytes or more"
        )
    return found


def _check_labels(path, labels, classes, place):
    wrong = np.flatnonzero(labels >= classes)
    if wrong.size:
        raise ValueError(
            f"{path}: byte {place(int(wrong[0])):,} is the label {labels[wrong[0]]}: the rule is 0 to {classes - 1}"
        )


def _classes(folder):
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(classes) < 2:
        raise ValueError(
            f"{folder} has {len(classes)} folders: the rule is a folder for each of two classes or more, such as "
            f"{folder / 'cat'} and {folder / 'dog'}"
        )
    return classes


def _pictures(folder, classes, size):
    from PIL import Image

    from ghostnp.photo import read_colours

    def cut(image):
        side = min(image.size)
        left, top = ((length - side) / 2 for length in image.size)
        box = (left, top, left + side, top + side)
        return image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)

    images, labels = [], []
    for label, name in enumerate(classes):
        paths = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in _PICTURES)
        if not paths:
            raise ValueError(
                f"{folder / name} has no image: the rule is one or more, such as {folder / name / '1.png'}"
            )
        images += [read_colours(path, cut).transpose(2, 0, 1) for path in paths]
        labels += [label] * len(paths)
    return Part(np.ascontiguousarray(np.stack(images), np.float32), np.array(labels, np.int64))

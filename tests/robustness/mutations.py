"""Files of every kind that ghostnp reads, damaged in every way: each is read, or refused in words, and nothing else.

A short form runs with the other tests. For the long form, the first so many mutations of each kind, and how they ended:

    python -m tests.robustness.mutations 10000
"""

import io
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image

from ghostnp.classify import evaluation_photo
from ghostnp.course.grader.rubric import read_rubric
from ghostnp.course.notebooks import read_script
from ghostnp.course.worksheets import grade_answers, numbered, plan, read_key, to_json_key
from ghostnp.course.worksheets.roster import read_roster
from ghostnp.kernels.runtime.cache import _Files
from ghostnp.modules import BatchNorm2d, Conv2d, Sequential
from ghostnp.photo import PhotoError, load_photo
from ghostnp.training import digits
from ghostnp.weights import load_weights, save_weights


class Kind(NamedTuple):
    """Good files, by their names; what reads one; and the one exception that may come of another."""

    seeds: dict[str, bytes]
    read: Callable
    refuses: type[Exception]


def mutation(seed, rng):
    """`seed` with bytes flipped, changed, cut out, repeated, moved or put in; or its beginning; or anything at all."""
    data = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        # Headers stand at the beginning, and zips are read from the end.
        size = max(len(data), 1)
        place = rng.choice([rng.randint(0, 64), rng.randint(-64, -1), rng.randrange(size)]) % size
        length = rng.randint(1, 16)
        match rng.choice(["flip", "set", "number", "cut", "repeat", "insert", "end", "any"]):
            case "flip" if data:
                data[place] ^= 1 << rng.randint(0, 7)
            case "set" if data:
                data[place] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, 10, 34, 44])
            case "number":
                size = rng.choice([2, 4, 8])
                number = rng.choice([0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1])
                data[place : place + size] = number.to_bytes(size, rng.choice(["little", "big"]))
            case "cut":
                del data[place : place + length]
            case "repeat":
                data[place:place] = data[place : place + length] * rng.randint(1, 4)
            case "insert":
                data[place:place] = rng.randbytes(length)
            case "end":
                del data[place:]
            case "any":
                data[place : place + length] = rng.randbytes(length)
    return bytes(data)


def model():
    """A small network with everything that a state may hold."""
    return Sequential(Conv2d(2, 3, 1), BatchNorm2d(3))


def _weights():
    seeds, folder = {}, Path(tempfile.mkdtemp())
    for suffix in ("safetensors", "npz"):
        save_weights(folder / f"w.{suffix}", model().state_dict())
        seeds[f"w.{suffix}"] = (folder / f"w.{suffix}").read_bytes()
    packed = io.BytesIO()
    np.savez_compressed(packed, **model().state_dict(), half=np.ones(5, np.float16))
    return seeds | {"packed.npz": packed.getvalue()}


def _read_weights(path):
    assert all(array.dtype.kind in "fi" for array in load_weights(path).values())


def _read_fitting_weights(path):
    target = model()
    target.load_state_dict(load_weights(path, model=target))


def _photos():
    grey = np.add.outer(np.arange(9), np.arange(7)).astype(np.uint8) * 16
    colours = Image.fromarray(np.stack([grey, grey.T[:7].repeat(9, 0)[:9, :7], 255 - grey], axis=2))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "jpg": colours, "png": colours, "webp": colours, "avif": colours, "tif": colours, "bmp": colours,
        "ppm": colours, "tga": colours, "sgi": colours, "jp2": colours, "gif": colours, "ico": colours,
        "dds": colours, "pcx": colours, "mpo": colours, "qoi": colours, "icns": colours, "blp": colours.quantize(),
        "spider": Image.fromarray(grey).convert("F"), "msp": Image.new("1", (16, 16)),
        "16.png": Image.fromarray(grey * np.uint16(257)),
    }  # fmt: skip
    seeds = {}
    Image.init()
    for suffix, image in kinds.items():
        form = {"spider": "SPIDER"}.get(suffix, Image.EXTENSION.get(f".{suffix.split('.')[-1]}"))
        if form not in Image.SAVE:
            continue  # this Pillow was built without
        file = io.BytesIO()
        image.save(file, form, **({"exif": exif} if suffix in ("jpg", "png", "webp", "avif", "tif") else {}))
        seeds[f"photo.{suffix}"] = file.getvalue()
    return seeds


def _read_photo(path):
    for x in (load_photo(path, size=8), evaluation_photo(path)):
        assert np.isfinite(x).all()


def _read_roster(path):
    assert all(student.id and student.name for student in read_roster(path))


_PLAN = plan(("grouped", "conventions"), 4, 3)
_JSON_KEY = to_json_key(_PLAN, [_PLAN.paper(student) for student in numbered(3)]).encode()
_ANSWERS = "id,name,Q1,Q2,Q3,Q4\nvariant 1,,A,1,2,B\n,variant 2,C,51456,31.85,\nÉmilie,,A,1,2,B\n".encode()
_RUBRIC = b"""
[points]
relu = 10
linear = 2.5
[partial]
definition = 0.5
laws = 0.5
[laws.relu]
'stays finite' = 3
"""


def _read_key(path):
    for _, questions in read_key(path).papers.values():
        for question in questions:
            assert not question.grade("A" if question.options else "0.5").right or question.points >= 0


def _read_answers(path):
    key = path.with_name("key.json")
    key.write_bytes(_JSON_KEY)
    found = grade_answers(path, read_key(key))
    handed_in = {each.student.id for each in (*found.papers, *found.ungraded) if each.student is not None}
    assert len(handed_in) + len(found.absent) == 3
    assert len({paper.student.id for paper in found.papers}) == len(found.papers)
    assert found.papers or found.ungraded
    assert len(found.statistics()) == 4


def _read_rubric(path):
    rubric = read_rubric(path)
    for name, points in rubric.points.items():
        assert abs(sum(rubric.parts(name).values()) - points) <= 1e-9 * points


_DATA = Path(digits.__file__).with_name("digits.npz").read_bytes()


def _read_data(path):
    images, labels = digits.read(path)
    assert images.shape == (1797, 8, 8)
    assert set(labels) == set(range(10))


_KEY, _KEPT = (("signature",), ("processor",), ("code", "closure")), {"machine code": bytes(range(256)) * 20}


def _cached():
    with tempfile.TemporaryDirectory() as folder:
        _Files(folder, "kernel").save(_KEY, _KEPT)
        (file,) = Path(folder).iterdir()
        return {file.name: file.read_bytes()}


def _read_cached(path):
    assert _Files(path.parent, "kernel").load(_KEY) in (None, _KEPT)


class NoError(Exception):
    """Of a compiled kernel no exception may come."""


def kinds():
    """All kinds of files, by name."""
    script = b"# %% [markdown]\n# # Title\n\n# %%\nimport numpy as np\nprint(np.ones(3))\n"
    roster = 'id,name\n17,Ada Lovelace\n18,"Turing, Alan"\nÉmilie\n'.encode()
    answers = {"answers.csv": _ANSWERS, "tabs.csv": _ANSWERS.replace(b",", b"\t")}
    found = {
        "weights": Kind(_weights(), _read_weights, ValueError),
        "weights of a model": Kind(_weights(), _read_fitting_weights, ValueError),
        "data": Kind({"digits.npz": _DATA}, _read_data, ValueError),
        "photos": Kind(_photos(), _read_photo, PhotoError),
        "rosters": Kind({"roster.csv": roster, "marked.csv": b"\xef\xbb\xbf" + roster}, _read_roster, ValueError),
        "keys": Kind({"key.json": _JSON_KEY}, _read_key, ValueError),
        "answers": Kind(answers, _read_answers, ValueError),
        "rubrics": Kind({"rubric.toml": _RUBRIC}, _read_rubric, ValueError),
        "compiled kernels": Kind(_cached(), _read_cached, NoError),
    }
    if find_spec("jupytext"):
        found["scripts of notebooks"] = Kind({"01.py": script}, read_script, ValueError)
    return found


def mutate(kind, number, folder):
    """Read the mutation of a kind that has this number: "read" or "refused", as it ended."""
    rng = Random(number)
    name = rng.choice(sorted(kind.seeds))
    path = Path(folder) / name
    path.write_bytes(mutation(kind.seeds[name], rng))
    try:
        kind.read(path)
    except kind.refuses as error:
        return "refused" if str(error) else "refused without a word"
    return "read"


def main(examples):
    """The long form."""
    total: Counter[str] = Counter()
    for name, kind in kinds().items():
        with tempfile.TemporaryDirectory() as folder:
            ended = Counter(mutate(kind, number, folder) for number in range(examples))
        total += ended
        print(f"{name}: {ended.total():,} mutations, {ended['read']:,} read, {ended['refused']:,} refused", flush=True)
    print(f"in all: {total.total():,} mutations, {total['read']:,} read, {total['refused']:,} refused, none otherwise")


if __name__ == "__main__":
    main(int(sys.argv[1]))

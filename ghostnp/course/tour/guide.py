"""The guided tour: every lesson is run on a photo by both backends, shown in the terminal and written to a page."""

import os
import platform
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console
from rich.table import Table

import ghostnp
from ghostnp.backend import use_backend
from ghostnp.course.explorer import explorer_page
from ghostnp.course.explorer.offers import OFFERS
from ghostnp.course.tour.lesson import Lesson, Picture, Seen
from ghostnp.course.tour.lessons import LESSONS
from ghostnp.course.tour.two_backends import Comparison, compare_backends
from ghostnp.course.tour.whole_network import network_lesson
from ghostnp.graph.counting import Count, count
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures.maps import input_channels

PAGE = "index.html"
EXPLORER = "explore.html"
# Beyond so many operators with weights, a table shows the totals alone.
LONGEST_TABLE = 12
# Plain zlib does nearly as well on these pictures at its fastest, in a third of the time.
PNG = {"pil_kwargs": {"compress_level": 2}}


@dataclass(frozen=True)
class Chapter:
    """What became of a lesson: all that the page and the terminal show."""

    lesson: Lesson
    seen: Seen
    cost: Count
    remarks: list[str]
    pictures: list[Picture]

    @property
    def comparison(self):
        """What both backends gave."""
        return self.seen.comparison

    @property
    def rows(self):
        """Operators that cost something, or all if none does; nothing where they are too many to be read."""
        rows = [row for row in self.cost.rows if row.params or row.macs] or list(self.cost.rows)
        return rows if len(rows) <= LONGEST_TABLE else []


def tour(output, *, image=None, size=224, lessons=None, definitions=None, kernels=None, console=None):
    """Run all lessons, print what they show, and write pictures and a page.

    Parameters
    ----------
    output : str or Path
        Folder to write into; made if it is missing. Only the tour's own files in it are replaced.
    image : str or Path, optional
        The photo; by default the bundled portrait of Grace Hopper.
    size : int, default 224
        Pixels to which the photo is brought, at least 64.
    lessons : sequence of Lesson, optional
        By default `LESSONS` and GhostNet 1.0x.
    definitions, kernels : module or object, optional
        The backends that are compared; by default `ghostnp.ops` and `ghostnp.kernels`.
    console : rich.console.Console, optional
        Where to print.

    Returns
    -------
    list of str
        One line for each place where the backends disagree: empty if all is well.

    Raises
    ------
    PhotoError
        If the photo cannot be read.
    OSError
        If the folder cannot be written.
    """
    console = Console(highlight=False) if console is None else console
    definitions = ghostnp.ops if definitions is None else definitions
    lessons = (*LESSONS, network_lesson("ghostnet_100")) if lessons is None else lessons
    x = load_photo(image, size=size)
    with _fresh_files(Path(output)) as folder:
        kernels = ghostnp.kernels if kernels is None else kernels
        console.print(f"ghostnp {ghostnp.__version__}: a tour in {len(lessons)} steps.")
        console.print(
            "Kernels are compiled once, when they are first called: the very first tour takes half a minute longer."
        )
        shelf = {"photo": x, "colours": denormalise(x)}
        opening = Picture("photo", "", input_channels(shelf["colours"], x))
        written = _Gallery(folder)
        written.add(opening)
        chapters = []
        for number, lesson in enumerate(lessons, 1):
            console.print(f"\n[bold]{number}/{len(lessons)} {lesson.title}[/bold]")
            with console.status("forward and backward, on definitions and kernels ..."):
                chapter = _teach(lesson, shelf, definitions, kernels)
                for picture in chapter.pictures:
                    written.add(picture)
            _print(console, chapter)
            chapters.append(chapter)
        disagreements = [line for chapter in chapters for line in _disagreements(chapter)]
        (folder / EXPLORER).write_text(explorer_page(), encoding="utf-8")
        _write_page(folder / PAGE, chapters, written.files, disagreements)
    folder = Path(output).resolve()
    console.print(f"\nPictures, a page that explains them ({PAGE}) and one to play with ({EXPLORER}) are in here:")
    console.print(str(folder), style="bold", soft_wrap=True, markup=False)
    return disagreements


def _teach(lesson, shelf, definitions, kernels):
    module, x = lesson.build(shelf)
    cost = count(module, x.shape)
    comparison = compare_backends(module, x, lesson.gradient_of, definitions, kernels, training=lesson.training)
    seen = Seen(shelf, module, x, comparison)
    shelf[lesson.name] = seen.y
    with use_backend(kernels):
        return Chapter(lesson, seen, cost, list(lesson.remarks(seen)), list(lesson.draw(seen)))


# What is said of a chapter, in the terminal and on the page alike


def shape(array_or_shape):
    """``1×3×224×224``."""
    return "×".join(map(str, getattr(array_or_shape, "shape", array_or_shape)))


def milliseconds(passed):
    """Forward and backward time of a pass."""
    return f"{passed.forward_ms:.1f} + {passed.backward_ms:.1f}"


def verdict(comparison: Comparison):
    """One sentence on whether the backends agree."""
    worst = comparison.worst
    if comparison.agrees:
        return f"agree: output and gradients, largest difference {worst.share:.1g}, allowed {worst.tolerance:.1e}"
    return f"DISAGREE: {worst.name} is off by {worst.share:.1e}, allowed {worst.tolerance:.1e}"


def _disagreements(chapter):
    return [
        f"{chapter.lesson.title}: {d.name} is off by {d.share:.1e}, allowed {d.tolerance:.1e}"
        for d in chapter.comparison.differences
        if not d.agrees
    ]


def _print(console, chapter):
    seen, passes = chapter.seen, chapter.comparison
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for header in ("operator", "output", "parameters", "multiply-adds"):
        table.add_column(header, overflow="fold", no_wrap=header == "operator")
    for row in chapter.rows:
        table.add_row(row.op, shape(row.output), row.params.working, row.macs.working)
    if len(chapter.rows) != 1:
        table.add_row("in all", shape(seen.y), f"{chapter.cost.params:,}", f"{chapter.cost.macs:,}", style="bold")
    console.print(f"{shape(seen.x)} -> {shape(seen.y)}, gradient back to {shape(passes.kernel.dx)}")
    console.print(table)
    console.print(
        f"ms forward + backward: definitions {milliseconds(passes.definition)}, kernels {milliseconds(passes.kernel)}"
    )
    console.print(verdict(passes), style="green" if passes.agrees else "bold red")
    for remark in chapter.remarks:
        console.print(remark)


# Files


class _Gallery:
    """Numbers pictures in the order in which they come, and writes them."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}

    def add(self, picture):
        file = f"{len(self.files) + 1:02d}-{picture.name}.png"
        picture.figure.savefig(self.folder / file, **PNG)
        self.files[picture.name] = file


@contextmanager
def _fresh_files(output):
    """A folder to write to; when all has gone well its files move to `output`, the page last."""
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    try:
        # Inside `output`, since moving a file is only all-or-nothing within one file system.
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=output) as folder:
            yield Path(folder)
            for file in sorted(Path(folder).iterdir(), key=lambda file: (file.name == PAGE, file.name)):
                os.replace(file, output / file.name)
    finally:
        # Nothing arrived, so something went wrong: a folder that was not there before is not left behind.
        if is_new and not any(output.iterdir()):
            output.rmdir()


def _write_page(path, chapters, files, disagreements):
    environment = Environment(
        loader=PackageLoader("ghostnp.course", "tour"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shape": shape, "milliseconds": milliseconds, "verdict": verdict}
    machine = f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} processors"
    html = environment.get_template("page.html.j2").render(
        chapters=chapters,
        files=files,
        disagreements=disagreements,
        version=ghostnp.__version__,
        machine=machine,
        explorer=EXPLORER,
        playable={offer.name for offer in OFFERS},
    )
    path.write_text(html, encoding="utf-8")

"""What a lesson of the tour is: a module to run, and what to say and show of what came out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ghostnp.course.tour.two_backends import Comparison

SEED = 0


class Picture(NamedTuple):
    """A figure, the name of its file and what is to be seen in it."""

    name: str
    caption: str
    figure: Any


class Seen(NamedTuple):
    """What a lesson's pictures and remarks are made of: the module that ran, on what, and what came out."""

    shelf: dict[str, np.ndarray]
    module: Any
    x: np.ndarray
    comparison: Comparison

    @property
    def y(self):
        """The output, by the kernels."""
        return self.comparison.kernel.y


def random_gradient(y):
    """A gradient for `y` in which every number takes part."""
    return np.random.default_rng(SEED).standard_normal(y.shape, y.dtype)


def _nothing(seen):
    return iter(())


@dataclass(frozen=True)
class Lesson:
    """One stop of the tour.

    Parameters
    ----------
    name, title, text : str
        For files, headings and people.
    build : callable
        Takes the shelf; gives the module and its input.
    draw : callable
        Takes a `Seen`; yields `Picture`.
    remarks : callable
        Takes a `Seen`; yields sentences with figures measured on the spot.
    gradient_of : callable
        Takes the output; gives the gradient that goes backward.
    training : bool
        As in `Module.forward`. Single layers run as in inference, where a fresh batch norm changes nothing.
    """

    name: str
    title: str
    text: str
    build: Callable
    draw: Callable[[Seen], Iterator[Picture]]
    remarks: Callable[[Seen], Iterator[str]] = _nothing
    gradient_of: Callable = random_gradient
    training: bool = False

"""A plan: what was folded, where each result lives, and how much memory that takes."""

from collections import Counter
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from ghostnp.graph.engine.explanation import explanation
from ghostnp.graph.engine.fold import fold
from ghostnp.graph.engine.homes import homes_of, nbytes, views
from ghostnp.graph.engine.packing import Life
from ghostnp.graph.engine.replay import Replay
from ghostnp.graph.recording import Token, record


class PlannedMemory(NamedTuple):
    """Bytes for the input and all results.

    Parameters
    ----------
    planned : int
        In the homes of the plan.
    let_go : int
        At most at one time, if each result has an array of its own that is let go once it is read for the last time.
    kept : int
        In all, if these arrays are kept.
    """

    planned: int
    let_go: int
    kept: int


class Plan:
    """How an engine runs a model on inputs of one shape: print it.

    Parameters
    ----------
    model : Module
        What is run.
    shape : tuple of int
        Of x.
    dtype : dtype
        Of x.
    memo : dict
        As in `fold`.

    Attributes
    ----------
    name : str
        Of the model's class.
    recorded, tape : Tape
        The calls of the model, and what is left of them.
    homes : Homes
        Where the values of `tape` live.
    """

    def __init__(self, model, shape, dtype, memo):
        self.name = type(model).__name__
        self.recorded = record(model, Token(shape, dtype))
        self.tape = fold(self.recorded, memo)
        self.homes = homes_of(self.tape)

    @cached_property
    def work(self):
        """Of what each step consists, as in `Replay`; its launches are not bound."""
        return Replay(self.tape, self.homes, bind=False).work

    @cached_property
    def memory(self):
        """Bytes, a `PlannedMemory`."""
        steps, last = self.recorded.steps, self.recorded.last_reads()
        lives = {number: Life(-1, last.get(number, -1)) for number in range(self.recorded.inputs)}
        for place, step in enumerate(steps):
            lives |= {number: Life(place, last.get(number, place)) for number in step.results}
        bases = {view.value: view.base for step in steps for view in views(step, self.recorded.values)}
        return planned_memory(self.recorded.values, lives, bases, self.homes.size)

    def __str__(self):
        """All of it, a line for each step."""
        return explanation(self)


def planned_memory(values, lives, bases, planned):
    """The `PlannedMemory` of values, given their lives and, for each that is a view, what it looks at."""
    owner: dict[int, int] = {}
    arrays: dict[int, Life] = {}
    for number in sorted(lives):
        owner[number] = owner[bases[number]] if number in bases else number
        life = arrays.get(owner[number], lives[number])
        arrays[owner[number]] = Life(life.birth, max(life.death, lives[number].death))
    grows = Counter[int]()
    for number, life in arrays.items():
        grows[life.birth] += nbytes(values[number])
        grows[life.death + 1] -= nbytes(values[number])
    alive = accumulate(grows[place] for place in sorted(grows))
    return PlannedMemory(planned, max(alive, default=0), sum(nbytes(values[number]) for number in arrays))

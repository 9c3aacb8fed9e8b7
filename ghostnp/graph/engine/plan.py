"""A plan: what was folded, where each result lives, and how much memory that takes."""

from functools import cached_property
from typing import NamedTuple

from ghostnp.graph.engine.explanation import explanation
from ghostnp.graph.engine.fold import fold
from ghostnp.graph.engine.homes import Homes, nbytes, views
from ghostnp.graph.engine.packing import Life
from ghostnp.graph.engine.replay import Replay
from ghostnp.graph.tape import Token, record


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
        self.homes = Homes(self.tape)

    @cached_property
    def work(self):
        """Of what each step consists, as in `Replay`; its launches are not bound, and say their shares alone."""
        return Replay(self.tape, self.homes, bind=False).work

    @cached_property
    def memory(self):
        """Bytes, a `PlannedMemory`."""
        values, last = self.recorded.values, self.recorded.last_reads()
        owner = {number: number for number in range(len(values))}  # of a view, whose array it is
        lives = {number: Life(-1, last.get(number, -1)) for number in range(self.recorded.inputs)}
        for place, step in enumerate(self.recorded.steps):
            owner |= {view: owner[base] for view, base, _ in views(step, values)}
            for number in step.results:
                life = lives.setdefault(owner[number], Life(place, place))
                lives[owner[number]] = Life(life.birth, max(life.death, last.get(number, place)))
        alive = [
            sum(nbytes(values[number]) for number, life in lives.items() if life.birth <= place <= life.death)
            for place in range(-1, len(self.recorded.steps))
        ]
        return PlannedMemory(self.homes.size, max(alive), sum(nbytes(values[number]) for number in lives))

    def __str__(self):
        """All of it, a line for each step."""
        return explanation(self)

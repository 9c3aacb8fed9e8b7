"""Homes: where each result lives in one stretch of memory, so that nothing is copied that need not be.

In a kernel's memory channels are slowest and the batch is fastest, so a slice of channels is one run of bytes. What
only arranges other results then needs no memory of its own, and nothing to do:

    flatten, split     are views: they live in their input
    concat             its parts are written right into it
    add, relu, ...     may overwrite an operand that is not read again (those are in the vocabulary's rows), and so may
                       a convolution what it is added to

Values that live together form a block. They may, unless two of them would need one byte at one time for different
contents. A block has a size and a life, from the first write in it to the last read.
"""

import math
from typing import NamedTuple

from ghostnp.graph.engine.packing import Life, pack
from ghostnp.graph.tape import Result


class Piece(NamedTuple):
    """`size` bytes of a value, from its byte `at` on: those of what was computed as `source`, from `begin` on."""

    source: object
    begin: int
    at: int
    size: int


class Homes:
    """Where the values of a tape live.

    Parameters
    ----------
    tape : Tape
        Its steps in the order in which they will run.

    Attributes
    ----------
    start : dict of int to int
        First byte of each value that is read, by number.
    size : int
        Bytes in all.
    """

    def __init__(self, tape):
        self._values, self._nbytes = tape.values, [nbytes(value) for value in tape.values]
        self._lives, self._contents = _lives(tape), _contents(tape)
        self._blocks = {number: [number] for number in self._lives}
        self._places = {number: (number, 0) for number in self._lives}  # a block, and the first byte in it
        self._overwrites = dict.fromkeys(pair for step in tape.steps for pair in _overwrites(step, tape.values))
        for step in tape.steps:
            for view, base, at in views(step, tape.values):
                self._join(view, base, at)
        for step in tape.steps:
            for part, at, _ in parts(step, tape.values):
                if isinstance(part, Result):
                    self._join(part.number, step.results[0], at)
        for operand, result in self._overwrites:
            self._join(result, operand, 0)
        blocks = {
            block: (self._life(members), max(self._places[n][1] + self._nbytes[n] for n in members))
            for block, members in self._blocks.items()
        }
        starts, self.size = pack(blocks)
        self.start = {number: starts[block] + at for number, (block, at) in self._places.items()}

    def copied_parts(self, step):
        """As in `parts`, those parts of a concat that are not written right into it and have to be copied."""
        begin = self.start[step.results[0]]
        return [
            (x, at, size)
            for x, at, size in parts(step, self._values)
            if size and not (isinstance(x, Result) and self.start[x.number] == begin + at)
        ]

    def overwritten(self, step):
        """Numbers of the operands that a step overwrites."""
        pairs = _overwrites(step, self._values)
        return {operand for operand, result in pairs if self.start[operand] == self.start.get(result)}

    def _join(self, number, other, at):
        """Let a value live in the block of another, from that one's byte `at` on, with all who share its own block."""
        if number not in self._places or other not in self._places:
            return
        (moving, own), (staying, begin) = self._places[number], self._places[other]
        shift = begin + at - own
        if shift < 0:
            moving, staying, shift = staying, moving, -shift
        if moving == staying or any(
            self._collide(a, b, shift) for a in self._blocks[moving] for b in self._blocks[staying]
        ):
            return
        for member in self._blocks[moving]:
            self._places[member] = staying, self._places[member][1] + shift
        self._blocks[staying] += self._blocks.pop(moving)

    def _collide(self, a, b, shift):
        """Whether a, moved by so many bytes, would need a byte of b's while both live, for something else.

        A concat's part p and its whole y overlap and do not collide: where they overlap, y is made of p's own bytes,

            y   |- p: bytes 0-63 -|- q: bytes 0-63 -|          a piece of y's contents for each part
            p   |- p: bytes 0-63 -|                            the same source, and byte 0 at the same place

        and where a result overwrites its operand, the operand's life ends in the step in which the result's begins.
        """
        begin_a, begin_b = self._places[a][1] + shift, self._places[b][1]
        overlap = begin_a < begin_b + self._nbytes[b] and begin_b < begin_a + self._nbytes[a]
        if not overlap or not self._lives[a].meets(self._lives[b]):
            return False
        if begin_a == begin_b and any(
            self._lives[old].death == self._lives[new].birth
            for old, new in ((a, b), (b, a))
            if (old, new) in self._overwrites
        ):
            return False
        return any(
            begin_a + p.at < begin_b + q.at + q.size
            and begin_b + q.at < begin_a + p.at + p.size
            and (p.source, begin_a + p.at - p.begin) != (q.source, begin_b + q.at - q.begin)
            for p in self._contents[a]
            for q in self._contents[b]
        )

    def _life(self, numbers):
        return Life(min(self._lives[n].birth for n in numbers), max(self._lives[n].death for n in numbers))


def nbytes(value):
    """Bytes of an array, or of a token that stands for one."""
    return math.prod(value.shape) * value.dtype.itemsize


def views(step, values):
    """Results that are views: the number of each, that of what it looks at, and from which byte of it on."""
    base = step.arguments.get("x")
    if step.operator.is_view and isinstance(base, Result):
        at = 0
        for result in step.results:
            yield result, base.number, at
            at += nbytes(values[result])


def parts(step, values):
    """What a concat puts side by side: each `Result` or `Constant`, its first byte there, and how many bytes are kept.

    The last ones may be cut, as `keep` says.
    """
    if step.op == "concat":
        at, size = 0, nbytes(values[step.results[0]])
        for x in step.arguments["xs"]:
            whole = nbytes(values[x.number] if isinstance(x, Result) else x.array)
            yield x, at, max(0, min(whole, size - at))
            at += whole


def _overwrites(step, values):
    """Pairs of an operand and the result that may overwrite it: it must have as many numbers.

    What a convolution is added to it does not overwrite if that is also what it reads from all sides.
    """
    operands, result = [step.arguments[name] for name in step.operator.overwrites], step.results[0]
    if "onto" in step.arguments and step.arguments["onto"] != step.arguments["x"]:
        operands.append(step.arguments["onto"])
    for operand in operands:
        if isinstance(operand, Result) and values[operand.number].shape == values[result].shape:
            yield operand.number, result


def _lives(tape):
    """Life of each value that is read."""
    births = {number: place for place, step in enumerate(tape.steps) for number in step.results}
    return {number: Life(births.get(number, -1), death) for number, death in tape.last_reads().items()}


def _contents(tape):
    """What each value is made of: of itself, or of what it looks at or puts side by side."""
    contents = [[Piece(number, 0, 0, nbytes(value))] for number, value in enumerate(tape.values)]
    for step in tape.steps:
        for view, base, at in views(step, tape.values):
            contents[view] = _cut(contents[base], at, nbytes(tape.values[view]))
        if step.op == "concat":
            contents[step.results[0]] = [
                piece._replace(at=piece.at + at)
                for x, at, size in parts(step, tape.values)
                for piece in (_cut(contents[x.number], 0, size) if isinstance(x, Result) else [Piece(x, 0, 0, size)])
            ]
    return contents


def _cut(pieces, begin, size):
    """The pieces that lie in these bytes of a value, as seen from the first of these."""
    cut = []
    for piece in pieces:
        first, last = max(piece.at, begin), min(piece.at + piece.size, begin + size)
        if first < last:
            cut.append(Piece(piece.source, piece.begin + first - piece.at, first - begin, last - first))
    return cut

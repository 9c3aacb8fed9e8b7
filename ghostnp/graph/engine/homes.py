"""Homes: where each value lives in one stretch of memory, so that nothing is copied that need not be.

In a kernel's memory channels are slowest and the batch is fastest, so a slice of channels is one run of bytes. What
only arranges other results then needs no memory of its own, and nothing to do:

    flatten, split     are views: they live in their input
    concat             its parts are written right into it
    add, relu, ...     may overwrite an operand that is not read again (those are in the vocabulary's rows), and so may
                       a convolution what it is added to

Values that live together form a block. They may, unless two of them would need one byte at one time for different
contents. What a value needs of its block, it needs for its own life, from the first write to the last read.
"""

import math
from typing import NamedTuple

from ghostnp.graph.engine.packing import Life, Stretch, pack
from ghostnp.graph.tape import Constant, Result

# What puts its arguments side by side: which of its arguments is a sequence of them.
SIDE_BY_SIDE = {"concat": "xs", "split_backward": "dy"}


class View(NamedTuple):
    """A value looks at another one's memory, from its byte `at` on."""

    value: int
    base: int
    at: int


class Part(NamedTuple):
    """The first `size` bytes of a value, or of something else, stand in a `whole` from its byte `at` on."""

    value: object
    whole: int
    at: int
    size: int


class Over(NamedTuple):
    """A result may overwrite an operand, which has as many bytes."""

    operand: int
    result: int


class Piece(NamedTuple):
    """`size` bytes of a value, from its byte `at` on: those of what was computed as `source`, from `begin` on."""

    source: object
    begin: int
    at: int
    size: int


class Homes:
    """Where values live.

    Parameters
    ----------
    sizes : dict of int to int
        Bytes of each value, by number.
    lives : dict of int to Life
        Of those values that need a home.
    links : list of View, Part or Over
        How values belong together. Views always lie where they say; parts and results do where that is possible, the
        first ones first.

    Attributes
    ----------
    start : dict of int to int
        First byte of each value that has a home, by number.
    size : int
        Bytes in all.
    lives : dict of int to Life
    views : dict of int to View
        By number of the value that is one.
    """

    def __init__(self, sizes, lives, links):
        self._sizes, self.lives = sizes, lives
        self.views = {link.value: link for link in links if isinstance(link, View)}
        self._parts: dict[int, list[Part]] = {}
        for link in links:
            if isinstance(link, Part):
                self._parts.setdefault(link.whole, []).append(link)
        self._overwrites = dict.fromkeys(link for link in links if isinstance(link, Over))
        self._contents: dict[int, list[Piece]] = {}
        self._blocks = {number: [number] for number in lives}
        self._places = {number: (number, 0) for number in lives}  # a block, and the first byte in it
        for view in self.views.values():
            self._join(*view)
        for parts in self._parts.values():
            for part in parts:
                if isinstance(part.value, int):
                    self._join(part.value, part.whole, part.at)
        for operand, result in self._overwrites:
            self._join(result, operand, 0)
        blocks = {
            block: [Stretch(lives[n], self._places[n][1], sizes[n]) for n in members]
            for block, members in self._blocks.items()
        }
        starts, self.size = pack(blocks)
        self.start = {number: starts[block] + at for number, (block, at) in self._places.items()}

    def parts(self, whole):
        """The parts of a value that is made of others side by side, or looks at one that is."""
        return self._parts.get(self.views[whole].base if whole in self.views else whole, [])

    def overlaps(self, whole):
        """Whether a part that has to be copied into a whole lies where it, or another such part, is to go.

        Two concats that share parts may share their bytes as well. No driver copies from where it writes.
        """
        copied = [part for part in self.parts(whole) if part.size and not self.in_place(part)]
        places = [self.start[part.whole] + part.at for part in copied]
        return any(
            self.start[part.value] < place + other.size and place < self.start[part.value] + part.size
            for part in copied
            if part.value in self.start
            for other, place in zip(copied, places, strict=True)
        )

    def in_place(self, part):
        """Whether a part is written right into its whole, and need not be copied."""
        return part.value in self.start and self.start[part.value] == self.start[part.whole] + part.at

    def overwritten(self, result):
        """Numbers of the operands that a result overwrites."""
        start = self.start.get(result)
        return {
            over.operand for over in self._overwrites if over.result == result and self.start[over.operand] == start
        }

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
        overlap = begin_a < begin_b + self._sizes[b] and begin_b < begin_a + self._sizes[a]
        if not overlap or not self.lives[a].meets(self.lives[b]):
            return False
        if begin_a == begin_b and any(
            self.lives[old].death == self.lives[new].birth
            for old, new in ((a, b), (b, a))
            if (old, new) in self._overwrites
        ):
            return False
        return any(
            begin_a + p.at < begin_b + q.at + q.size
            and begin_b + q.at < begin_a + p.at + p.size
            and (p.source, begin_a + p.at - p.begin) != (q.source, begin_b + q.at - q.begin)
            for p in self._made_of(a)
            for q in self._made_of(b)
        )

    def _made_of(self, number):
        """What a value is made of: of itself, or of what it looks at or puts side by side."""
        if number not in self._contents:
            if number in self.views:
                view = self.views[number]
                pieces = _cut(self._made_of(view.base), view.at, self._sizes[number])
            elif number in self._parts:
                pieces = [
                    piece._replace(at=piece.at + part.at)
                    for part in self._parts[number]
                    for piece in _cut(self._part_made_of(part), 0, part.size)
                ]
            else:
                pieces = [Piece(number, 0, 0, self._sizes[number])]
            self._contents[number] = pieces
        return self._contents[number]

    def _part_made_of(self, part):
        return self._made_of(part.value) if isinstance(part.value, int) else [Piece(part, 0, 0, part.size)]


def homes_of(tape):
    """The `Homes` of a tape of inference.

    Parameters
    ----------
    tape : Tape
        Its steps in the order in which they will run.
    """
    values, births = tape.values, {number: place for place, step in enumerate(tape.steps) for number in step.results}
    lives = {number: Life(births.get(number, -1), death) for number, death in tape.last_reads().items()}
    links = [
        link
        for step in tape.steps
        for linked in (views(step, values), parts(step, values), overwrites(step, values))
        for link in linked
    ]
    return Homes({number: nbytes(value) for number, value in enumerate(values)}, lives, links)


def nbytes(value):
    """Bytes of an array, or of a token that stands for one."""
    return math.prod(value.shape) * value.dtype.itemsize


def views(step, values):
    """Results that are views of an argument."""
    base = step.arguments.get("x")
    if step.operator.is_view and not step.is_backward and isinstance(base, Result):
        at = 0
        for result in step.results:
            yield View(result, base.number, at)
            at += nbytes(values[result])


def parts(step, values):
    """What is put side by side. The last ones may be cut, as a concat's `keep` says."""
    if step.op in SIDE_BY_SIDE:
        whole, at = step.results[0], 0
        for x in step.arguments[SIDE_BY_SIDE[step.op]]:
            size = nbytes(x.array if isinstance(x, Constant) else values[x.number])
            kept = max(0, min(size, nbytes(values[whole]) - at))
            yield Part(x.number if isinstance(x, Result) else x, whole, at, kept)
            at += size


def overwrites(step, values):
    """Operands that the first result may overwrite: those that have as many numbers.

    What a convolution is added to it does not overwrite if that is also what it reads from all sides.
    """
    row, result = step.operator, step.results[0]
    names = ("dy",) * row.overwrites_dy if step.is_backward else row.overwrites
    operands = [step.arguments[name] for name in names]
    if "onto" in step.arguments and step.arguments["onto"] != step.arguments["x"]:
        operands.append(step.arguments["onto"])
    for operand in operands:
        if isinstance(operand, Result) and values[operand.number].shape == values[result].shape:
            yield Over(operand.number, result)


def _cut(pieces, begin, size):
    """The pieces that lie in these bytes of a value, as seen from the first of these."""
    cut = []
    for piece in pieces:
        first, last = max(piece.at, begin), min(piece.at + piece.size, begin + size)
        if first < last:
            cut.append(Piece(piece.source, piece.begin + first - piece.at, first - begin, last - first))
    return cut

"""Short ways to the project's counters: each gives a `Worked`, which remembers its formula."""

from functools import lru_cache

from ghostnp.graph.counting import count, count_operator
from ghostnp.modules import initializer
from ghostnp.ops.cost import Worked

# Parameters are the same on maps of any size, and any window fits on these.
_ANY_SIZE = 64


def _lines(operator, **keywords):
    """The counts of one operator, which the wrong answers to a question ask for again and again."""
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in keywords.items()}
    return _kept_lines(operator, **given)


@lru_cache(10_000, typed=True)  # True is a flag, and 1 is none
def _kept_lines(operator, **keywords):
    return count_operator(operator, **keywords).lines


def parameters(operator, **keywords):
    """Parameters of one operator (see `count_operator`)."""
    return _lines(operator, **{"size": _ANY_SIZE} | keywords)["parameters"]


def macs(operator, **keywords):
    """Multiply-adds of one operator."""
    return _lines(operator, **keywords)["MACs"]


def flops(operator, **keywords):
    """Floating-point operations of one operator, two for a multiply-add."""
    return _lines(operator, **keywords)["FLOPs"]


def biases(operator, **keywords):
    """Additions of a bias."""
    return _lines(operator, bias=True, **keywords)["other operations"]


def norm(channels):
    """Parameters of a batch norm."""
    return parameters("batch_norm", in_channels=channels)


def norm_operations(channels, size):
    """What a batch norm does to maps of `size` pixels in evaluation."""
    return _lines("batch_norm", in_channels=channels, size=size)["other operations"]


def one_row(sizes):
    """The same sizes with a kernel of k taps instead of k x k: the misconception "kernel not squared"."""
    return sizes | {"kernel_size": (sizes["kernel_size"], 1)}


def added(*counts):
    """Sum of counts, with all their formulas; those that count nothing are left out."""
    return Worked(" + ".join(each.formula for each in counts if each))


def times(factor, counted):
    """A multiple of a count."""
    return Worked(f"{factor}·({counted.formula})")


def table(build, shape):
    """Count of a module that `build` makes; its weights are not drawn."""
    with initializer(None):
        module = build()
    return count(module, shape)


def total(counted, measure, *ops):
    """Sum over the rows of a count, of these operators only if any are named."""
    return added(*(getattr(row, measure) for row in counted.rows if not ops or row.op in ops))

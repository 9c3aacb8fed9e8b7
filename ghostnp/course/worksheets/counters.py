"""Short ways to the project's counters: each gives a `Worked`, which remembers its formula."""

from ghostnp.graph.counting import count, count_operator
from ghostnp.modules import initializer
from ghostnp.ops.cost import Worked

# Parameters are the same on maps of any size, and any window fits on these.
_ANY_SIZE = 64


def parameters(operator, **keywords):
    """Parameters of one operator (see `count_operator`)."""
    return count_operator(operator, **{"size": _ANY_SIZE} | keywords).lines["parameters"]


def macs(operator, **keywords):
    """Multiply-adds of one operator."""
    return count_operator(operator, **keywords).lines["MACs"]


def flops(operator, **keywords):
    """Floating-point operations of one operator, two for a multiply-add."""
    return count_operator(operator, **keywords).lines["FLOPs"]


def biases(operator, **keywords):
    """Additions of a bias."""
    return count_operator(operator, bias=True, **keywords).lines["other operations"]


def norm(channels):
    """Parameters of a batch norm."""
    return parameters("batch_norm", in_channels=channels)


def norm_operations(channels, size):
    """What a batch norm does to maps of `size` pixels in evaluation."""
    return count_operator("batch_norm", in_channels=channels, size=size).lines["other operations"]


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

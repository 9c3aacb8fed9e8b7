"""Two numbers for one network, and what lies between them."""

from functools import lru_cache

from ghostnp.course.worksheets.counters import added, times
from ghostnp.course.worksheets.language import N_, _
from ghostnp.course.worksheets.problem import Named, Problem, template
from ghostnp.course.worksheets.topics.counted_layers import (
    NORM,
    SIZES,
    asked,
    counted_by,
    layers,
    measured,
    plainly,
    rule_of,
    summed,
)
from ghostnp.graph.counting import count
from ghostnp.graph.counting.conventions import CONVENTIONS, MACS
from ghostnp.graph.counting.reconcile import difference
from ghostnp.models import create_model
from ghostnp.ops.cost import Worked

# The rules as far as these layers need them.
_TOOLS = {
    "flops": N_("2 for each multiply-add, and nothing else"),
    "fvcore": N_("multiply-adds, 2 for each number of a batch norm, 1 for each number that is averaged"),
    "ptflops": N_("multiply-adds, biases, 2 for each number of a batch norm, 1 for each into a ReLU or an average"),
    "thop": N_("multiply-adds, 4 for each number of a batch norm, 1 for each number into and out of an average"),
}


def _telling(in_channels, kernel, **_):
    # With so few multiply-adds for each number out, some of the rules give the same total.
    return in_channels * kernel * kernel > 5


@template("reconcile", 1, _telling, **SIZES, kernel=(1, 3, 5), convention=tuple(_TOOLS))
def which_rule(in_channels, out_channels, kernel, size, convention):
    """Two numbers for the same layers."""
    counted = layers(in_channels, out_channels, kernel, size)
    counts = (_("{tool} counts {rule}", tool=tool, rule=_(rule)) for tool, rule in _TOOLS.items())

    def named(name):
        return Named(name, _("{total}: {tool}", total=counted_by(name, counted).working, tool=name))

    total, lie = counted_by(convention, counted), difference(counted, MACS, CONVENTIONS[convention])
    apart = " + ".join(
        _("{factor}·{elements:,} ({measured})", factor=term.factor, elements=term.elements, measured=measured(term))
        for term in lie.terms
    )
    return Problem(
        _(
            "{asked} One table says {macs:,}, which are the multiply-adds alone. Another says {total:,}. By "
            "which rule was the other one counted? {rules}.",
            asked=asked(in_channels, out_channels, kernel, size),
            macs=counted_by("macs", counted),
            total=total,
            rules=_("; ").join(counts),
        ),
        named(convention),
        _("{difference:,} lie between them: {apart}.", difference=lie.total, apart=apart),
        {f"taken for {name}": named(name) for name in _TOOLS if name != convention},
    )


@template("reconcile", 2, **SIZES, kernel=(1, 3, 5), convention=("fvcore", "ptflops", "thop"))
def batch_norms_share(in_channels, out_channels, kernel, size, convention):
    """Of a difference of which the rule is known."""
    counted = layers(in_channels, out_channels, kernel, size)
    lie = difference(counted, MACS, CONVENTIONS[convention])
    norms = [term for term in lie.terms if term.op == NORM]
    others = [term for term in lie.terms if term.op != NORM]
    right = summed(norms)
    return Problem(
        _(
            "{asked} Their multiply-adds are {macs:,}. A tool says {total:,}; it counts {rule}. How much of the "
            "difference is the batch norm's?",
            asked=asked(in_channels, out_channels, kernel, size),
            macs=counted_by("macs", counted),
            total=counted_by(convention, counted),
            rule=rule_of(convention),
        ),
        right,
        _(
            "{elements:,} numbers go through the batch norm, and the rule counts {factor} for each:",
            elements=norms[0].elements,
            factor=norms[0].factor,
        ),
        {
            "the whole difference": summed(lie.terms),
            "another part": summed(others),
            "the elements alone": Worked(str(norms[0].elements)),
            "two totals for a difference": counted_by(convention, counted),
            "the factor doubled": times(2, right),
            "forgot the channels": summed([part._replace(elements=size * size) for part in norms]),
        },
    )


@lru_cache(maxsize=64)
def _network(name, size):
    return count(create_model(name, seed=None), (1, 3, size, size), name=name)


_NETWORKS = (
    "ghostnet_050",
    "ghostnet_100",
    "shufflenetv1_g3_1.0x",
    "shufflenetv2_0.5x",
    "shufflenetv2_1.0x",
    "mobilenetv1_100",
    "mobilenetv2_100",
    "resnet50",
)


@template("reconcile", 3, network=_NETWORKS, size=(96, 128, 160, 192, 224), convention=("fvcore", "ptflops", "thop"))
def what_is_left_to_explain(network, size, convention):
    """Of two totals for a whole network."""
    counted = _network(network, size)
    lie = difference(counted, MACS, CONVENTIONS[convention])
    norms = [term for term in lie.terms if term.op == NORM]
    others = [term for term in lie.terms if term.op != NORM]
    total, bare, elements = counted_by(convention, counted), counted_by("macs", counted), norms[0].elements
    return Problem(
        _(
            "For {network} at {size}x{size} pixels one table says {bare:,}, the multiply-adds alone, and "
            "another {total:,}. The other counts {rule}. {elements:,} numbers go through batch norms. How much "
            "of the difference is left for the other operators?",
            network=network,
            size=size,
            bare=bare,
            total=total,
            rule=rule_of(convention),
            elements=elements,
        ),
        summed(others),
        _(
            "The difference is {difference:,}, of which {norms} is the batch norms'. The rest, by operator "
            "({operators}):",
            difference=lie.total,
            norms=summed(norms).working,
            operators=_(", ").join(plainly(part.op) for part in others),
        ),
        {
            "the whole difference": Worked(str(lie.total)),
            "the batch norms' part": summed(norms),
            "every number once": added(*(Worked(str(part.elements)) for part in lie.terms)),
            "two totals for a difference": total,
            "first part only": summed(others[:1]),
            "numbers out for numbers in": summed([_as_it_comes_out(part, counted) for part in others]),
        },
    )


def _as_it_comes_out(part, counted):
    """The same part, if the numbers that come out are taken for those that go in."""
    if part.measure != "inputs":
        return part
    return part._replace(elements=sum(row.activations for row in counted.rows if row.op == part.op))


TEMPLATES = (which_rule, batch_norms_share, what_is_left_to_explain)

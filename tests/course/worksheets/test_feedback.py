"""Every sentence of feedback is so: the number follows from the mistake, and what is said of the problem holds for it.

Each mistake of each template is made again by plain arithmetic (`mistakes_made`), and each sentence is taken apart into
what can be asked of the numbers: is there a bias, does the window stride, is C/g what was taken for g?
"""

import random
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.course.worksheets import MISCONCEPTIONS, TEMPLATES
from tests.course.worksheets import mistakes_made
from tests.course.worksheets.oracles import dealt, divisible

pytestmark = pytest.mark.small
BY_NAME = {template.name: template for template in TEMPLATES}


def made(template, numbers):
    """What the mistakes lead to, by their names."""
    return getattr(mistakes_made, template.pose.__name__)(**numbers)


def affordable(template):
    """Choices of numbers; networks that are run for comparison get small images."""
    return [numbers for numbers in template.givens if "network" not in numbers or numbers["size"] == 96]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_wrong_number_follows_from_the_mistake_that_is_named(name):
    template = BY_NAME[name]

    @given(st.sampled_from(affordable(template)))
    def follows(numbers):
        problem, values = template.pose(**numbers), made(template, numbers)
        assert problem.mistakes.keys() == {name for name, value in values.items() if value is not None}
        for mistake, value in problem.mistakes.items():
            wrong = values[mistake]
            if callable(wrong):
                wrong = wrong(printed(problem.text)[0])
            assert value in wrong if isinstance(wrong, list) else value == wrong, (mistake, value, wrong)

    follows()


def printed(text):
    """Counts with commas between their thousands, in their order."""
    return [int(number.replace(",", "")) for number in re.findall(r"\d{1,3}(?:,\d{3})+", text)]


# What the sentences claim of a problem


def word(*words):
    """Whether the problem speaks of this; `said` may be a whole phrase."""
    return lambda it: any(said in it.text for said in words)


def no(claim):
    return lambda it: not claim(it)


def both(*claims):
    return lambda it: all(claim(it) for claim in claims)


def smaller(it):
    return it.wrong < it.right


def larger(it):
    return it.wrong > it.right


asks_macs = word("How many multiply-adds")
asks_parameters = word("How many parameters", "How many weights", "as many parameters", "What total does it print")
asks_tool = word("A tool counts")
biased = word("with bias", "and bias", "have biases", "biases included")
unbiased = word("without bias", "no biases", "no bias")
grouped = both(word("groups"), lambda it: it.groups > 1)
strides = lambda it: it.stride > 1  # noqa: E731
depthwise = word("epthwise", "separable", "ghosts by")
ghosts = word("ghost module")
long_kernels = word(*(f"1x{k} and" for k in (3, 5, 7, 9)))
excites = word("squeeze-and-excitation")
two_layers = word("two convolutions", "two 1x1 convolutions")
crelu = word("CReLU")
counts = {
    name: lambda it, place=place: mistakes_made.COUNTED[it.convention][place] > 0
    for place, name in enumerate(("bias", "norm", "relu", "average"))
}


def norms_belong(it):
    """Whether a batch norm is in the count that is asked for."""
    if asks_tool(it):
        return counts["norm"](it) or it.convention == "torchinfo"
    return bool(re.search("batch norm(?! aside)", it.text))


def undone_by_the_other(it):
    share = it.channels // it.groups
    return share != it.groups and dealt(dealt(range(it.channels), it.groups), share) == [*range(it.channels)]


def not_kernel_squared(it):
    # k taps where there are k·k: what remains of the count is in the same proportion, whatever else is added.
    return it.kernel > 1 and it.wrong != it.right


CLAIMS = {
    # "In g groups a filter sees C_in/g of the input channels, and not all of them."
    "forgot /groups": both(grouped, larger),
    # "Groups make filters smaller, not more numerous"
    "multiplied by groups": both(grouped, larger),
    # "All groups together have C_out filters, each for C_in/g channels: g divides once, not twice."
    "one group only": both(grouped, lambda it: it.wrong * it.groups == it.right),
    # "A bias adds one parameter for each output channel."
    "forgot the bias": both(biased, asks_parameters, smaller),
    # "There is no bias here"
    "counted a bias": both(unbiased, no(biased)),
    "a bias for each kernel": both(biased, larger, lambda it: it.channels_in > 1),
    # "Adding a bias multiplies nothing: it is no multiply-add."
    "biases counted as MACs": both(biased, asks_macs),
    # "No biases belong in this count."
    "biases counted": lambda it: "biases are left out" in it.text or (asks_tool(it) and not counts["bias"](it)),
    # "No batch norm belongs in this count."
    "batch norm counted": no(norms_belong),
    "kernel not squared": not_kernel_squared,
    # "A k x k kernel reads k·k pixels at every place"
    "forgot the kernel": lambda it: it.kernel > 1,
    # "A filter of a standard convolution has a kernel for each input channel."
    "forgot the input channels": both(no(word("groups", "epthwise")), lambda it: it.channels_in > 1),
    "one filter only": lambda it: it.channels_out > 1,
    # "One multiply-add (MAC) is two floating-point operations (FLOPs); MACs were asked for."
    "FLOPs for MACs": both(asks_macs, lambda it: it.wrong == 2 * it.right),
    "MACs for FLOPs": both(word("floating-point operations"), lambda it: 2 * it.wrong == it.right),
    "MACs for parameters": both(asks_parameters, lambda it: it.size > 1),
    "parameters for MACs": both(asks_macs, smaller),
    "parameters for FLOPs": both(word("floating-point operations"), smaller),
    # "A depthwise filter sees one channel; a pointwise one mixes channels."
    "depthwise taken for pointwise": depthwise,
    "depthwise taken for standard": both(depthwise, larger),
    # "In g groups a filter sees C_in/g channels; a depthwise one would see a single one."
    "grouped taken for depthwise": both(grouped, lambda it: it.channels_in // it.groups > 1),
    "separable taken for standard": word("separable"),
    "forgot the pointwise step": word("separable"),
    "forgot the depthwise step": word("separable"),
    "forgot the multiplier": both(word("filters for each channel"), lambda it: it.multiplier > 1),
    "forgot the first layer": both(two_layers, smaller),
    "forgot the second layer": both(two_layers, smaller),
    "one channel for each filter": both(grouped, lambda it: it.channels_in // it.groups > 1),
    # "about s times fewer rows and columns come out"
    "forgot the stride": both(strides, larger),
    "forgot the padding": both(word("padding"), lambda it: it.padding > 0, smaller),
    "padding on one side": both(word("on each side"), lambda it: it.padding > 0, smaller),
    "padding doubled": both(word("on each side"), lambda it: it.padding > 0, larger),
    "swapped kernel and stride": both(word("stride"), lambda it: it.kernel != it.stride),
    # "A last window that does not fit entirely is left out: the division is rounded down."
    "rounded up": both(larger, lambda it: it.overhang > 0),
    "forgot the last window": smaller,
    "forgot the dilation": both(word("dilation"), lambda it: it.dilation > 1),
    "dilation times kernel": both(word("dilation"), lambda it: it.dilation > 1),
    "forgot the pooling": both(word("max pool"), larger),
    # Shuffle
    "swapped groups and channels per group": undone_by_the_other,
    "left in place": lambda it: it.wrong == it.channel != it.right,
    "the group for the place": lambda it: it.q == it.wrong,
    "the place in its group": lambda it: it.p == it.wrong,
    "forgot the place in the new group": lambda it: it.p * it.groups == it.wrong == it.right - it.q,
    "forgot the place in the old group": lambda it: it.q * (it.channels // it.groups) == it.wrong == it.right - it.p,
    "shuffled once": word("once more"),
    "shuffled twice": no(word("once more")),
    # "another shuffle by g moves on"
    "two shuffles cancel": both(word("once more"), lambda it: it.right not in (it.channel, it.between)),
    "counted from one": both(word("numbered from 0"), lambda it: it.wrong == it.right + 1),
    # Shrink factors
    "weights alone": both(biased, larger),
    "upside down": lambda it: it.wrong * it.right == 1 and it.right > 1,
    "divided twice": both(grouped, larger),
    "channels per group": both(grouped, lambda it: it.channels_in // it.groups != it.groups),
    "FLOPs divided by MACs": both(word("multiply-adds"), lambda it: it.wrong == 2 * it.right),
    "MACs divided by FLOPs": both(word("multiply-adds"), lambda it: 2 * it.wrong == it.right),
    # Ghost modules
    "forgot the cheap operation": both(ghosts, smaller),
    "forgot the primary convolution": both(ghosts, smaller, word("1x1 convolution")),
    "a plain convolution": both(ghosts, word("1x1 convolution")),
    "ghosts by a full convolution": both(ghosts, larger),
    "one ghost for each map": both(ghosts, lambda it: it.ratio > 2, smaller),
    # "their number is rounded up; surplus ghosts are cut off"
    "rounded down": both(ghosts, lambda it: it.channels_out % it.ratio > 0, smaller, word("are cut off")),
    "ratio 2 taken": both(ghosts, lambda it: it.ratio != 2),
    # Attention and squeeze-and-excitation
    "attention not decoupled": both(word("ecoupled"), larger),
    "as long as the maps": both(long_kernels, lambda it: it.kernel != it.size),
    "only the columns": smaller,
    "only the rows": smaller,
    "forgot the channels": lambda it: it.wrong * it.channels_out == it.right,
    "channels mixed": both(word("each map alone"), lambda it: it.wrong == it.channels_out * it.right),
    "each pixel once": smaller,
    "a square kernel": both(long_kernels, lambda it: it.kernel > 1, larger),
    "forgot the halving": both(word("average pool of 2x2 with stride 2"), larger),
    "halved once": both(word("average pool of 2x2 with stride 2"), larger),
    "forgot the 1x1 convolution": both(word("1x1 convolution"), smaller),
    "forgot the long kernels": both(long_kernels, smaller),
    "at every pixel": both(word("averages"), larger),
    "channels not reduced": both(excites, larger),
    "hidden layer not rounded": both(word("rounded to a multiple of 4"), lambda it: it.channels_out // 4 % 4 != 0),
    "one number for all channels": both(word("averages"), smaller),
    "rounded to a multiple of 8": lambda it: divisible(it.channels_out / 4) % 8 != 0,
    # "Halves are rounded upwards here, and not down."
    "hidden layer rounded down": both(word("halves upwards"), lambda it: it.channels_out / 4 % 4 == 2),
    "one bias only": both(two_layers, biased),
    "one hidden channel": both(excites, lambda it: it.hidden > 1),
    "scaling counted": both(word("scales the maps"), larger),
    # CReLU
    "channels not doubled": both(crelu, smaller),
    "channels doubled twice": both(crelu, larger),
    "maps enlarged too": both(crelu, lambda it: it.wrong == 4 * it.right),
    "one map only": both(crelu, lambda it: it.channels_out > 1),
    "halved instead of doubled": both(crelu, lambda it: 4 * it.wrong == it.right),
    "products counted": both(crelu, no(word("convolution"))),
    "doubled too early": both(crelu, larger, word("CReLU follows")),
    "outputs doubled too": both(crelu, larger, word("follows")),
    # Units
    "forgot the last 1x1": both(word("a 1x1 convolution back to", "in 8 groups back", "groups back to"), smaller),
    "forgot the 3x3": both(word("3x3"), smaller),
    "no bottleneck": both(word("bottleneck"), lambda it: it.m < it.c),
    "depthwise 3x3": both(no(word("depthwise")), smaller),
    "3x3 not depthwise": both(word("3x3 depthwise"), larger),
    "one group for the whole middle": both(grouped, smaller),
    "a factor g lost": both(grouped, smaller, word("3x3 depthwise")),
    # Conventions
    "doubled twice": both(word("a multiply-add is two"), lambda it: it.wrong == 2 * it.right),
    "the factor doubled": both(word("it counts"), lambda it: it.wrong == 2 * it.right),
    # "The rule counts each multiply-add once, and not twice."
    "multiply-adds doubled": both(asks_tool, word("multiply-adds"), no(word("2 for each multiply-add"))),
    "MACs alone": both(asks_tool, smaller),
    "biases left out": both(asks_tool, counts["bias"]),
    "ReLU left out": both(asks_tool, word("a ReLU, and", "into a ReLU"), counts["relu"]),
    "ReLU counted": both(asks_tool, word("a ReLU"), no(counts["relu"])),
    "average left out": both(asks_tool, counts["average"]),
    "average counted": both(asks_tool, word("average of each map"), no(counts["average"])),
    "a batch norm before it too": both(word("a batch norm"), larger),
    # "Worked out, that rule gives another total."
    "taken for flops": lambda it: it.wrong == "flops" != it.right,
    "taken for fvcore": lambda it: it.wrong == "fvcore" != it.right,
    "taken for ptflops": lambda it: it.wrong == "ptflops" != it.right,
    "taken for thop": lambda it: it.wrong == "thop" != it.right,
    "statistics left out": both(word("moving statistics"), smaller),
    "batch norm left out": norms_belong,
    # "other operators have a part in it"
    "the whole difference": both(word("How much of the difference"), larger),
    "the batch norms' part": word("left for the other operators"),
    "numbers out for numbers in": both(word("into", "in and out"), smaller),
    "first part only": smaller,
    "another part": word("How much of the difference is the batch norm's"),
    # "Each number that goes through is counted as often as the rule's factor says."
    "the elements alone": lambda it: it.right == it.wrong * mistakes_made.COUNTED[it.convention][1] > it.wrong,
    "every number once": word("left for the other operators"),
    "two totals for a difference": lambda it: it.wrong == max(printed(it.text)),
}  # fmt: skip


def described(template, numbers, problem, wrong):
    """A problem, and what its numbers say: the same words for all templates."""
    it = SimpleNamespace(stride=1, padding=0, dilation=1, kernel=1, size=64, groups=1, multiplier=1)
    vars(it).update(numbers, text=problem.text, right=problem.answer, wrong=wrong)
    it.groups = numbers.get("g", it.groups)
    it.channels_in = numbers.get("in_channels", numbers.get("channels", numbers.get("c")))
    it.channels_out = numbers.get("out_channels", numbers.get("channels", it.channels_in))
    if "groups" in numbers and "channel" not in numbers:
        it.groups = numbers["groups"]
    if problem.text.count("stride 2, padding") and "stride" not in numbers:
        it.stride, it.padding = 2, it.kernel // 2
    if template.pose.__name__ == "separable_multiply_adds":
        it.padding = it.kernel // 2
    window = (it.kernel - 1) * it.dilation + 1
    it.overhang = (it.size + 2 * it.padding - window) % it.stride
    if template.pose.__name__ == "attention_branch":
        it.overhang = it.size % 2
    if "channel" in numbers:
        share, it.groups = it.channels // numbers["groups"], numbers["groups"]
        it.between = dealt(range(it.channels), it.groups).index(it.channel)
        begins = {
            "where_a_channel_goes": it.channel,
            "which_channel_arrives": dealt(range(it.channels), it.groups)[it.channel],
            "two_shuffles": it.between,
        }[template.pose.__name__]
        it.q, it.p = divmod(begins, share)
    return it


@pytest.mark.parametrize("name", BY_NAME)
def test_what_a_sentence_says_of_the_problem_is_so(name):
    template = BY_NAME[name]
    few = template.givens[:: max(1, len(template.givens) // 40)] if "network" in template.givens[0] else template.givens

    @given(st.sampled_from(few))
    def is_so(numbers):
        problem = template.pose(**numbers)
        for mistake in problem.told_apart:
            for misconception in mistake.misconceptions:
                it = described(template, numbers, problem, mistake.value)
                assert CLAIMS[misconception](it), (misconception, mistake.feedback, problem.text, problem.worked)

    is_so()


def test_every_sentence_is_asked():
    assert CLAIMS.keys() == MISCONCEPTIONS.keys()


# What the questions say


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.startswith("ghost")])
def test_a_surplus_of_ghosts_is_explained_where_there_is_one(name):
    for numbers in BY_NAME[name].givens:
        problem = BY_NAME[name].pose(**numbers)
        surplus = numbers["out_channels"] % numbers.get("ratio", 2) > 0
        assert ("are cut off at the end, but they are computed" in problem.text) == surplus
        assert ("Rounded up" in problem.worked) == surplus


@pytest.mark.parametrize("name", [name for name in BY_NAME if re.match("conventions|reconcile", name)])
def test_a_rule_is_told_as_far_as_these_layers_need_it(name):
    """And so that it can be followed: which parameters of a batch norm, and not what it would be in training."""
    for numbers in random.Random(1).sample(affordable(BY_NAME[name]), 20):
        text = BY_NAME[name].pose(**numbers).text
        assert not re.search("resize|bilinear|training|the parameters of batch norms", text)
        if numbers.get("convention") == "torchinfo":
            assert "2 for each channel of a batch norm" in text


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.startswith("shrink")])
def test_a_ratio_is_asked_for_in_one_direction(name):
    """How many times as many, and not "by which factor", which may be 3 or a third."""
    for numbers in random.Random(2).sample(BY_NAME[name].givens, 20):
        problem = BY_NAME[name].pose(**numbers)
        assert "How many times as many" in problem.text
        assert problem.answer > 1

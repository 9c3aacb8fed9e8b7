"""Numbers that others print: which convention gives them, and what lies between two of them."""

from fractions import Fraction

import pytest
from click.testing import CliRunner

import ghostnp
from ghostnp.cli.reconcile import reconcile_command
from ghostnp.graph.counting import count
from ghostnp.graph.counting.conventions import CONVENTIONS
from ghostnp.graph.counting.reconcile import difference, printed, reconcile
from ghostnp.modules import BatchNorm2d, Conv2d, ReLU, Sequential

pytestmark = pytest.mark.small


def model(name):
    return ghostnp.create_model(name, seed=None)


def names(answer):
    return [convention.name for convention in answer.given_by]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("141M", 141_000_000, 10**6),
        ("0.1512 G", 151_200_000, 10**5),
        ("151.2 MMACs", 151_200_000, 10**5),
        ("5.18M params", 5_180_000, 10**4),
        ("4.09 GFLOPs", 4_090_000_000, 10**7),
        ("1.5B", 1_500_000_000, 10**8),
        ("20.88k", 20_880, 10),
        ("141,150,512", 141_150_512, 1),
        ("141_150_512", 141_150_512, 1),
        (" 7 ", 7, 1),
        (141_150_512, 141_150_512, 1),
        ("1.50", None, None),
        ("7.0", 7, Fraction(1, 10)),
    ],
)
def test_numbers_as_they_are_printed(text, value, unit):
    if value is None:
        with pytest.raises(ValueError, match="no whole number"):
            printed(text)
    else:
        number = printed(text)
        assert (number.value, number.unit) == (value, unit)


@pytest.mark.parametrize("text", ["", "M", "1e6", "-3M", "14x", "1,2M", "NaN", "141 000", "1.2.3", True, 1.5, None])
def test_what_is_no_number(text):
    with pytest.raises(ValueError, match="the rule is digits and K, M, G or T, such as 141M"):
        printed(text)


def test_a_number_is_known_to_half_of_its_last_digit():
    assert printed("141M").fits(141_499_999)
    assert not printed("141M").fits(141_500_001)
    assert [printed("141M").fits(141_000_000 + off) for off in (-500_001, -500_000, 500_000)] == [False, True, True]
    assert [printed("14k").fits(total) for total in (13_499, 13_500, 14_500, 14_501)] == [False, True, True, False]
    assert printed("141150512").fits(141_150_512)
    assert not printed("141150512").fits(141_150_513)


def test_the_most_asked_question():
    found = reconcile(model("ghostnet_100"), "141M", "0.1512 G")
    assert names(found.answers[0]) == ["macs", "ptflops-aten", "torchinfo"]
    assert names(found.answers[1]) == ["ptflops"]
    (between,) = found.differences
    assert (between.first.name, between.second.name, between.total) == ("macs", "ptflops", 10_077_600)
    terms = {(term.op, term.measure): (term.factor, term.elements) for term in between.terms}
    assert terms == {
        ("batch_norm_eval", "inputs"): (2, 3_538_192),
        ("relu", "inputs"): (1, 2_443_644),
        ("global_avg_pool2d", "inputs"): (1, 550_368),
        ("pointwise_conv2d", "biases"): (1, 6_204),
        ("linear (the classifier)", "biases"): (1, 1_000),
    }
    text = str(found)
    assert "ptflops - macs = 151,228,112 - 141,150,512 = 10,077,600" in text
    assert "+2 x 3,538,192 numbers in" in text
    assert "+7,076,384" in text
    _, *lines = text.partition("ptflops - macs = ")[2].splitlines()
    assert len(lines) == len(terms)
    assert len({len(line) for line in lines}) == 1  # columns, the last one to the right


@pytest.mark.parametrize("first", CONVENTIONS)
@pytest.mark.parametrize("second", CONVENTIONS)
def test_terms_sum_to_the_difference(first, second):
    table = count(model("ghostnetv2_100"), (1, 3, 64, 96))
    one, two = CONVENTIONS[first], CONVENTIONS[second]
    between = difference(table, one, two)
    assert between.total == sum(two.of_each(table)) - sum(one.of_each(table))
    assert bool(between.terms) == (first != second)
    assert all(term.factor and term.elements for term in between.terms)


def test_shufflenet_s_paper_leaves_the_classifier_out():
    # Printed as 137M, which both round to.
    assert "without-classifier" in names(reconcile(model("shufflenetv1_g3_1.0x"), "137M").answers[0])
    found = reconcile(model("shufflenetv1_g3_1.0x"), 136_500_672, 137_460_672)
    assert [names(answer) for answer in found.answers] == [["without-classifier"], ["macs", "ptflops-aten"]]
    (between,) = found.differences
    assert [(term.op, term.factor, term.elements) for term in between.terms] == [
        ("linear (the classifier)", 1, 960_000)
    ]


def test_a_number_that_no_convention_gives():
    found = reconcile(model("shufflenetv2_0.5x"), "41M", "40.5M")
    assert found.answers[0].given_by == ()
    assert found.answers[0].nearest.name == "torchinfo"
    assert "41M is given by no convention that ghostnp knows; nearest, and 515,600 too low, is" in str(found)
    assert names(found.answers[1]) == ["macs", "ptflops-aten", "torchinfo"]
    assert found.differences == ()


def test_parameters_and_operations_are_not_subtracted():
    found = reconcile(model("ghostnet_100"), "5.18M", "141M", "282M")
    assert names(found.answers[0]) == ["params"]
    assert [(d.first.name, d.second.name) for d in found.differences] == [("macs", "flops")]
    keras = reconcile(model("ghostnet_keras"), 5_157_168, "5.18M")
    assert [(d.first.name, d.second.name, d.total) for d in keras.differences] == [("params", "keras-total", 23_152)]


def test_a_module_of_one_s_own_at_another_size():
    layers = Sequential(Conv2d(3, 8, 3, bias=False), BatchNorm2d(8), ReLU())
    found = reconcile(layers, 19_440, 22_320, input_shape=(1, 3, 12, 11), name="mine")
    assert str(found).startswith("mine, input 1x3x12x11\n")
    assert names(found.answers[0]) == ["macs", "ptflops-aten"]
    assert names(found.answers[1]) == ["ptflops-0.7", "thop"]  # 2 + 2 for each number, and 4
    assert "macs gives both numbers" in str(reconcile(layers, 216, "0.216K", input_shape=(1, 3, 3, 3)))


def test_an_answer_word_for_word():
    layers = Sequential(Conv2d(3, 8, 3, stride=2, padding="same"), BatchNorm2d(8), ReLU())
    head, *answers = str(reconcile(layers, 7776, 9000, 8856, 8928, 8064, input_shape=(1, 3, 12, 11))).split("\n\n")
    assert head == "Sequential, input 1x3x12x11"
    assert answers[0].split(". ")[0] == "7776 is given by\n  macs: 7,776 operations"
    for number, off in ((9000, "72 too low"), (8856, "72 too high")):
        answer = next(answer for answer in answers if answer.startswith(str(number)))
        assert answer.split(". ")[0] == (
            f"{number} is given by no convention that ghostnp knows; nearest, and {off}, is\n"
            "  ptflops: 8,928 operations"
        )
    assert answers[-1] == (
        "ptflops-aten - ptflops = 8,064 - 8,928 = -864\n"
        "  batch_norm_eval  -2 x 288 numbers in  -576\n"
        "  relu             -1 x 288 numbers in  -288"
    )


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((), "numbers is empty: the rule is one or more, such as '141M'"), (("141M", "x"), "number='x'")],
)
def test_bad_numbers_are_named(numbers, words):
    with pytest.raises(ValueError, match=words):
        reconcile(ReLU(), *numbers)


# The command


def run(*arguments):
    return CliRunner().invoke(reconcile_command, arguments)


def test_command():
    result = run("ghostnet_100", "141M", "151.2M")
    assert result.exit_code == 0
    assert result.output == str(reconcile(model("ghostnet_100"), "141M", "151.2M", name="ghostnet_100")) + "\n"
    small = run("ghostnet_100", "13M", "--size", "64x64")
    assert small.exit_code == 0
    assert "input 1x3x64x64" in small.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ghostnt_100", "141M"), "nearest first: ghostnet_100, "),
        (("ghostnet_100", "141 apples"), "number='141 apples': the rule is digits and K, M, G or T"),
        (("vgg16", "1G", "--size", "8"), "224"),
    ],
)
def test_command_s_errors_are_one_line(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_command_needs_a_number():
    assert run("ghostnet_100").exit_code == 2

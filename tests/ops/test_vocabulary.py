"""The table of operators: what a row says is so."""

import inspect

import pytest

from ghostnp import kernels, ops
from ghostnp.ops.vocabulary import COMPOSITIONS, VOCABULARY, operator_named, operators

pytestmark = pytest.mark.small


def test_rows_and_namespaces_have_the_same_names():
    triples = {name for row in operators() for name in (row, f"{row}_backward", f"{row}_cost")}
    assert triples == set(ops.__all__) == set(kernels.__all__)


def test_words_and_compositions_are_apart():
    assert not VOCABULARY.keys() & COMPOSITIONS.keys()
    assert all(hasattr(row.forward, "over") for row in COMPOSITIONS.values())
    assert not any(hasattr(row.forward, "over") for row in VOCABULARY.values())


@pytest.mark.parametrize("name", operators())
def test_facts_name_arguments_that_there_are(name):
    row = operator_named(name)
    arguments = set(inspect.signature(getattr(ops, name)).parameters)
    assert set(row.arrays) | set(row.overwrites) | set(row.constants) <= arguments
    assert {argument for group in (*row.linear, *row.homogeneous) for argument in group} <= set(row.arrays)
    assert set(row.gradients) <= set(row.arrays)


@pytest.mark.parametrize(
    ("name", "arrays", "gradients", "extra"),
    [
        ("grouped_conv2d", ("x", "weight", "bias"), ("x", "weight", "bias"), ()),
        ("max_pool2d", ("x",), ("x",), ("argmax",)),
        ("batch_norm_train", ("x", "weight", "bias"), ("x", "weight", "bias"), ("mean", "var")),
        ("batch_norm_eval", ("x", "weight", "bias", "mean", "var"), ("x", "weight", "bias"), ()),
        ("channel_shuffle", ("x",), ("x",), ()),
        ("softmax_cross_entropy", ("logits", "labels"), ("logits",), ("probabilities",)),
    ],
)
def test_signatures_say_what_goes_in_and_comes_out(name, arrays, gradients, extra):
    row = operator_named(name)
    assert (row.arrays, row.gradients, row.extra) == (arrays, gradients, extra)


def test_an_unknown_operator_names_those_that_come_nearest():
    with pytest.raises(ValueError, match=r"'relu7' is not in the vocabulary: .* such as relu, relu6, crelu"):
        operator_named("relu7")


def test_families_are_those_of_the_rows():
    assert operators("norm") == ("batch_norm_train", "batch_norm_eval", "batch_norm_relu_train")
    assert set(operators("pool", "resize")) == set(operators("pool")) | set(operators("resize"))
    assert operators("no such family") == ()

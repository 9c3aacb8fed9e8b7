"""Every template, whatever its numbers: the answer is right, the solution leads to it, and the mistakes are "
"mistakes."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.course.worksheets import LEVELS, MISCONCEPTIONS, TEMPLATES, TOPICS
from ghostnp.course.worksheets.problem import answer_text
from tests.course.worksheets.oracles import ORACLES, tool_totals

pytestmark = pytest.mark.small
BY_NAME = {template.name: template for template in TEMPLATES}


def sample(template, size):
    return random.Random(0).sample(template.givens, min(size, len(template.givens)))


def affordable(template, numbers):
    # The oracle runs whole networks, so that they get small images.
    return "network" not in numbers or numbers["size"] == 96


PROBLEMS = {
    name: st.sampled_from([numbers for numbers in template.givens if affordable(template, numbers)])
    for name, template in BY_NAME.items()
}


def test_names_are_told_apart_and_each_has_an_oracle():
    assert len(BY_NAME) == len(TEMPLATES)
    assert BY_NAME.keys() == ORACLES.keys()


def test_every_topic_has_every_level():
    assert {(template.topic, template.level) for template in TEMPLATES} == {(t, n) for t in TOPICS for n in LEVELS}


@pytest.mark.parametrize("name", BY_NAME)
def test_answers_are_right(name):
    """As an independent count says; a ratio is the same to the last digit, not only to those that are shown."""

    @given(PROBLEMS[name])
    def is_right(numbers):
        assert BY_NAME[name].pose(**numbers).answer == ORACLES[name](**numbers)

    is_right()


@pytest.mark.parametrize("name", BY_NAME)
def test_problems_are_sound(name):
    @given(PROBLEMS[name])
    def is_sound(numbers):
        problem = BY_NAME[name].pose(**numbers)
        # The worked solution ends in the answer, and shows how it comes about.
        assert problem.worked.endswith(answer_text(problem.answer))
        assert " = " in problem.worked
        # Enough mistakes for four options, and no two of them look the same.
        texts = [answer_text(problem.answer), *(answer_text(mistake.value) for mistake in problem.told_apart)]
        assert len(set(texts)) == len(texts) >= 4
        assert all(name in MISCONCEPTIONS for mistake in problem.told_apart for name in mistake.misconceptions)
        for mistake in problem.told_apart:
            assert answer_text(mistake.value) in mistake.feedback
            assert all(MISCONCEPTIONS[name] in mistake.feedback for name in mistake.misconceptions)
            # Nothing is formatted in a way that only the right one is.
            assert bool(re.search(r"\.", answer_text(mistake.value))) == bool(
                re.search(r"\.", answer_text(problem.answer))
            )

    is_sound()


@pytest.mark.parametrize("name", BY_NAME)
def test_texts_say_all_that_is_given(name):
    """So that two problems of one template never look alike."""
    template = BY_NAME[name]
    texts = [template.pose(**numbers).text for numbers in sample(template, 80)]
    assert len(set(texts)) == len(texts)


@given(PROBLEMS["reconcile: which rule"])
def test_the_other_number_is_that_of_the_named_tool_alone(numbers):
    text = BY_NAME["reconcile: which rule"].pose(**numbers).text
    printed = [int(number.replace(",", "")) for number in re.findall(r"says ([\d,]*\d)", text)]
    sizes = {key: value for key, value in numbers.items() if key != "convention"}
    totals = tool_totals(*(sizes[key] for key in ("in_channels", "out_channels", "kernel", "size")))
    assert [tool for tool in ("flops", "fvcore", "ptflops", "thop") if totals[tool] == printed[1]] == [
        numbers["convention"]
    ]


def test_every_misconception_occurs():
    """None is there for show."""
    found = set()
    for template in TEMPLATES:
        for numbers in sample(template, 50):
            found |= {name for mistake in template.pose(**numbers).told_apart for name in mistake.misconceptions}
    assert found == MISCONCEPTIONS.keys()

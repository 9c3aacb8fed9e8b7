"""Papers: stable whoever else is in the class, and without a hint in length, place or rank."""

from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.course.worksheets import LEVELS, TEMPLATES, TOPICS, Dice, Student, numbered, plan
from ghostnp.course.worksheets.problem import Ratio, answer_text

pytestmark = pytest.mark.small
SEEDS = st.integers(0, 2**31 - 1)
CHOSEN = st.lists(st.sampled_from(list(TOPICS)), min_size=1, max_size=3)
STUDENTS = st.builds(Student, st.text("abé李0-9 ", min_size=1, max_size=8), st.just("somebody"))


def contents(paper):
    return [(question.problem.text, question.answer, question.options) for question in paper.questions]


@given(SEEDS, CHOSEN, STUDENTS, st.integers(1, 6))
def test_a_paper_depends_on_seed_and_id_alone(seed, topics, student, count):
    """Not on the name, nor on who else gets one, nor on when it is made, nor on the order of the topics."""
    first = plan(topics, count, seed)
    renamed = student._replace(name="somebody else")
    again = plan([*reversed(topics), topics[0]], count, seed)
    again.paper(Student("17", "Ada"))
    assert contents(again.paper(renamed)) == contents(first.paper(student))


@given(SEEDS, CHOSEN, st.sampled_from(list(LEVELS)), st.integers(1, 9))
def test_questions_are_of_the_topics_and_levels_and_all_different(seed, topics, level, count):
    paper = plan(topics, count, seed, [level]).paper(Student("17", "Ada"))
    assert [question.number for question in paper.questions] == list(range(1, count + 1))
    assert {question.template.topic for question in paper.questions} <= set(topics)
    assert {question.template.level for question in paper.questions} == {level}
    assert len({question.problem.text for question in paper.questions}) == count


@given(SEEDS, CHOSEN, st.integers(1, 9))
def test_everybody_is_asked_the_same_kinds(seed, topics, count):
    ada, alan = (plan(topics, count, seed).paper(Student(name, name)) for name in ("Ada", "Alan"))
    kinds = [[(question.template.name, question.kind) for question in paper.questions] for paper in (ada, alan)]
    assert kinds[0] == kinds[1]
    levels = [question.template.level for question in ada.questions]
    assert levels == sorted(levels)


def test_topics_come_in_turn():
    """No topic comes twice before all others of its kind have had their turn."""
    names = Counter(slot.template.name for slot in plan(list(TOPICS), 100, 3).slots)
    assert set(names) == {template.name for template in TEMPLATES}
    assert set(names.values()) == {2, 3}


def test_another_seed_or_student_is_another_paper():
    papers = {str(contents(plan(["grouped"], 3, seed).paper(student))) for seed in (1, 2) for student in numbered(20)}
    assert len(papers) == 40


def test_all_there_is_can_be_asked_and_no_more():
    crelu = [template for template in TEMPLATES if template.topic == "crelu" and template.level == 1]
    there = sum(len(template.givens) for template in crelu)
    paper = plan(["crelu"], there, 0, [1]).paper(Student("17", "Ada"))
    assert len({question.problem.text for question in paper.questions}) == there
    with pytest.raises(ValueError, match=rf"count={there + 1}, and on crelu there are {there} different questions"):
        plan(["crelu"], there + 1, 0, [1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((["goats"], 3, 0), "topic='goats': the rule is one of TOPICS, nearest first: ghost"),
        ((["ghost"], 3, 0, [4]), "level=4: the rule is one of 1, 2, 3"),
        ((["ghost"], 0, 0), "count=0"),
        ((["ghost"], 3, -1), "seed=-1"),
    ],
)
def test_what_cannot_be_asked(arguments, words):
    with pytest.raises(ValueError, match=words):
        plan(*arguments)


def test_papers_of_today_are_those_of_tomorrow():
    """Printed again in a year, a paper is the same: these digits were written down once."""
    assert Dice(7, "Ada").number("first") % 10**12 == 840890209543
    question = plan(["grouped"], 3, 7).paper(Student("17", "Ada")).questions[2]
    assert question.given == {"in_channels": 64, "out_channels": 64, "kernel": 5, "groups": 8, "size": 56}
    assert question.answer == "10,035,200"


# What somebody sees who knows nothing


@cache
def choices():
    """Many questions with options."""
    whole = plan(list(TOPICS), len(TEMPLATES), 2024)
    papers = [whole.paper(student) for student in numbered(60)]
    return [question for paper in papers for question in paper.questions if question.options]


def guessed(rule):
    """Which share of the questions somebody gets right who follows a rule; ties are shared out."""
    score = 0
    for question in choices():
        best = max(rule(question, option) for option in question.options)
        tied = [option for option in question.options if rule(question, option) == best]
        score += sum(option.mistake is None for option in tied) / len(tied)
    return score / len(choices())


def test_options_are_four_of_which_one_is_right():
    for question in choices():
        texts = [option.text for option in question.options]
        assert len(set(texts)) == 4
        assert [option.letter for option in question.options] == list("ABCD")
        right = [option for option in question.options if option.mistake is None]
        assert [option.text for option in right] == [answer_text(question.problem.answer)]
        assert question.answer == f"{right[0].letter}: {right[0].text}"


def test_the_place_says_nothing():
    """Chi-square with three degrees of freedom stays below 16.3 in 999 of 1000 cases."""
    places = Counter(question.right for question in choices())
    expected = len(choices()) / 4
    assert len(choices()) > 1000
    assert sum((places[letter] - expected) ** 2 / expected for letter in "ABCD") < 16.3


@pytest.mark.parametrize("letter", "ABCD")
def test_the_place_says_nothing_in_any_slot(letter):
    """Nor does the number of the question, which is the same for everybody."""
    by_slot = Counter(question.number for question in choices())
    right = Counter(question.number for question in choices() if question.right == letter)
    # 60 papers: 15 are expected, with a standard deviation of 3.4.
    assert all(abs(right[number] - seen / 4) < 4 * (seen * 3 / 16) ** 0.5 for number, seen in by_slot.items())


@pytest.mark.parametrize(
    "rule",
    [
        lambda question, option: len(option.text),
        lambda question, option: -len(option.text),
        lambda question, option: rank(question, option) == 3,
        lambda question, option: rank(question, option) == 2,
        lambda question, option: rank(question, option) == 1,
        lambda question, option: rank(question, option) == 0,
        lambda question, option: len(option.text.rstrip("0,.")) - len(option.text),
    ],
    ids=["longest", "shortest", "largest", "second", "third", "smallest", "least round"],
)
def test_a_look_at_the_options_is_worth_no_more_than_a_guess(rule):
    assert 0.18 < guessed(rule) < 0.32


def rank(question, option):
    return sorted(other.value for other in question.options).index(option.value)


def test_the_rule_of_the_longest_would_be_found_out():
    """The measure itself works: it sees through options of which the right one is the largest."""
    assert guessed(lambda question, option: option.mistake is None) == 1


def test_ratios_are_told_apart_from_wrong_ones_by_more_than_is_let_pass():
    for template in TEMPLATES:
        for numbers in template.givens if template.topic == "shrink" else ():
            problem = template.pose(**numbers)
            assert isinstance(problem.answer, Ratio)
            assert all(abs(mistake.value - problem.answer) > 0.02 for mistake in problem.told_apart)
            assert len(problem.told_apart) >= 3

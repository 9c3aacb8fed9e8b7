"""What is said of an answer: right, a slip of arithmetic, a misconception, or neither; hints and solutions."""

import re
from fractions import Fraction

import numpy as np
import pytest

from ghostnp.course.study import answers as table
from ghostnp.course.study import check, solution
from ghostnp.course.study.answer import MISTAKE, RIGHT, SLIP, UNREADABLE, WRONG, ExerciseAnswer
from ghostnp.course.study.working import Working, arithmetic

ANSWERS = table.answers()
each_exercise = pytest.mark.parametrize("exercise", ANSWERS)
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")


def answer(right, tolerance=0.0, mistakes=None):
    return ExerciseAnswer(lambda: right, ("look", "look again"), "It is {1 + 1}.", mistakes or {}, tolerance)


def numbers_in(text):
    """Every number that a text shows, with or without commas between thousands."""
    return {float(found.replace(",", "")) for found in NUMBER.findall(text.replace("−", "-"))}


@pytest.fixture(autouse=True)
def _nothing_tried_yet(monkeypatch):
    monkeypatch.setattr(table, "_attempts", {})


# Each exercise


@each_exercise
def test_solution_ends_in_the_answer(exercise):
    """Its numbers are worked out from its text, so this is the one that could be wrong."""
    known = ANSWERS[exercise]
    assert known.judge(known.working.result).kind == RIGHT
    assert "{" not in str(known.working)


@each_exercise
def test_hints_are_two_and_do_not_give_the_answer(exercise):
    known = ANSWERS[exercise]
    assert len(set(known.hints)) == 2
    parts = np.ravel(known.compute())
    for hint in known.hints:
        assert len(hint) > 20
        shown = numbers_in(hint)
        given_away = [
            any(abs(number - part) <= max(known.tolerance, 1e-9) * abs(part) for number in shown) for part in parts
        ]
        assert not all(given_away), f"{hint} has {parts}"


@each_exercise
def test_misconceptions_are_named_and_none_of_them_is_right(exercise):
    known = ANSWERS[exercise]
    assert known.mistakes
    for expression, why in known.mistakes.items():
        assert known.judge(arithmetic(expression)) == (MISTAKE, why)


@each_exercise
def test_slips_are_told_apart_from_misconceptions(exercise):
    known = ANSWERS[exercise]
    right = known.compute()
    if np.ndim(right) == 0 and right != 0:
        for slipped in (-right, 10 * right, right / 100):
            judged = known.judge(slipped)
            assert judged.kind in (SLIP, MISTAKE)
            assert judged.kind == SLIP or judged.why in known.mistakes.values()


def test_most_slips_are_no_misconceptions():
    """The rule above would hold if every slip were listed as a misconception."""
    numbers = {name: known.compute() for name, known in ANSWERS.items() if np.ndim(known.compute()) == 0}
    kinds = [ANSWERS[name].judge(1000 * right).kind for name, right in numbers.items() if right]
    assert kinds.count(SLIP) > 0.9 * len(kinds)


def test_a_hint_with_the_answer_would_be_found():
    assert 51456 in numbers_in("There are 51,456 of them")
    assert -0.3 in numbers_in("so it is −0.3.")
    assert 12 not in numbers_in("x12 and 3.12")


# Kinds of answers


@pytest.mark.parametrize(
    ("right", "given", "kind"),
    [
        (12, 12, RIGHT),
        (12, 12.0, RIGHT),
        (12, np.int32(12), RIGHT),
        (0.25, Fraction(1, 4), RIGHT),
        (12, 17, WRONG),
        (12, "12", UNREADABLE),
        (12, "twelve", UNREADABLE),
        (12, True, UNREADABLE),
        (12, np.nan, UNREADABLE),
        (12, [12], UNREADABLE),
        (12, [[1], [2, 3]], UNREADABLE),
        (12, {}, UNREADABLE),
        ((9, 1), [9, 1], RIGHT),
        ((9, 1), np.array([9, 1]), RIGHT),
        ((9, 1), 9, UNREADABLE),
        ((9, 1), (1, 9), SLIP),
        ((9, 1), (9, -1), SLIP),
        ((9, 1), (9, 4), WRONG),
    ],
)
def test_kinds(right, given, kind):
    assert answer(right).judge(given).kind == kind
    assert answer(right).accepts(given) is (kind == RIGHT)


@pytest.mark.parametrize(
    ("right", "given", "why"),
    [
        (9472, -9472, "sign"),
        (9472, 94720, "10 times too large"),
        (9472, 9.472, "1,000 times too small"),
        (9472, 9742, "changed places"),
        (9472, 9482, "One digit"),
        (9472, 9470, "exact number"),
        (9472, 9500, "exact number"),
        (2.9453, 2.9, "more digits"),
        (2.9453, 2.97, "close"),
        (2.9453, 2.4953, "changed places"),
        (0.0524864, 0.05, "more digits"),
        (-0.96, -0.69, "changed places"),
    ],
)
def test_slips(right, given, why):
    judged = answer(right, tolerance=0 if right == int(right) else 0.005).judge(given)
    assert judged.kind == SLIP
    assert why in judged.why


@pytest.mark.parametrize(("right", "given"), [(9, 16), (12, 13), (26, 25), (0, 2), (2.9453, 4.1), (180, 320), (12, 0)])
def test_what_is_no_slip(right, given):
    assert answer(right).judge(given).kind == WRONG


def test_answer_accepts_what_is_near_enough():
    assert answer(2.0, tolerance=0.01).accepts(2.019)
    assert not answer(2.0, tolerance=0.01).accepts(2.021)


def test_a_misconception_comes_before_a_slip():
    known = answer(10, mistakes={"-2*5": "a sign of its own"})
    assert known.judge(-10) == (MISTAKE, "a sign of its own")


# The way from try to try


def said(capsys, function, *arguments):
    function(*arguments)
    return capsys.readouterr().out


def test_hints_come_one_by_one_and_the_solution_after_three_wrong_answers(capsys):
    first, second = ANSWERS["01.2"].hints
    assert "after 3 more wrong answers" in (before := said(capsys, solution, "01.2"))
    assert first in before
    assert second in said(capsys, check, "01.2", 7)
    assert "after 2 more wrong answers" in said(capsys, solution, "01.2")
    assert "solution" not in said(capsys, check, "01.2", 7), "the same answer again is no other try"
    assert "solution" not in said(capsys, check, "01.2", 8)
    assert "after 1 more wrong answer." in said(capsys, solution, "01.2")
    assert 'solution("01.2")' in said(capsys, check, "01.2", 11)
    assert "64·(3·7·7 + 1) = 9,472" in said(capsys, solution, "01.2")
    assert "after 3 more" in said(capsys, solution, "01.3"), "each exercise has tries of its own"


def test_what_cannot_be_read_is_no_try(capsys):
    for text in ("7", "8", "9", "10"):
        assert "without quotes" in said(capsys, check, "01.2", text)
    assert "after 3 more" in said(capsys, solution, "01.2")


def test_a_slip_is_called_one_and_costs_no_hint(capsys):
    assert "Your arithmetic slipped. Two digits" in (slipped := said(capsys, check, "01.2", 9742))
    assert "Hint" not in slipped
    assert "Hint 1 of 2" in said(capsys, check, "01.2", 7)


def test_a_misconception_is_named(capsys):
    assert "The biases are missing" in said(capsys, check, "01.2", 9408)


def test_who_has_solved_it_may_see_how_we_did(capsys):
    assert "right" in said(capsys, check, "01.2", 9472)
    assert "9,472" in said(capsys, solution, "01.2")


def test_nothing_is_given_away_without_an_answer(capsys):
    assert said(capsys, check, "01.2", None) == "01.2: put your answer where None stands\n"
    assert table._attempts["01.2"].wrong == set()


@pytest.mark.parametrize("function", [check, solution])
def test_unknown_exercise_is_refused(function):
    with pytest.raises(ValueError, match=r"exercise='99.9': the rule is one of"):
        function("99.9")


# Arithmetic


@pytest.mark.parametrize("expression", ["__import__('os')", "x", "sqrt(1, 2)", "True and 1", "[1]", "'a'*3"])
def test_arithmetic_is_arithmetic(expression):
    with pytest.raises(ValueError, match="the rule is"):
        arithmetic(expression)


def test_working_shows_what_is_exact_and_what_is_rounded():
    assert str(Working("{2*3} or {sqrt(2)} or {5} or {(1/4, 1/3)}")) == (
        "2·3 = 6 or sqrt(2) ≈ 1.4142 or 5 or (1/4, 1/3) ≈ (0.25, 0.33333)"
    )

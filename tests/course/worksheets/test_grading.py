"""Replies, as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.course.worksheets import TOPICS, Student, grade, plan
from ghostnp.course.worksheets.problem import answer_text

pytestmark = pytest.mark.small
QUESTIONS = plan(list(TOPICS), 120, 5).paper(Student("17", "Ada")).questions
CHOICES = [question for question in QUESTIONS if question.options]
NUMBERS = [question for question in QUESTIONS if not question.options]


@given(st.sampled_from(CHOICES), st.sampled_from(["{}", " {} ", "{}.", "{})", "{}:"]), st.booleans())
def test_letters(question, way, small):
    for option in question.options:
        letter = option.letter.lower() if small else option.letter
        assert grade(question, way.format(letter)) == (option.mistake is None, option.mistake)


@given(st.sampled_from(NUMBERS), st.sampled_from([",", " ", "_", "'", ""]))
def test_numbers_with_and_without_separators(question, separator):
    assert grade(question, answer_text(question.problem.answer).replace(",", separator) + "\n") == (True, None)
    for mistake in question.problem.told_apart:
        assert grade(question, answer_text(mistake.value).replace(",", separator)) == (False, mistake)


@given(st.sampled_from([question for question in NUMBERS if question.template.topic != "shrink"]))
def test_a_number_that_no_misconception_leads_to(question):
    known = {int(mistake.value) for mistake in question.problem.told_apart}
    stranger = next(n for n in range(int(question.problem.answer) + 1, 10**18) if n not in known)
    assert grade(question, str(stranger)) == (False, None)


@given(st.sampled_from([question for question in NUMBERS if question.template.topic == "shrink"]))
def test_a_ratio_may_be_off_in_its_last_place(question):
    assert grade(question, f"{float(question.problem.answer) + 0.004:.3f}").right
    assert not grade(question, f"{float(question.problem.answer) + 0.03:.2f}").right


@pytest.mark.parametrize("reply", ["", "E", "AB", "12", "?"])
def test_no_letter(reply):
    with pytest.raises(ValueError, match="none of the letters A, B, C, D"):
        grade(CHOICES[0], reply)


@pytest.mark.parametrize("reply", ["", "A", "31,85", "1,2345", "12.", "1e5", "-3", "1,234 567", "٣"])
def test_no_number(reply):
    with pytest.raises(ValueError, match="is no number: the rule is digits"):
        grade(NUMBERS[0], reply)

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 07.4: mean 1/4, hidden 1·1/4, logit 1·1/4, gate 1/6 of that, times x[0, 0, 0, 0] = 1.
RIGHT = {
    "07.1": 40 * 12 + 12 + 12 * 40 + 40,
    "07.2": 40 * 28 * 28 * 25 / (2 * 40 * 12),
    "07.3": (48, 46),
    "07.4": 1 / 24,
    "07.5": 28,
}
WRONG = {"07.1": 2 * 40 * 12, "07.2": 25 / (2 * 12), "07.3": (44, 46), "07.4": 5 / 6, "07.5": 8}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

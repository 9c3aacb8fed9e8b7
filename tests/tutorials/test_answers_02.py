import pytest

from ghostnp.course.study.answers import answers

# Worked by hand.
RIGHT = {
    "02.1": 1 * 0 + 10 * 0,
    "02.2": -1 * 10,
    "02.3": 3 * 16 * 100 * 8 * 9,
    "02.4": (9, 1),
    "02.5": (1 + 2 + 3 - 2 + 1) * 6 * 6,
}
WRONG = {"02.1": 2, "02.2": 10, "02.3": 2 * 16 * 100 * 72, "02.4": (4, 1), "02.5": 5 * 8 * 8}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 14.3: the best weight is 8/5; left are 0.4, 1 and -0.2, so 1.2 of the 2 that b varies.
RIGHT = {"14.1": 16 * 64 * 9, "14.2": 16 * 32 - 16 * 16 - 16 * 9, "14.3": 1 - 1.2 / 2, "14.4": (8, 2)}
WRONG = {"14.1": 32 * 64 * 9, "14.2": 16 * 32 - 16 * 16, "14.3": 1 - 1.2 / 14, "14.4": (7, 0)}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand.
RIGHT = {"03.1": 32 * 25 + 32 * 64, "03.2": 1 / 64 + 1 / 25, "03.3": 16, "03.4": 10, "03.5": -36.0}
WRONG = {"03.1": 32 * 64 * 25, "03.2": 1 / 32 + 1 / 25, "03.3": 2, "03.4": 9, "03.5": -9.0}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

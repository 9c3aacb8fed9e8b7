import math

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand.
RIGHT = {"13.1": 16 * 64 * 9, "13.2": math.log(2), "13.3": 1 / 4, "13.4": 10, "13.5": 32}
WRONG = {"13.1": 16 * 36 * 9, "13.2": math.log(4), "13.3": -3 / 4, "13.4": 1, "13.5": 16}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

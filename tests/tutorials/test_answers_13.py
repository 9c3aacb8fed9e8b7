import math

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand.
RIGHT = {
    "13.1": math.log(2),
    "13.2": 1 / 4,
    "13.3": 1 / 2 - (0.7 + 0.1),
    "13.4": 10,
    "13.5": -0.91 * math.log(0.91) - 9 * 0.01 * math.log(0.01),
}
WRONG = {"13.1": math.log(4), "13.2": -3 / 4, "13.3": 1 / 2 - 0.7, "13.4": 1, "13.5": 0}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

import math

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 14.2: the distances from the means are (0, -1, 1) and (-2, -5, 7) / 3; the products sum to 4, the
# squares to 2 and 26/3. 14.3: 5 - 3·b changes numerator and denominator by the same 9.
RIGHT = {"14.1": 16 * 32 - 16 * 16 - 16 * 9, "14.2": 4**2 / (2 * 26 / 3), "14.3": 12 / 13, "14.4": 1 / math.sqrt(363)}
WRONG = {"14.1": 16 * 32 - 16 * 16, "14.2": 1 - 3 / 30, "14.3": -12 / 13, "14.4": 1 / 363}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

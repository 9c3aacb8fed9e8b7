import math

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 06.5: x̂ = -3/√5, so 1/√5 · (1 - 1/4 - 9/5/4).
RIGHT = {
    "06.1": math.sqrt(2),
    "06.2": 32 * (16 * 9 + 1) + 16 * (64 + 1),
    "06.3": -24 / 25,
    "06.4": 1 / 2 * 2 * 1 / 4,
    "06.5": (1 - 1 / 4 - 9 / 20) / math.sqrt(5),
}
WRONG = {"06.1": 1, "06.2": 32 * (16 * 9 + 1) + 16 * (32 + 1), "06.3": 4 / 5, "06.4": 0, "06.5": 1 / math.sqrt(5)}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

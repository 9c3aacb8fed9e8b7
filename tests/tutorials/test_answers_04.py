import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 04.4: (C_in·k² + 1) / (C_in·k²/g + 1).
RIGHT = {
    "04.1": 240 * (80 * 9 + 1),
    "04.2": 60 // 3,
    "04.3": (8, 11),
    "04.4": (64 + 1) / (64 / 8 + 1),
    "04.5": 11 * 4 + 12 * 5,
}
WRONG = {"04.1": 240 * 80 * 9, "04.2": 60 * 3, "04.3": (4, 7), "04.4": 8, "04.5": 9 * 4 + 10 * 5}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

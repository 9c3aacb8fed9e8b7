import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 05.1: 100 = 33·3 + 1 is place 33 of group 1, channel 80 + 33. 05.4: place k gets channel 4k modulo 11,
# and 4 to the power of 5 is the first that is 1 modulo 11. 05.5: dealt by 5 groups of 2, the row is 0 2 4 6 8 1 3 5 7
# 9, and dealt once more 0 4 8 3 7.
RIGHT = {
    "05.1": 113,
    "05.2": 14 * 14 * 240 * 160 + 7 * 7 * 240 * 9 + 7 * 7 * 480 * 80,
    "05.3": (2 * 480 + 9) / (2 * 480 / 3 + 9),
    "05.4": 5,
    "05.5": 7,
}
WRONG = {"05.1": 60, "05.2": 7 * 7 * (240 * 160 + 240 * 9 + 480 * 80), "05.3": 3, "05.4": 2, "05.5": 4}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

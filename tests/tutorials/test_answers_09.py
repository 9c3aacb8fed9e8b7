import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 09.1: ghost modules 160 to 480 + 480 and 960 to 80 + 80, squeeze-and-excitation 960 to 240 to 960.
# 09.2: each block multiplies by 1 + a. 09.5: the second array's first channel got 8 + 9 + 10 + 11, its other one was
# cut off.
RIGHT = {
    "09.1": (160 * 480 + 480 * 9 + 1920) + (960 * 240 + 240 + 240 * 960 + 960) + (960 * 80 + 80 * 9 + 320),
    "09.2": 0.9**11,
    "09.3": 80 * 9 + 2 * 80 + 80 * 112 + 2 * 112,
    "09.4": 10 * 10,
    "09.5": 38,
}
WRONG = {
    "09.1": (160 * 480 + 480 * 9 + 1920) + (960 * 240 + 240 * 960) + (960 * 80 + 80 * 9 + 320),
    "09.2": (-0.1) ** 11,  # without the shortcuts
    "09.3": 80 * 9 + 80 * 112,
    "09.4": 7 * 7,
    "09.5": 66,
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 15.4: official channels 0 to 4 are intrinsic, so 7 is ghost 2, and ghosts come first in document 000.
RIGHT = {
    "15.1": (16 * 24 + 2 * 24, 2 * 24),
    "15.2": ((1 - 0.406) / 0.225 - 0.406) / 0.225,
    "15.3": (24, 1, 5, 5),
    "15.4": 2,
    "15.5": (1e-3 - 4e-5) / 3,
}
WRONG = {
    "15.1": (16 * 24, 4 * 24),
    "15.2": 2.64,
    "15.3": (2, 12, 5, 5),
    "15.4": 7,
    "15.5": (1e-3 - 2e-5) / 1,  # 2 for its square
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

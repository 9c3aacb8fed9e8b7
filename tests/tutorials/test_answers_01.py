import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 01.4: h + 2p - d(k - 1) = h, so 2p = d(k - 1).
RIGHT = {
    "01.1": 3 * 3,
    "01.2": 64 * (3 * 49 + 1),
    "01.3": 64 * 112 * 112 * 147,
    "01.4": 3 * (5 - 1) // 2,
    "01.5": 47 * 48 / 2,
}
WRONG = {"01.1": 16, "01.2": 64 * 147, "01.3": 64 * 112 * 112 * 148, "01.4": 2, "01.5": 47 * 49 / 2}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 11.3: along an axis 5·14 products are counted, of which 2·(1 + 2) have a zero of the padding.
RIGHT = {
    "11.1": 16 * (3 * 25 + 1) + 4 * 16,
    "11.2": 8 * 16 * 100 + 2 * 1600 + 1600,
    "11.3": 1 - (64 / 70) ** 2,
    "11.4": 32 * 196 * 9 / (4 * (32 * 196 + 32 * 196 + 32 * 9)),
    "11.5": 2 * 8 * 100 * 27 + 3 * 16 * 100 * 8,
}
WRONG = {
    "11.1": 16 * 76 + 2 * 16,
    "11.2": 12_800,
    "11.3": 6 / 70,  # along one axis
    "11.4": 9 / 8,
    "11.5": 3 * (8 * 100 * 27 + 16 * 100 * 8),
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

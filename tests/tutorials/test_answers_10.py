import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 10.3: the places are -2/7, 1/7, 4/7, 1, 10/7, 13/7 and 16/7, and the middle pixel's weights 0, 1/7,
# 4/7, 1, 4/7, 1/7 and 0. 10.5: the column step's second row is 27, 47, 71; the weights 0 to 11 sum to 66.
RIGHT = {
    "10.1": 150 / 25,
    "10.2": 40 * 120 + 120 * 5 + 120 * 5 + 3 * 2 * 120,
    "10.3": 17 / 7,
    "10.4": 3 * 3,
    "10.5": (27 + 47 + 71, 3 * 66),
}
WRONG = {
    "10.1": 150,
    "10.2": 40 * 120 + 1200,
    "10.3": 7 / 3,  # the mean, as if all pixels got the same
    "10.4": 4,
    "10.5": (145, 66),
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

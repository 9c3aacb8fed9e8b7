import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 10.5: the column step's second row is 27, 47, 71; the weights 0 to 11 sum to 66.
RIGHT = {
    "10.1": 150 / 25,
    "10.2": 40 * 120 + 120 * 5 + 120 * 5 + 3 * 2 * 120,
    "10.3": 7 * 7 * (40 * 120 + 120 * 10),
    "10.4": 3 * 3,
    "10.5": (27 + 47 + 71, 3 * 66),
}
WRONG = {
    "10.1": 150,
    "10.2": 40 * 120 + 1200,
    "10.3": 8 * 8 * (40 * 120 + 120 * 10),
    "10.4": 4,
    "10.5": (145, 66),
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

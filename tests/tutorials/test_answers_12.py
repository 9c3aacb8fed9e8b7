import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 12.2: 24·D / (4·(24 + D)) = 5. 12.3: a = 6 / 4, weight 1.5 · 0.5, bias 1.5 · (2 - 1) - 1. 12.4: 14
# pixels · 8 images · 4 bytes. 12.5: the windows' largest numbers are in their lower right corners, so [2, 3] is that of
# one window: y = 11.
RIGHT = {
    "12.1": 4 * (64 * 196 + 64 * 128 + 128 * 196),
    "12.2": 20 * 24 // 4,
    "12.3": (0.75, 0.5),
    "12.4": 448,
    "12.5": 11,
}
WRONG = {
    "12.1": 64 * 196 + 64 * 128 + 128 * 196,
    "12.2": 40,
    "12.3": (0.75, 2),
    "12.4": 56,
    "12.5": 26,
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

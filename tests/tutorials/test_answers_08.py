import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 08.2: 25 channels cost the same. 08.3: 8 intrinsic maps and 24 ghosts, 2 too many. 08.4: as s
# grows, only the d² = 9 of a ghost is left for each map. 08.5: each pixel of the intrinsic map gets 1 from the output
# and 4 from the ghosts; the pixels of x add up to 10.
RIGHT = {
    "08.1": 40 * 60 + 60 * 9 + 2 * 120,
    "08.2": 26,
    "08.3": 2,
    "08.4": 160 / 9,
    "08.5": (1 + 4) * 10,
}
WRONG = {
    "08.1": 40 * 60 + 60 * 9,
    "08.2": 25,
    "08.3": 6,
    "08.4": 160,  # s itself, or C·k², taken for the limit
    "08.5": 10,  # the sum forgotten
}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

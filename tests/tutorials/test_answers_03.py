import pytest

from ghostnp.course.study.answers import answers

# Worked by hand. 03.2: (C·D·k² + C·D·C_out) / (C·C_out·k²) = D/C_out + D/k².
RIGHT = {
    "03.1": 32 * 25 + 32 * 64,
    "03.2": 2 / 64 + 2 / 25,
    "03.3": 16,
    "03.4": -36.0,
    "03.5": 2 * ((0 + 1 + 3 + 4) + (1 + 2 + 4 + 5) + (3 + 4 + 6 + 7) + (4 + 5 + 7 + 8)),
}
WRONG = {"03.1": 32 * 64 * 25, "03.2": 1 / 64 + 1 / 25, "03.3": 2, "03.4": -9.0, "03.5": 64}


@pytest.mark.parametrize("exercise", RIGHT)
def test_answer_worked_by_hand_is_accepted_and_the_usual_slip_is_not(exercise):
    assert answers()[exercise].accepts(RIGHT[exercise])
    assert not answers()[exercise].accepts(WRONG[exercise])

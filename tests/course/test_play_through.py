"""From roster to gradebook; all thirty students with code are played by hand, see `play_through`."""

from tests.course.play_through import code, papers


def test_a_course_from_roster_to_gradebook(tmp_path):
    papers(tmp_path)
    code(tmp_path, 3)

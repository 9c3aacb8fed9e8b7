"""A tutorial that runs as a plain script prints its text where it stands; nothing else does."""

import subprocess
import sys

import pytest

from ghostnp.course.study.script import picture_file, running_script, texts

SCRIPT = """# ---
# jupyter: {}
# ---

# %% [markdown]
# # A title
#
# Some *text*
# on two lines.

# %%
from ghostnp.course.study import show

for i in range(2):
    print("first", i)

# %% [markdown]
# Between.

# %%
def later():
    print("second")


later()
LAST

# %% [markdown]
# <details><summary><b>More</b></summary>
#
# The end.
#
# </details>
"""


def run(tmp_path, last, *options):
    path = tmp_path / "01_page.py"
    path.write_text(SCRIPT.replace("LAST", last), encoding="utf-8")
    command = [sys.executable, *options, path]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_texts_are_the_cells_and_where_they_end():
    assert texts(SCRIPT) == [
        (10, "# A title\n\nSome *text*\non two lines."),
        (19, "Between."),
        (SCRIPT.count("\n"), "More\n\nThe end."),
    ]


def test_a_script_prints_its_text_between_what_its_cells_print(tmp_path):
    done = run(tmp_path, "")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines == [
        *("# A title", "Some *text*", "on two lines.", "first 0", "first 1"),
        *("Between.", "second", "More", "The end."),
    ]


def test_a_script_that_fails_says_no_more(tmp_path):
    done = run(tmp_path, "raise SystemError('broken')")
    assert done.returncode == 1
    assert "second" in done.stdout
    assert "The end." not in done.stdout


def test_a_mistake_that_is_caught_does_not_end_the_text(tmp_path):
    done = run(tmp_path, "try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass")
    assert done.stdout.rstrip().endswith("The end.")


def test_a_program_of_another_kind_is_left_alone(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import ghostnp.course.study"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert running_script() is None, "pytest is no tutorial"


def test_pictures_lie_in_a_folder_beside_the_script(tmp_path):
    path = picture_file(tmp_path / "01_page.py", 2)
    assert path == tmp_path / "pictures" / "01_page-2.png"
    assert path.parent.is_dir()


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "pictures").write_text("a file")
    with pytest.raises(OSError, match="pictures"):
        picture_file(tmp_path / "01_page.py", 1)

"""What the tutorials import: to show a picture, a definition, a claim or a slope, and to check an exercise's answer.

When a tutorial runs as a plain script (``python tutorials/01_convolution.py``), this import prints its text as it runs.

Read `script`, `show`, then `working` (arithmetic that is worked out when it is shown), `slips`, `answer` (what an
answer is, and what is said of a wrong one) and `answers`, which has a file for each tutorial. A new tutorial's answers
go into a file of their own there, a dict ``ANSWERS`` by the exercise's name; it is found automatically.

The tutorial itself is ``tutorials/NN_name.py``. ``ghostnp notebooks`` makes its notebook,
``tests/tutorials/test_answers_NN.py`` works its answers out by hand. The README, ``tutorials/README.md`` (who should
read what) and ``tutorials/GLOSSARY.md`` name it. Hints and the worked solution are fields of its `ExerciseAnswer`.
"""

from ghostnp.course.study.answers import check, solution
from ghostnp.course.study.script import narrate
from ghostnp.course.study.show import claims, show, source
from ghostnp.course.study.slopes import slopes

__all__ = ["check", "claims", "show", "slopes", "solution", "source"]

narrate()

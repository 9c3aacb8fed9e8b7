"""What the tutorials import: to show a picture, a definition or a claim, and to check the answer to an exercise.

Read `show`, then `answer` (what an answer is) and `answers`, which has a file for each tutorial. A new tutorial's
answers go into a file of their own there, a dict ``ANSWERS`` by the exercise's name; it is found automatically.
"""

from ghostnp.course.study.answers import check
from ghostnp.course.study.show import claims, show, source

__all__ = ["check", "claims", "show", "source"]

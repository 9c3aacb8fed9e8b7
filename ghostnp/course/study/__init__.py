"""What the tutorials stand on: to show a picture, a definition or a claim, and to check the answer to an exercise."""

from ghostnp.course.study.answers import check
from ghostnp.course.study.show import claims, show, source

__all__ = ["check", "claims", "show", "source"]

"""What the tutorials stand on: to show a picture or a definition, and to check the answer to an exercise."""

from ghostnp.tools.study.answers import check
from ghostnp.tools.study.show import show, source

__all__ = ["check", "show", "source"]

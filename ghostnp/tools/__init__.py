"""What one does with operators and networks: counting them, and the guided tour."""

from ghostnp.tools.counting import count

__all__ = ["count"]

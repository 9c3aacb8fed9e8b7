"""What one does with operators and networks: counting them, their weights on disk, classifying a photo, the tour."""

from ghostnp.tools.counting import count
from ghostnp.tools.weights import load_weights, save_weights

__all__ = ["count", "load_weights", "save_weights"]

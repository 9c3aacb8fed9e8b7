"""What one does with operators and networks: counting, tracing, claims, weights on disk, classifying, the tour."""

from ghostnp.tools.counting import count, count_operator
from ghostnp.tools.tracing import trace
from ghostnp.tools.weights import load_weights, save_weights

__all__ = ["count", "count_operator", "load_weights", "save_weights", "trace"]

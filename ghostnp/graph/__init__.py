"""A model as a list of calls, and everything that reads such a list.

Read them in this order: `tape` (the list), `recording` (a model runs once and its calls are written down), `counting`
(what each call costs, and the conventions of other counters), `tracing` (every intermediate result), `engine` (the
calls folded, planned and run).
"""

from ghostnp.graph.counting import count, count_operator
from ghostnp.graph.tracing import trace

__all__ = ["count", "count_operator", "trace"]

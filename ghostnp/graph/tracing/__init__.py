"""Step through a network: every intermediate result, down to single multiplications."""

from ghostnp.graph.tracing.products import Product, Sum
from ghostnp.graph.tracing.trace import Trace, TraceRow, trace

__all__ = ["Product", "Sum", "Trace", "TraceRow", "trace"]

"""Training on real data: `digits` (the data), `loop` (stochastic gradient descent, and a network small enough)."""

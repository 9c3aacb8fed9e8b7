"""Training on real data: `digits` (the data), `loop` (stochastic gradient descent, and a small network for the digits).

A new data set is a file that gives images (N, C, H, W) and labels, as `digits` does. The optimiser's step is written
inside `loop.train`.
"""

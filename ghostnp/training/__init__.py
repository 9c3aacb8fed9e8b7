"""Training on real data: `digits` (the data), `loop` (stochastic gradient descent, and a small network for the digits).

`ablations` trains networks that differ in one thing, with several seeds, and compares them.

A new data set is a file that gives images (N, C, H, W) and labels, as `digits` does; its own file is read by
`ghostnp.files`, and damaged on purpose in ``tests/robustness/mutations.py``. The optimiser's step is written inside
`loop.train`, and for compiled training programs in `ghostnp.kernels.updates`, with its state in
`ghostnp.graph.engine.training`.
"""

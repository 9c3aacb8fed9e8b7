"""The bench: how fast ghostnp is, against whatever else is installed, and against what the machine could do.

Everything is measured in one run, in turns, after the results were compared:

- `timing`: a turn, rounds of turns, medians with quartiles, ratios round by round;
- `contenders`, `worker`: who takes part, each in a process of its own with threads that are pinned;
- `tasks`: what is measured, networks and the calls that networks make;
- `ours`, `pytorch` (with `torch_vocabulary`), `onnx_runtime` (with `onnx_vocabulary`), `textbook`: how each of them
  does it. Nobody writes a network again: ghostnp's recording of it is replayed;
- `check`: whether they computed the same;
- `roofline`, `memory`, `startup`: what the machine could do, how much memory is taken, how long the beginning takes;
- `session`, `sections`: a run, and its rows;
- `report`, `picture`, `surroundings`: how it is written down.

It runs as ``ghostnp bench``.
"""

"""The bench: how fast ghostnp is, against whatever else is installed, and against the limit of the machine.

Everything is measured in one run, in turns, after the results were compared. Read in this order:

- `timing`: a turn, rounds of turns, medians with quartiles, ratios round by round;
- `contenders`, `worker`: who takes part, each in a process of its own with threads that are pinned;
- `tasks`: what is measured, networks and the calls that networks make;
- `ours`, `pytorch` (with `torch_vocabulary`), `onnx_runtime` and `openvino` (with `onnx_vocabulary`), `textbook`: how
  each of them does it. No network is written a second time: a peer runs ghostnp's recording of it;
- `same_results`: whether they computed the same;
- `roofline`, `peak_memory`, `startup`: the limit of the machine, how much memory is taken, how long the start takes;
- `session`, `sections`: a run, and its measurements (with a core kept busy by `busy_core`, if asked);
- `surroundings`, `core_distance`: on what machine it was measured, and how far its cores are from each other;
- `bench_report`: how it is written down (and drawn, by `ghostnp.pictures.speed`).

A new peer is a file with a function `prepare`, and an entry of `CONTENDERS` in `contenders`; say in `worker._REST` how
long its threads spin after work, and in `worker._THREADS` which variable sets their number, if one does. Its package
goes into `surroundings.PACKAGES` and into the extra `bench` of ``pyproject.toml``. It runs as ``ghostnp bench``.
"""

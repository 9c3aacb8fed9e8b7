"""Training on real data, from the images to a folder that holds what came out.

Read it in this order: `dataset` (what a data set is), `digits`, `image_files` and `synthetic` (where images come from),
`data` (all of them by name), `recipe` (how to train), `augment` (images changed at random), `loop` (the training
itself), `networks` (any by name, for a data set), `blame` (where a number that is none came from), `session` (a
training in a folder: checkpoints, log, picture). Folder `ablations` trains networks that differ in one thing, with
several seeds, and compares them.

The optimisers' formulas are in `ghostnp.ops.updates`, and their twins in `ghostnp.kernels.updates`; compiled steps are
made by `ghostnp.graph.engine.training`. A new data set is a function that gives a `DataSet` (in `image_files` if others
wrote its files), and an entry in `data`; its files are read by `ghostnp.files`, and damaged on purpose in
``tests/training/test_data.py``. A new schedule is a name in `SCHEDULES` and a case in `Recipe.rate_of`, both in
`recipe`, and is tried in ``tests/training/test_recipe.py``. A new optimiser is a definition and an entry of `UPDATES`,
a driver in the kernels, and a case in ``tests/training/test_updates.py``. All three are also named in
`ghostnp.cli.train`, which imports nothing of this until a training begins.
"""

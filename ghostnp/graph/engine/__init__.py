"""The engine: a model as a list of calls on memory that was laid out beforehand.

    record     run the model on shapes and note each call: a tape       (`ghostnp.graph.recording`)
    fold       fewer calls: batch norms into weights, ReLUs into writing     (`fold`)
    homes      a place in memory for each result, where its reader wants it  (`homes`, `packing`)
    replay     the calls as programs: launches that a native call walks      (`replay`)

A training step is a tape too: forward, loss and backward (`training`). It is not folded, but what nothing reads is not
computed, an activation lives until its gradient is made or is made again for that (`recompute`), gradients are written
where they are wanted, and the update comes last, so that a step that fails changes nothing (`program`).

Modules do not import the engine, nor does the engine import a module: it works on the tape, the vocabulary's rows and
the kernels. `plan` is where they are called, one after the other, for inference;
`program` calls them for training. What was done with a model can be printed (`explanation`):

>>> import ghostnp
>>> engine = compile(ghostnp.create_model("ghostnet_050", seed=None))
>>> str(engine.plan((1, 3, 224, 224))).splitlines()[1]
'289 calls are 162 steps: 80 batch_norm_eval and 42 relu and 5 add went into others; 33 of them have nothing to do'

A new fold is a case in `fold.fold` with a function of its own. What it asks of a kernel is a private keyword of that
kernel, listed in ``tests/test_architecture.py``. A new pass is called in `plan.Plan` or in `program.TrainingProgram`,
`explanation` says what it did, and ``tests/graph/engine`` has a file for each.
"""

from ghostnp.graph.engine.engine import Engine
from ghostnp.graph.engine.plan import Plan, PlannedMemory
from ghostnp.graph.engine.program import TrainingProgram
from ghostnp.graph.engine.training import TrainingStep
from ghostnp.ops.checks import flag

__all__ = ["Engine", "Plan", "PlannedMemory", "TrainingProgram", "TrainingStep", "compile"]


def compile(model, *, plans=4, training=False, optimiser="sgd", label_smoothing=0.0, clip=None, **settings):
    """Make an engine that infers what `model` does, faster; or a step that trains it.

    Parameters
    ----------
    model : Module
        Any module whose forward pass goes through the backend. The engine keeps a copy of it as it is now: after
        training or loading weights, compile again.
    plans : int, default 4
        For how many shapes and dtypes of x the engine keeps a plan and its memory; beyond that it lets go of the one
        that was used longest ago.
    training : bool, default False
        Whether to make a `TrainingStep`: ``step(images, labels, rate=0.1)`` trains `model` itself and gives the loss.
        With ``rng=...`` dropout draws from that; without it is the identity.
    optimiser : str, default "sgd"
        For a training step: one of `ghostnp.ops.updates.UPDATES`.
    label_smoothing : float, default 0.0
        For a training step: ε.
    clip : float, optional
        For a training step: how long all gradients together may be.
    **settings
        For a training step: of the optimiser, such as ``momentum=0.9, decay=1e-4``.

    Returns
    -------
    Engine or TrainingStep
        ``engine(x)`` gives what ``model(x)`` gives, up to rounding: on the kernels, whatever backend is in force.

    Raises
    ------
    TypeError, ValueError
        If `model` is no Module, `plans` no int of 1 or more, or a setting is not legal.

    Examples
    --------
    >>> import numpy as np
    >>> from ghostnp.modules import GhostModule
    >>> engine = compile(GhostModule(3, 8))
    >>> engine(np.ones((2, 3, 5, 5), np.float32)).shape
    (2, 8, 5, 5)
    """
    if flag("training", training):
        return TrainingStep(model, plans, optimiser, label_smoothing, clip, **settings)
    if settings:
        raise TypeError(f"{next(iter(settings))} is for a training step: the rule for an engine is to leave it out")
    return Engine(model, plans)

"""Who takes part: ghostnp itself, frameworks, and the code of textbooks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ghostnp.bench.surroundings import installed

INFERENCE, TRAINING, CALL = "inference", "training", "call"


@dataclass(frozen=True)
class Contender:
    """One way to compute a task.

    Parameters
    ----------
    name : str
        In tables and for ``--peers``.
    module : str
        Of this package: its `prepare(task, variant, threads)` gives a `Prepared`. One process serves each module.
    package : str, optional
        What has to be installed in addition to ghostnp.
    tasks : tuple of str
        What it can do.
    optional : bool
        Whether it takes part only when asked for: it computes a hundred times as long, or compiles for a minute.
    """

    name: str
    module: str
    package: str | None
    tasks: tuple[str, ...]
    optional: bool = False

    @property
    def is_ours(self):
        """Whether this is what the others are compared with."""
        return self.module == "ours"

    @property
    def installed(self):
        """Whether what it needs is there."""
        return self.package is None or installed(self.package) is not None


class Prepared(NamedTuple):
    """A task that is ready to run.

    Parameters
    ----------
    run : callable
        Does the work once; this is what is timed.
    arrays : callable
        From what `run` returned to arrays by name, to compare contenders.
    share : float
        How much of the task `run` does: 1, but for what would take minutes.
    """

    run: Callable[[], Any]
    arrays: Callable[[Any], dict[str, np.ndarray]]
    share: float = 1.0


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("ghostnp", "ours", None, (INFERENCE, TRAINING, CALL)),
        Contender("ghostnp compiled", "ours", None, (INFERENCE, TRAINING)),
        Contender("PyTorch", "pytorch", "torch", (INFERENCE, TRAINING, CALL)),
        Contender("PyTorch channels_last", "pytorch", "torch", (INFERENCE, TRAINING)),
        Contender("torch.compile", "pytorch", "torch", (INFERENCE, TRAINING), optional=True),
        Contender("ONNX Runtime", "onnx_runtime", "onnxruntime", (INFERENCE,)),
        Contender("OpenVINO", "openvino", "openvino", (INFERENCE,)),
        Contender("definitions", "textbook", None, (CALL,), optional=True),
        Contender("im2col", "textbook", None, (CALL,), optional=True),
        Contender("einsum", "textbook", None, (CALL,), optional=True),
        Contender("Python loops", "textbook", None, (CALL,), optional=True),
    )
}

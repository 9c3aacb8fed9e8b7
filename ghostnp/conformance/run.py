"""A whole run: each framework that is installed, in a process of its own."""

import os
import platform
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from ghostnp.conformance.holding import hold
from ghostnp.conformance.page import Found, Page
from ghostnp.conformance.peers import PEERS

# Read when a framework is imported. Of calls so small, threads make nothing faster; and TensorFlow says less.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


def run(frameworks, *, command, calls=24, names=(), dtypes=(), jobs=1, progress=print):
    """Hold frameworks.

    Parameters
    ----------
    frameworks : sequence of str
        Some of `PEERS`.
    command : str
        What the page says that it was made by.
    calls : int, default 24
        As of `holding.hold`; slow frameworks get a share of them.
    names, dtypes : sequence of str
        Some operators and formats alone, if there are any.
    jobs : int, default 1
        How many frameworks at once.
    progress : callable
        Is told what is being held, in the framework's process.

    Returns
    -------
    Page
    """
    page = Page(command, f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
    peers = {framework: PEERS[framework]() for framework in frameworks}
    page.missing = {peer.name: ", ".join(peer.packages) for peer in peers.values() if not peer.installed}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = [
            pool.submit(_found, framework, calls, names, dtypes, progress)
            for framework, peer in peers.items()
            if peer.installed
        ]
        page.frameworks = [future.result() for future in found]
    return page


def _found(framework, calls, names, dtypes, progress):
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    peer = PEERS[framework]()
    formats = [dtype for dtype in peer.dtypes if not dtypes or dtype in dtypes]
    examples = max(2, round(calls * peer.share))
    found = Found(peer.name, peer.versions, examples)
    found.held += hold(peer, examples=examples, names=names, dtypes=formats, progress=progress)
    return found

"""A whole run: each framework that is installed, one after the other."""

import os
import platform

from ghostnp.conformance.holding import hold
from ghostnp.conformance.page import Found, Page
from ghostnp.conformance.peers import PEERS


def run(frameworks, *, command, calls=30, names=(), dtypes=(), progress=lambda text: None):
    """Hold frameworks.

    Parameters
    ----------
    frameworks : sequence of str
        Some of `PEERS`.
    command : str
        What the page says that it was made by.
    calls : int, default 30
        As of `holding.hold`.
    names, dtypes : sequence of str
        Some operators and formats alone, if there are any.
    progress : callable
        Is told what is being held.

    Returns
    -------
    Page
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's chatter
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    page = Page(command, f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
    for framework in frameworks:
        peer = PEERS[framework]()
        if not peer.installed:
            page.missing[peer.name] = ", ".join(peer.packages)
            continue
        formats = [dtype for dtype in peer.dtypes if not dtypes or dtype in dtypes]
        found = Found(peer.name, peer.versions)
        found.held += hold(peer, examples=calls, names=names, dtypes=formats, progress=progress)
        page.frameworks.append(found)
    return page

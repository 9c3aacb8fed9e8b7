"""matplotlib, imported wherever ghostnp runs.

Figures here are written to files and need no backend. But matplotlib refuses to be imported at all where MPLBACKEND
names one that is not installed, and Jupyter sets it to one of its own for every command that a notebook runs. So it is
imported without, and is told afterwards, as it would have told itself.
"""

import os
import sys
from contextlib import suppress

chosen = "" if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", "")
try:
    import matplotlib
finally:
    if chosen:
        os.environ["MPLBACKEND"] = chosen
if chosen:
    with suppress(ValueError):  # it is not installed: pyplot, which is for others, finds another
        matplotlib.rcParams["backend"] = chosen

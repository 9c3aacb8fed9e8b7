"""The program that keeps a core busy: it works, and it ends."""

import os
import subprocess
import sys

import pytest

from ghostnp.bench.busy_core import _PROGRAM, busy_core
from ghostnp.bench.surroundings import _worked

pytestmark = pytest.mark.small


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_works_meanwhile_and_then_is_gone():
    with busy_core() as process:
        assert alive(process)
        if sys.platform == "linux":
            while _worked(process) < 3:  # it gets ahead
                pass
    assert not alive(process)


def test_it_is_gone_after_an_error():
    with pytest.raises(KeyboardInterrupt), busy_core() as process:
        raise KeyboardInterrupt
    assert not alive(process)


def test_it_ends_by_itself_when_it_has_lost_its_parent():
    """It is told of a parent that it does not have."""
    subprocess.run([sys.executable, "-c", _PROGRAM, "0"], check=True, timeout=60, stdout=subprocess.DEVNULL)

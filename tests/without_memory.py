"""Part of the scripts that see what becomes of a call for which the system has no memory."""

# Only Linux says how much a process has been given, and counts what it may still have.
WITHOUT_MEMORY = """
import os
from ghostnp.kernels.runtime import memory
if not os.path.exists("/proc/self/status"):
    raise SystemExit
import resource

def call_without_memory(function):
    memory.release()
    with open("/proc/self/status") as status:
        given = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize"))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (given + (1 << 20), limits[1]))
    try:
        function()
    except MemoryError:
        return
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    raise AssertionError("there was memory")
"""

"""Peak memory of a process that a test starts."""

from __future__ import annotations

__all__ = ["PEAK"]

# Source of a function for the process itself. On Linux `getrusage` also counts what the
# process that has started this one had in memory then.
PEAK = '''
def peak():
    """Return the most bytes this process has had in memory."""
    import resource, sys
    if sys.platform == "linux":
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
'''

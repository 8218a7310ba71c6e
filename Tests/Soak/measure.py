"""What a process and a directory take, and whether that is flat."""

import ctypes
import gc
import os


def of_process():
    """Memory of its own in bytes, mappings, descriptors and threads. Shared pages are the kernel's to drop."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what the allocator keeps for later is not in use
    with open("/proc/self/smaps_rollup") as file:
        own = sum(
            int(line.split()[1]) for line in file if line.startswith(("Private_Dirty:", "Anonymous:")) and "Priv" not in line
        )
    with open("/proc/self/maps") as file:
        mappings = sum(1 for _ in file)
    return {
        "memory": own * 1024, "mappings": mappings, "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
    }  # fmt: skip


def of_directory(path):
    """Files and bytes, by what they are for."""
    found = {"files": 0, "registry": 0, "audit": 0, "other": 0}
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                size = os.stat(f"{folder}/{name}").st_blocks * 512
            except FileNotFoundError:  # a segment that was integrated meanwhile
                continue
            found["files"] += 1
            # The registry's write-ahead log is as long as what was not folded in yet: it says nothing of what stays.
            kind = "registry" if name == "registry.db" else "audit" if "/audit" in folder else "other"
            found[kind] += size
    return found


def growth(samples, name):
    """How much `name` grew over the second half: the slope of the line that fits best, times the half's length.

    A sample is (operations, measures). One that stands out moves the line little, and no clock is looked at.
    """
    half = samples[len(samples) // 2 :]
    xs, ys = [at for at, _ in half], [taken[name] for _, taken in half]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    square = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / square if square else 0.0
    return slope * (xs[-1] - xs[0])


def most(samples, name):
    """The largest `name` of the first half, and of the second."""
    middle = len(samples) // 2
    return tuple(max(taken[name] for _, taken in part) for part in (samples[:middle], samples[middle:]))

"""A server that does what it should not: hostile.py HOW. Needs no package of MCP."""

import os
import signal
import sys
import time

how = sys.argv[1]
if how == "deaf":  # reads nothing, and does not go
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif how == "forks":  # leaves a process behind that has its pipes
    if os.fork() == 0:
        time.sleep(20)
    sys.stdin.read()
    sys.exit(3)
elif how == "reads":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while sys.stdin.buffer.read(1 << 16):
        pass
time.sleep(60)

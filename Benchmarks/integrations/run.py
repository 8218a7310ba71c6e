#!/usr/bin/env python3
"""What a guard adds to one tool call: run.py [NAME ...], in the environments of `make test-integrations`.

Each framework makes 40 calls of one tool, one a turn, with a scripted model, seven times bare and seven times guarded, by turns. The figures are
medians of a call, in microseconds of the process's own time on the processors.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = ROOT / ".build-integrations"
MEASURE = r"""
import importlib.util, pathlib, statistics, sys, time, types
folder, module = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path[:0] = [str(folder.parent), str(folder)]
import libagentid, logging
logging.disable(logging.CRITICAL)
spec = importlib.util.spec_from_file_location("tests", folder / f"{module}.py")
tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tests)
raw = tests.framework._get_wrapped_function()  # what the fixture is made of
ran, CALLS = [], 40
names = raw.__code__.co_varnames[: raw.__code__.co_argcount]
framework = raw(*[ran if name == "ran" else types.SimpleNamespace(param="agent") for name in names])
acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("w", owner="team:x@acme.example", ceiling="read_file(path under '/data'); boom")
agent = acme.agent("w", principal="user:a@acme.example", task="T", scope="read_file(path under '/data')")
agent.__enter__()
script = lambda: [[("read_file", {"path": f"/data/{number}"})] for number in range(CALLS)]
def took(guarded):
    todo = script()
    start = time.process_time()
    framework(todo, is_async=False, guarded=guarded)
    return (time.process_time() - start) / len(todo) * 1e6
for guarded in (False, True):
    took(guarded)
bare, with_guard = [], []
for _ in range(7):
    bare.append(took(False)); with_guard.append(took(True))
assert ran
print(f"{statistics.median(bare):.0f} {statistics.median(with_guard):.0f}")
"""


def main():
    names = sys.argv[1:] or [
        "pydantic-ai",
        "openai-agents",
        "google-adk",
        "strands",
        "agno",
        "haystack",
        "autogen",
        "agent-framework",
        "llama-index",
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "Bindings/python"),
        "OTEL_SDK_DISABLED": "true",
        "AGNO_TELEMETRY": "false",
    }
    environment.setdefault("AGENTID_LIBRARY", str(ROOT / ".build/release/libagentid.so"))
    print(f"{'':16} {'bare':>8} {'guarded':>8} {'added':>8}   us of processor time a call, model and framework included")
    for name in names:
        folder = ROOT / "Tests/Integrations" / name
        module = f"test_{name.replace('-', '_')}"
        done = subprocess.run(
            [KEPT / name / "bin/python", "-W", "ignore", "-c", MEASURE, folder, module],
            capture_output=True,
            text=True,
            env=environment,
        )
        if done.returncode:
            print(f"{name:16} failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        bare, guarded = map(int, done.stdout.split()[-2:])
        print(f"{name:16} {bare:8} {guarded:8} {guarded - bare:8}", flush=True)


main()

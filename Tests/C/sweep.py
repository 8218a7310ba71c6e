#!/usr/bin/env python3
"""Calls every function of the header with NULL for every parameter in turn, and with handles that are none.

Reads the declarations out of Include/, so that no function is forgotten. Argument: the library.
"""
import ctypes
import os
import pathlib
import random
import re
import sys

headers = sorted((pathlib.Path(__file__).resolve().parents[2] / "Include").glob("*.h"))
header = "\n".join(path.read_text() for path in headers)
header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
declarations = re.findall(r"^((?:agentid_status|void|int32_t|uint32_t|const char \*) ?)(agentid_\w+)\(([^;]*?)\)\s*(?:AGENTID_MUST_CHECK)?;",
                          header, flags=re.M)
library = ctypes.CDLL(sys.argv[1])
library.agentid_error_code.argtypes = [ctypes.c_void_p]
library.agentid_error_code.restype = ctypes.c_int32
library.agentid_error_where.argtypes = [ctypes.c_void_p]
library.agentid_error_where.restype = ctypes.c_char_p
library.agentid_error_free.argtypes = [ctypes.c_void_p]
OUTPUT = ctypes.create_string_buffer(4096)
ZEROES = ctypes.create_string_buffer(4096)
failures = calls = 0


def kind(parameter):
    """What stands for a parameter in a call."""
    if found := re.search(r"\(\*(\w+)\)\(", parameter):
        return found.group(1), "callback"
    name = re.search(r"(\w+)(\[\d*\])?$", parameter).group(1)
    if parameter.endswith("**" + name):
        return name, "error" if "agentid_error" in parameter else "handle out"
    if "agentid_bytes *" in parameter or re.search(r"int(32|64)_t \*", parameter):
        return name, "bytes out"
    if re.search(r"agentid_\w+options \*|agentid_clock|agentid_signer|agentid_agent_filter|agentid_hook \*|agentid_provider \*", parameter):
        return name, "options"
    if re.search(r"agentid_(progress|log_line|approver|release) ", parameter):
        return name, "callback"
    if "char *" in parameter:
        return name, "text"
    if re.search(r"agentid_\w+ \*", parameter):
        return name, "handle"
    return name, "number"


def value(what, random_source):
    if what in ("handle out", "bytes out"):
        return ctypes.cast(OUTPUT, ctypes.c_void_p)
    if what == "callback":
        return ctypes.c_void_p(None)
    if what == "options":
        return ctypes.cast(ZEROES, ctypes.c_void_p)
    if what == "text":
        return ctypes.c_char_p(b"{}")
    if what == "handle":
        return ctypes.c_void_p(random_source.getrandbits(64))
    return ctypes.c_size_t(2)


def call(returns, name, parameters, texts, null, random_source):
    global calls, failures
    function = getattr(library, name)
    function.restype = ctypes.c_int32 if returns in ("agentid_status", "int32_t", "uint32_t") else (
        ctypes.c_char_p if "char" in returns else None)
    error = ctypes.c_void_p()
    arguments, outputs = [], []
    for i, (_, what) in enumerate(parameters):
        if what == "error":
            arguments.append(ctypes.byref(error))
        elif i == null:
            arguments.append(ctypes.c_size_t(0) if what == "number" else ctypes.c_void_p(None))
        elif what == "handle out" or "agentid_bytes" in texts[i]:
            outputs.append((parameters[i][0], ctypes.create_string_buffer(b"\xff" * (8 if what == "handle out" else 24))))
            arguments.append(outputs[-1][1])
        else:
            arguments.append(value(what, random_source))
    result = function(*arguments)
    calls += 1
    if returns == "agentid_status" and result not in (0, 1, 16):
        for output, held in outputs:
            if any(held.raw[:-1]):
                failures += 1
                print(f"failed: {name} with {parameters[null][0] if null is not None else 'no'} NULL leaves {output} as it was")
    if IS_FORKED and returns == "agentid_status" and name != "agentid_error_code" and result != 4:
        failures += 1
        print(f"failed: {name} in a forked child: status {result}")
    if returns != "agentid_status" or all(what != "error" for _, what in parameters):
        return
    good = 0 <= result <= 16 and (result == 0) == (error.value is None)
    if good and error.value:
        good = library.agentid_error_code(error) == result
        library.agentid_error_free(error)
    if not good:
        failures += 1
        print(f"failed: {name} with {parameters[null][0] if null is not None else 'no'} NULL: status {result}")


random_source = random.Random(1)
for IS_FORKED in False, True:  # the second time in a child of this process
    if IS_FORKED and (child := os.fork()):
        status = os.waitpid(child, 0)[1]
        print(f"sweep: {len(declarations)} functions, {calls} calls, {failures} failed; in a forked child {'well' if status == 0 else 'failed'}")
        sys.exit(1 if failures or status or len(declarations) < 60 else 0)
    for returns, name, parameters in declarations:
        texts = [re.sub(r"\s+", " ", p).strip() for p in parameters.split(",") if p.strip() != "void"]
        parameters = [kind(text) for text in texts]
        for null in [None, *range(len(parameters))]:
            for _ in range(8):
                call(returns.strip(), name, parameters, texts, null, random_source)
os._exit(1 if failures else 0)

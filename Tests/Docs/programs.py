"""Whole programs in C and Go, built against this tree and run."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / ".build/release"


def _run(what, folder, seconds=300, **how):
    done = subprocess.run(what, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, **how)
    return done.stdout, done.returncode


def is_whole(block):
    return "int main(" in block.text if block.language == "c" else "package main" in block.text


def c(text, folder):
    """Compiles with all warnings as errors and runs; returns output and status."""
    (folder / "program.c").write_text(text)
    printed, status = _run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'Include'}", "program.c", "-o", "program",
         f"-L{RELEASE}", "-lagentid", f"-Wl,-rpath,{RELEASE}"], folder)
    if status:
        return printed, status
    (folder / "libagentid.so.0").symlink_to(RELEASE / "libagentid.so")
    return _run([folder / "program"], folder, env={**os.environ, "LD_LIBRARY_PATH": str(folder)})


def go(text, folder):
    """Builds as a module that takes the binding from this tree, and runs; returns output and status. Wants scripts/go.sh."""
    (folder / "main.go").write_text(text)
    (folder / "go.mod").write_text(
        "module example\n\ngo 1.24\n\nrequire agentid.example/agentid v0.0.0\n\n"
        f"replace agentid.example/agentid => {ROOT / 'Bindings/go'}\n")
    return _run(["sh", "-c", "go vet . && go build -o program . && ./program"], folder)

#!/usr/bin/env bash
# Every task and pair of AgentDojo under each control: prints each failure, and writes the tables of docs/agentdojo.md.
#
#   TRACES=1    the recorded runs of real models as well: 19 MB from PyPI, once; a quarter of an hour
#   EVERY=4     only one recorded run of so many
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$PWD/.build-agentdojo here=Benchmarks/agentdojo
export PYTHONPATH=$PWD/Bindings/python AGENTID_LIBRARY=$PWD/.build/release/libagentid.so
"$work/bin/python" $here/run.py --failures --out "$work/results.json"
traces=()
if [ -n "${TRACES:-}" ]; then
    if [ ! -d "$work/agentdojo-0.1.19/runs" ]; then
        echo "==> recorded runs, agentdojo 0.1.19"
        "$work/bin/pip" download -q --no-deps --no-binary :all: -d "$work" agentdojo==0.1.19
        tar -xzf "$work/agentdojo-0.1.19.tar.gz" -C "$work"
    fi
    "$work/bin/python" $here/traces.py "$work/agentdojo-0.1.19/runs" --every "${EVERY:-1}" --out "$work/traces.json"
    traces=("$work/traces.json")
fi
"$work/bin/python" $here/report.py "$work/results.json" "${traces[@]}"

#!/usr/bin/env bash
# Checks the Python package: types in strict mode, rules and format. Tools stay in .build-lint. The configuration is
# Bindings/python/pyproject.toml; basedpyright is pyright with all it needs in its wheel.
set -euo pipefail
cd "$(dirname "$0")/.."
home=$PWD/.build-lint tools="basedpyright==1.40.2 ruff==0.17.6 psycopg[binary]==3.3.9 cryptography==50.0.2"
tools+=" fastapi==0.165.0 httpx==0.28.1 requests==2.34.2 types-requests==2.33.0.20261030 types-grpcio==1.85.0.20261028 types-protobuf==7.35.1.20260906 prometheus_client==0.26.0 opentelemetry-sdk==1.45.2"
if [ "$(cat "$home/installed" 2>/dev/null)" != "$tools" ]; then
    scripts/prepare.sh
    echo "==> basedpyright and ruff, into .build-lint (100 MB from PyPI, once)"
    python3 -m venv --clear "$home"
    # shellcheck disable=SC2086
    "$home/bin/pip" install -q --disable-pip-version-check $tools
    echo "$tools" >"$home/installed"
fi
scripts/docs-python.py --check
scripts/integrations.py --check
cd Bindings/python
"$home/bin/ruff" check . ../../Tests/Wheel ../../Tests/Second
"$home/bin/ruff" format --check . ../../Tests/Wheel ../../Tests/Second
# What needs a framework is read, not typed; a test may be longer, and an example begins before its imports.
others=(../../Tests/Integrations ../../examples/integrations)
"$home/bin/ruff" check --extend-ignore ASYNC110,ASYNC212,B017,E402,E501,F403,RUF012,RUF059,SIM105,SIM117,SIM905 "${others[@]}"
"$home/bin/ruff" format --check "${others[@]}"
"$home/bin/basedpyright" --pythonpath "$home/bin/python"

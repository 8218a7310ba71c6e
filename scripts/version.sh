#!/usr/bin/env bash
# Prints the version, as the header has it.
set -euo pipefail
awk '/^#define AGENTID_VERSION_(MAJOR|MINOR|PATCH) / { printf "%s%s", dot, $3; dot = "." } END { print "" }' \
    "${BASH_SOURCE%/*}/../Include/agentid.h"

#!/usr/bin/env bash
# Builds the targets it is given, then runs the parts of `make test` in two lanes, side by side: a part's output comes whole
# when the part ends, with its seconds. Parts of one lane run one after the other. The first lane compiles; the second does
# not, and looks at a clock only once the first is past its own tests. What neither compiles nor looks at a clock is for
# whichever lane has nothing else to do. LANES=1 runs all in one lane. Ends with 1 where a part
# failed, names it, and repeats what it said of its failures: who reads the last lines only knows what broke.
set -uo pipefail
cd "$(dirname "$0")/.."
compiling=(test-swift lint docs-swift test-swift-package test-swift-service)
[ -n "${CI:-}" ] && compiling+=(fuzz-short)
others=(lint-python test-c test-abi test-release test-second test-install test-wheel test-sandbox conform house
    test-ctl test-python test-frameworks test-crash test-soak test-go test-docs)
either=(test-html test-deb)

results=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$results"' EXIT
trap 'exit 130' INT TERM

part() { # name: runs one, prints what it printed
    local begun=$SECONDS status=0 how=()
    # What waits for a compiler can wait; what looks at a clock cannot.
    [[ $1 == lint || $1 == docs-swift || $1 == *-swift-* || $1 == fuzz-short ]] && how=(nice -n 10)
    "${how[@]}" "${MAKE:-make}" --no-print-directory "$1" </dev/null >"$results/$1.log" 2>&1 || status=$?
    [ $status -eq 0 ] || touch "$results/$1.failed"
    {
        flock 9
        cat "$results/$1.log"
        echo "$1: $([ $status -eq 0 ] && echo passed || echo "FAILED with $status"), $((SECONDS - begun)) s"
    } 9>"$results/lock"
}

lane() { # Each part runs in the lane that takes it first.
    for one in "$@"; do mkdir "$results/$one.taken" 2>/dev/null && part "$one"; done
}

build() { "${MAKE:-make}" --no-print-directory "$@" </dev/null; }

if [ "${LANES:-2}" -eq 1 ] || [ "$(nproc)" -lt 2 ]; then
    build "$@" || exit
    lane "${compiling[@]}" "${others[@]}" "${either[@]}"
else
    # What the two builds share is there before they start. A build for release has one processor busy for most of its time:
    # the Swift tests, which are built apart, have the other.
    swift package resolve || exit
    part "${compiling[0]}" &
    first=$!
    build "$@" || exit
    lane "${others[@]}" "${either[@]}" &
    wait $first
    lane "${compiling[@]:1}" "${either[@]}" &
    wait
fi

shopt -s nullglob
failed=("$results"/*.failed)
parts=$((${#compiling[@]} + ${#others[@]} + ${#either[@]}))
for one in "${failed[@]}"; do
    echo "failed: $(basename "$one" .failed)"
    grep -aE -A 3 '^failed|^FAILED|^ERROR|recorded an issue|error: |^--- FAIL' "${one%.failed}.log" | tail -n 40 | cut -c 1-400 | sed 's/^/    /'
done
echo "make test: $((parts - ${#failed[@]})) parts passed, ${#failed[@]} failed, in $SECONDS s"
[ ${#failed[@]} -eq 0 ]

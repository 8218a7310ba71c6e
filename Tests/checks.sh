# What the tests of installation, packages and ABI share; sourced. `work` is a directory for what they make.
passed=0 failed=0 compiler=gcc
check() { # what it shows, and the command that does
    if "${@:2}" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $1"
        tail -n 20 "$work/log"
    fi
}
have() { # whether there is such a program; in CI all of them are
    command -v "$1" >/dev/null && return
    if [ -n "${CI:-}" ]; then check "$1 is installed" false; else echo "left out: $1 is not installed"; fi
    return 1
}
build_c() { # result, option of pkg-config, source, options of the compiler
    local options
    options=$(pkg-config ${2:+"$2"} --cflags --libs agentid) &&
        "$compiler" -std=c11 "${flags[@]}" "${@:4}" "$3" -o "$1" $options
}
without() { # whether a program or library needs none that is called so
    ! ldd "$2" | grep "$1"
}
end() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

"""Policies: checked, applied, shown and explained."""
import json
import pathlib

from harness import check, ctl, run

DENY = {"version": 1, "rules": [{"id": "no-keys", "match": "read_*(path like '**.key')", "then": "deny"}]}


def applied(work):
    here, file = ["--authority", f"{work}/acme"], pathlib.Path(f"{work}/policy.json")
    ctl("init", *here, "acme.example")
    ctl("profile", "put", "researcher", *here, "--owner", "team:research@acme.example", "--ceiling", "read_file(path under '/data')")
    ctl("policy", "show", *here, expect=1)
    file.write_text(json.dumps(DENY))
    check(ctl("policy", "check", str(file)) == "", "a policy without errors has no lines")
    check(ctl("policy", "apply", *here, str(file), "--json", json_out=True) == {"version": 1}, "apply says the version")
    check(json.loads(ctl("policy", "show", *here)) == DENY, "show gives the policy back")
    told = ctl("policy", "explain", *here, "read_file", '{"path": "/data/a.key"}')
    check(told == "no-keys: denies these calls, then deny\n", "explain says what a rule does", told)
    told = ctl("policy", "explain", *here, "read_file", "{}", "--json", json_out=True)
    check([rule["certain"] for rule in told["rules"]] == [False], "explain says what a call leaves open", told)
    check(ctl("policy", "explain", *here, "read_file", '{"path": "/data/a"}') == "", "and nothing of other rules")

    file.write_text('{"version": 2, "rules": [{"id": "r", "match": "t", "rate": {"calls": 1, "per": "1y"}}, {"id": "s", "x": 1}]}')
    lines = ctl("policy", "check", str(file), expect=1).splitlines()
    check(len(lines) == 2 and lines[0].startswith("rules[0].rate.per: rule r: ") and "1h" in lines[0], "each error is a line", lines)
    _, error = run("policy", "apply", *here, str(file), expect=1)
    check("rules[0].rate.per" in error and "1 more" in error, "apply says the first", error)
    file.write_text('{"version": 1, "rules": []}')
    run("policy", "apply", *here, str(file), expect=1)
    check(json.loads(ctl("policy", "show", *here)) == DENY, "what is refused changes nothing")
    file.write_text('{"version": 2, "rules": [{"id": "fax", "match": "fax", "then": "deny"}]}')
    found = ctl("policy", "check", str(file), *here, "--json", json_out=True)
    check([one["name"] for one in found["findings"]] == ["unreachable_rule"], "a rule that nobody reaches is found", found)

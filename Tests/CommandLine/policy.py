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


PINS = {"send": {"arguments": {"to": "address:people[]"}, "words": ["send", "mail*"]}, "pay": {"arguments": {"to": "account"}}}


def for_task(work):
    pins, people = pathlib.Path(f"{work}/pins.json"), pathlib.Path(f"{work}/people.json")
    pins.write_text(json.dumps(PINS))
    people.write_text('{"people": {"Ann": "ann@acme.example"}}')
    asked = ["scope", "for-task", "send; pay; search", "Mail Ann.", "--pins", str(pins), "--directory", str(people)]
    text, why = run(*asked)
    check(text == 'search; send(to subset of ["ann@acme.example"], *: *)\n', "a task's scope has what is named", text)
    check('send.to: "Ann" at byte 5' in why and "pay: the prompt names no account" in why, "and says why", why)
    told = ctl(*asked, "--json", json_out=True)
    check([out["reason"] for out in told["why"]["left_out"]] == ["not_named"], "in JSON too", told)
    ctl("scope", "check", text.strip(), "send", '{"to": ["eve@evil.example"]}', expect=10)
    pins.write_text('{"pay": {"arguments": {"to": "acount"}}}')
    _, error = run(*asked, expect=1)
    check("pay.to" in error and "address, url, account" in error, "a pin that is misspelt is named", error)
    run("scope", "for-task", "pay", "-", "--pins", "-", expect=2)

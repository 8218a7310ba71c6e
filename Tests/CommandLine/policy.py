"""Policies: checked, applied, shown and explained."""
import json
import pathlib

from harness import check, ctl, on_terminal, run

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
    check(told == "no-keys: denies these calls\n", "explain says what a rule does", told)
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
    check(ctl("policy", "show", *here).startswith('{"version": 1,\n "rules": [\n   {"id": "no-keys", "match": '), "show is laid out to be read")
    check(ctl("policy", "show", *here, "--json").count("\n") == 1, "and with --json is one line")
    file.write_text('{"version": 2, "rules": [{"id": "fax", "match": "fax", "then": "deny"}]}')
    found = ctl("policy", "check", str(file), *here, "--json", json_out=True)
    check([one["name"] for one in found["findings"]] == ["unreachable_rule"], "a rule that nobody reaches is found", found)
    file.write_text("\ufeff" + json.dumps(DENY))
    check("byte-order mark" in ctl("policy", "check", str(file), expect=1), "a mark at the beginning is named")
    file.write_text('{"version": 1, "rules": []}')
    lines = ctl("policy", "check", str(file), *here, expect=1)
    check(lines.startswith("version: the policy in force has version 1; write 2, "), "check says what apply would refuse", lines)
    ctl("policy", "check", str(file))
    file.write_text('{"version": 1, "rules": [{"id": "fax", "match": "fax", "then": "deny"}]}')
    found = ctl("policy", "check", str(file), *here, "--json", json_out=True, expect=1)
    check([one["name"] for one in found["errors"] + found["findings"]] == ["policy_version", "unreachable_rule"], "and what is odd as well", found)
    file.write_text(json.dumps(DENY))
    ctl("policy", "check", str(file), *here)
    file.write_text('{"version": 2, "labels": ["a"], "rules": [{"id": "mail", "match": "read_mail", "labels": {"adds": ["a"]}}, '
                    '{"id": "all", "match": "*", "rate": {"calls": 1, "per": "1h"}}]}')
    found = ctl("policy", "check", str(file), *here, "--json", json_out=True)["findings"][-1]
    check((found["name"], found["rule"]) == ("unlabelled_tools", None) and "read_file" in found["message"], "a tool past all labels is found", found)


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


def sorted_by_name(*names):
    text, said = run("policy", "init", "--tools", "; ".join(names))
    lists = {rule["id"]: rule["match"].split("; ") for rule in json.loads(text)["rules"]}
    in_order = ("untrusted", "private", "no-exfiltration")
    found = {name: "".join(rule[0] if rule[0] != "n" else "o" for rule in in_order if name in lists.get(rule, [])) for name in names}
    return found, said


def names_mislead_to_the_safe_side():
    """Untrusted, private, outward: what a name leaves open is taken for each."""
    reading = ("read_inbox", "GMAIL_FETCH_EMAILS", "gmailFetchEmails", "listMessages", "search_files", "get_order", "open_file", "reading_list", "get_settings")
    found, said = sorted_by_name(*reading)
    check(set(found.values()) == {"up"} and said == "", "what reads is untrusted and private, in any case and number", (found, said))
    found, said = sorted_by_name("get_webpages", "read_urls", "openURLs", "open_link", "HTTPGet", "lookup_dns", "scrape_sites_of_the_web")
    check(set(found.values()) == {"uo"} and said == "", "the web is public, and told what it is asked for", (found, said))
    acting = ("GMAIL_SEND_EMAIL", "sendMessages", "creates_issue", "pay", "mail", "shares", "settingUpdate")
    found, said = sorted_by_name(*acting)
    check(set(found.values()) == {"o"} and said == "", "what acts is outward", (found, said))
    for both in ("read_and_post", "read_and_mail", "search_and_email", "readThenTweet", "read_file_to_slack", "inbox2mailRead",
                 "download_file", "load_image", "view_site", "lookup_domain", "list_hosts", "get_page", "list_transfers"):
        found, said = sorted_by_name(both)
        check(found == {both: "upo"} and both in said, "what a name joins is each, and is told", (found, said))
    for unclear in ("fetch", "search", "open_pull_request", "open_issue", "openTicket", "post_search", "check_out", "read_and_frobnicate", "lire_le_courrier",
                    '"lies_\u00fcber"', '"read&relay"', "x"):
        found, said = sorted_by_name(unclear)
        check(set(found.values()) == {"upo"} and "not clear" in said and unclear.strip('"') in said, "what a name does not tell is each, and is told", (found, said))


def begins(work):
    """The classic exfiltration, under the policy that `policy init` writes for a profile's tools, each call in a process of its own."""
    home, file = f"{work}/acme", pathlib.Path(f"{work}/policy.json")
    here, tools = ["--authority", home], "read_inbox; readFile; get_webpage; send_email; frobnicate"
    ctl("init", *here, "acme.example")
    ctl("profile", "put", "assistant", *here, "--owner", "team:office@acme.example", "--ceiling", tools)
    text, said = run("policy", "init", *here)
    check("frobnicate" in said, "a name that says nothing is told", said)
    check(run("policy", "init", AGENTID_AUTHORITY=home)[0] == text, "the variable names the authority")
    check("readFile" not in run("policy", "init", "--tools", "search", AGENTID_AUTHORITY=home)[0], "tools that are given are all")
    rules = {rule["id"]: rule["match"].split("; ") for rule in json.loads(text)["rules"]}
    check(rules == {"untrusted": ["frobnicate", "get_webpage", "readFile", "read_inbox"], "private": ["frobnicate", "readFile", "read_inbox"],
                    "no-exfiltration": ["frobnicate", "get_webpage", "send_email"]}, "tools are sorted by their names", rules)
    file.write_text(text)
    check(ctl("policy", "check", str(file), *here) == "", "what init writes has neither errors nor findings")
    ctl("policy", "apply", *here, str(file))

    def calls(task):
        agent = f"{work}/{task}"
        ctl("agent", *here, "--profile", "assistant", "--principal", "user:ann@acme.example", "--task", task, "--scope", tools, "--out", agent)

        def authorize(tool, expect=0):
            proof = ctl("prove", "--agent", agent, "--tool", tool, "--arguments", "{}", "--audience", "tools")
            return ctl("authorize", *here, "--audience", "tools", "--tool", tool, "--arguments", "{}", "--proof", "-", agent, "--json",
                       stdin=proof.encode(), expect=expect, json_out=True)

        return authorize

    attacked, other = calls("attacked"), calls("other")
    attacked("get_webpage")
    attacked("send_email")
    attacked("readFile")
    for tool in ("send_email", "get_webpage", "frobnicate"):
        denied = attacked(tool, 10)
        check((denied["reason"], denied["rule"]) == ("flow_refused", "no-exfiltration"), "nothing goes out any more", denied)
    attacked("read_inbox")
    other("send_email")
    check(json.loads(ctl("policy", "init", "--tools", "a", "--untrusted", "web_*", "--private", "db_*", "--outward", "mail_*"))["rules"][2]
          ["match"] == "mail_*", "lists that are given stand in place of those found")
    named = "read_mail; list_messages; getOrder; mail; sendMessage; read_and_forward; post"
    lists = [rule["match"].split("; ") for rule in json.loads(ctl("policy", "init", "--tools", named))["rules"]]
    reading = ["getOrder", "list_messages", "read_and_forward", "read_mail"]
    check(lists == [reading, reading, ["mail", "post", "read_and_forward", "sendMessage"]],
          "what reads brings in what others wrote, whatever it reads, and whatever else it does", lists)
    names_mislead_to_the_safe_side()
    for wrong in ([], ["--tools", "a", "--profile", "b"]):
        run("policy", "init", *wrong, expect=2)
    check("--tools: " in run("policy", "init", "--tools", "a, b", expect=1)[1], "an error names the option")
    run("policy", "init", "--tools", "a", "--outward", "send(", expect=1)
    run("policy", "init", *here, "--profile", "nobody", expect=1)


def replayed(work):
    """What a policy would have done to the log: read only, with its own exit status, by the times that are asked about."""
    here, file, agent = ["--authority", f"{work}/acme"], pathlib.Path(f"{work}/policy.json"), f"{work}/agent"
    ctl("init", *here, "acme.example")
    ctl("profile", "put", "clerk", *here, "--owner", "team:x@acme.example", "--ceiling", "send; pay(usd: *)")
    ctl("agent", *here, "--profile", "clerk", "--principal", "user:ann@acme.example", "--task", "t", "--scope", "send; pay(usd: *)", "--out", agent)

    def authorize(tool, arguments, expect=0):
        proof = ctl("prove", "--agent", agent, "--tool", tool, "--arguments", arguments, "--audience", "tools")
        ctl("authorize", *here, "--audience", "tools", "--tool", tool, "--arguments", arguments, "--proof", "-", agent,
            stdin=proof.encode(), expect=expect)

    for _ in range(3):
        authorize("send", "{}")
    authorize("pay", '{"usd": "5"}')
    authorize("fax", "{}", 10)
    ctl("audit", "checkpoint", *here, "--integrate")
    before = ctl("audit", "checkpoint", *here)
    rules = [{"id": "few", "match": "send", "rate": {"calls": 2, "per": "1d"}},
             {"id": "dear", "match": "pay(usd decimal >= '1000')", "then": "deny"}]
    file.write_text(json.dumps({"version": 1, "rules": rules}))
    found = ctl("policy", "replay", *here, str(file), "--json", expect=10, json_out=True)
    check((found["calls"]["judged"], found["calls"]["newly_denied"], found["calls"]["not_judged"]) == (4, 1, 1), "a replay counts calls", found)
    check(found["calls"]["denied_otherwise"] == 1, "and what no policy was asked about", found)
    few, dear = found["rules"]
    check((few["newly_denied"], few["examples"][0]["tool"], few["examples"][0]["reason"]) == (1, "send", "rate_limited"), "of each rule", few)
    check((dear["denied"], dear["not_judged"]) == (0, 1), "values that the log does not have are not guessed", dear)
    told, said = run("policy", "replay", *here, str(file), expect=10)
    check(told.startswith("few (rate): denies 1, 1 of them permitted before\n") and "rate_limited" in told, "for people", told)
    check("4 calls answered by the policy: 1 that the log permitted would be denied" in said and "argument values" in said, "in all", said)
    check("█" not in said, "no bar where it is piped", said)
    later = ctl("policy", "replay", *here, str(file), "--since", "2099-01-01", "--json", json_out=True)
    check(later["calls"]["judged"] == 0 and later["log"]["from_ms"] is None, "only the times that are asked about", later)
    check(ctl("policy", "replay", *here, str(file), "--until", "1h", "--json", json_out=True)["calls"]["judged"] == 0, "an hour ago")
    check(ctl("policy", "replay", *here, str(file), "--since", "1h", "--json", expect=10, json_out=True) == found, "since an hour ago")
    rules[0]["mode"] = "observe"
    file.write_text(json.dumps({"version": 1, "rules": rules}))
    seen = ctl("policy", "replay", *here, str(file), "--json", json_out=True)
    rules[1]["match"] = "pay(usd decimal >= '1')"
    file.write_text(json.dumps({"version": 1, "rules": rules}))
    ctl("policy", "apply", *here, str(file))
    authorize("pay", '{"usd": "7"}', 10)
    ctl("audit", "checkpoint", *here, "--integrate")
    before = ctl("audit", "checkpoint", *here)
    again = ctl("policy", "replay", *here, str(file), "--json", json_out=True)["calls"]
    check((again["newly_permitted"], again["not_judged"]) == (0, 2), "a denial that it cannot judge is not said to be permitted", again)
    check(b"few" in on_terminal("policy", "replay", *here, str(file)), "on a terminal too")
    check((seen["rules"][0]["observed"], seen["calls"]["newly_denied"]) == (1, 0), "a rule that is only observed denies nothing", seen)
    check(ctl("audit", "checkpoint", *here) == before, "a replay writes nothing")
    file.write_text('{"version": 1, "rules": [{"id": "r", "match": "t", "rate": {"calls": 1, "per": "1y"}}]}')
    _, error = run("policy", "replay", *here, str(file), "--json", expect=1)
    check((json.loads(error)["path"], json.loads(error)["rule"]) == ("rules[0].rate.per", "r"), "an error names its place", error)
    for wrong in (["--since", "soon"], ["--since", "2099-01-02", "--until", "2099-01-01"]):
        run("policy", "replay", *here, str(file), *wrong, expect=2)
    run("policy", "replay", "--authority", f"{work}/nowhere", str(file), expect=1)

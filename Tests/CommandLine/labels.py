"""Labels that people take away from an agent, each step in a process of its own."""
import json
import pathlib

from harness import check, ctl, run


def taken_away(work):
    here, home, file = ["--authority", f"{work}/acme"], f"{work}/agent", pathlib.Path(f"{work}/policy.json")
    ctl("init", *here, "acme.example")
    ctl("profile", "put", "clerk", *here, "--owner", "team:office@acme.example", "--ceiling", "read_mail; pay")
    key = ctl("approvals", "key", f"{work}/cfo.jwk").strip()
    file.write_text(json.dumps({
        "version": 1, "labels": ["untrusted"], "approvers": [{"name": "user:cfo", "key": key}],
        "rules": [
            {"id": "mail", "match": "read_mail", "labels": {"adds": ["untrusted"]}},
            {"id": "out", "match": "pay", "labels": {"refuses": ["untrusted"]}},
            {"id": "clear", "declassifies": ["untrusted"], "approval": {"of": ["user:cfo"]}}],
    }))
    ctl("policy", "apply", *here, str(file))
    ctl("agent", *here, "--profile", "clerk", "--principal", "user:ann@acme.example", "--task", "t", "--scope", "read_mail; pay", "--out", home)
    agent = ctl("agents", *here, "--json", json_out=True)[0]["id"]

    def call(tool, expect):
        proof = ctl("prove", "--agent", home, "--tool", tool, "--arguments", "{}", "--audience", "bank")
        return ctl("authorize", *here, "--audience", "bank", "--tool", tool, "--arguments", "{}", "--proof", "-", home, "--json",
                   stdin=proof.encode(), expect=expect, json_out=True)

    call("read_mail", 0)
    check(call("pay", 10)["reason"] == "flow_refused", "what was read is there")
    for wrong in ([], [agent], ["--label", "untrusted"], ["--request", "x", agent]):
        run("declassify", *here, *wrong, expect=2)
    run("declassify", *here, agent, "--label", "unheard-of", expect=1)
    request = ctl("declassify", *here, agent.rsplit("-", 1)[1], "--label", "untrusted").strip()
    check(agent in ctl("approvals", "show", *here, request), "people see whose labels")
    run("declassify", *here, "--request", request, expect=1)
    check(call("pay", 10)["reason"] == "flow_refused", "asking takes nothing away")
    run("approvals", "approve", *here, request, "--as", "user:cfo", "--key", f"{work}/cfo.jwk")
    run("declassify", *here, "--request", request)
    call("pay", 0)
    run("declassify", *here, "--request", request, expect=1)
    run("declassify", *here, "nobody", "--label", "untrusted", expect=1)
    call("read_mail", 0)
    check(call("pay", 10)["reason"] == "flow_refused", "what is read afterwards is there again")

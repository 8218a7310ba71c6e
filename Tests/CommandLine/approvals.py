"""Approvals: asked, shown, approved once, refused, run on by a hook, each call in a process of its own."""
import json
import pathlib

from harness import check, ctl, run, until

TOOLS = "pay(usd: *)"


def decided(work):
    here, home, file = ["--authority", f"{work}/acme"], f"{work}/agent", pathlib.Path(f"{work}/policy.json")
    ctl("init", *here, "acme.example")
    ctl("profile", "put", "clerk", *here, "--owner", "team:office@acme.example", "--ceiling", TOOLS)
    keys = {name: ctl("approvals", "key", f"{work}/{name}.jwk").strip() for name in ("cfo", "coo")}
    run("approvals", "key", f"{work}/cfo.jwk", expect=1)
    check((pathlib.Path(f"{work}/cfo.jwk").stat().st_mode & 0o777) == 0o600, "only its owner reads an approver's key")
    file.write_text(json.dumps({
        "version": 1, "approvers": [{"name": f"user:{name}", "key": key} for name, key in keys.items()],
        "rules": [{"id": "big", "match": "pay", "approval": {"of": ["user:cfo", "user:coo"], "need": 2}}],
    }))
    ctl("policy", "apply", *here, str(file))
    told = pathlib.Path(f"{work}/told")
    ctl("hooks", "add", "ask", *here, "--on", "approval", "--", "/bin/sh", "-c", f"cat >> {told}")
    ctl("agent", *here, "--profile", "clerk", "--principal", "user:ann@acme.example", "--task", "<b>\u202eodd", "--scope", TOOLS, "--out", home)

    def pay(usd, expect):
        arguments = json.dumps({"usd": usd})
        proof = ctl("prove", "--agent", home, "--tool", "pay", "--arguments", arguments, "--audience", "bank")
        return ctl("authorize", *here, "--audience", "bank", "--tool", "pay", "--arguments", arguments, "--proof", "-", home, "--json",
                   stdin=proof.encode(), expect=expect, json_out=True)

    check(ctl("approvals", "list", *here) == "", "nothing waits at first")
    denied = pay("<script>1", 10)
    request = denied["approval"]
    check((denied["reason"], denied["rule"]) == ("approval_required", "big") and request, "the denial names the request", denied)
    check(pay("<script>1", 10)["approval"] == request, "the very same call finds it again")
    listed = ctl("approvals", "list", *here, "--json", json_out=True)
    check([one["id"] for one in listed] == [request] and listed[0]["arguments"] == {"usd": "<script>1"}, "the list has it", listed)
    shown = ctl("approvals", "show", *here, request)
    check("pay" in shown and "user:ann@acme.example" in shown and "2 of user:cfo, user:coo" in shown, "people see who asks for what", shown)
    check("\u202e" not in shown and "\\u{202E}" in shown, "and what would not be seen", shown)
    page = ctl("approvals", "list", *here, "--html")
    check("&lt;script&gt;1" in page and "<script" not in page and "<b>" not in page and "\u202e" not in page, "the page shows texts as texts")

    def one_of(name, **how):
        return run("approvals", "approve", *here, request, "--as", f"user:{name}", "--key", f"{work}/{name}.jwk", **how)[1]

    run("approvals", "approve", *here, request, expect=2)
    check("waits" in one_of("cfo"), "one of two is not enough")
    check("already" in one_of("cfo", expect=1), "nor is the same one twice")
    wrong = run("approvals", "approve", *here, request, "--as", "user:eve", "--key", f"{work}/coo.jwk", expect=1)[1]
    check("is user:coo's" in wrong, "a key that is another's is told whose it is", wrong)
    pay("<script>1", 10)
    shown = ctl("approvals", "show", *here, request, "--json", json_out=True)
    signer = ["approvals", "sign", "--as", "user:coo", "--key", f"{work}/coo.jwk"]

    def elsewhere(request, **how):
        return run(*signer, "--shown", "-", stdin=json.dumps(request).encode(), AGENTID_AUTHORITY="", **how)

    for part in ({"arguments": {"usd": "1"}}, {"arguments": None}, {"state": "approved"}, {"call": {**shown["call"], "declassifies": ["a"]}},
                 {"call": {**shown["call"], "expires": 2**53}}, {"call": None}):
        said = elsewhere({**shown, **part}, expect=1)[1]
        check("-: " in said, "what is shown is what is signed", (part, said))
    run(*signer, *here, expect=2)
    run(*signer, request, "--shown", "-", stdin=b"{}", expect=2)
    here_signed = ctl(*signer, *here, request)
    token, said = elsewhere(shown)
    check('pay {"usd":"<script>1"}' in said and "user:coo" in said, "who signs elsewhere is told what", said)
    check(here_signed.count(".") == token.count(".") == 2, "both ways give a token", here_signed)
    run("approvals", "approve", *here, request, "--token", "-", stdin=token[:-9].encode(), expect=1)
    run("approvals", "approve", *here, request, "--token", "-", stdin=token.encode())
    check("not kept" in ctl("approvals", "show", *here, request), "arguments are gone once it is decided")
    pay("2", 10)
    pay("<script>1", 0)
    again = pay("<script>1", 10)
    check(again["approval"] not in (request, None), "an approval is good once", again)
    run("approvals", "show", *here, request, expect=1)
    run("approvals", "refuse", *here, again["approval"], "--as", "user:eve", expect=1)
    run("approvals", "refuse", *here, again["approval"], "--as", "user:coo")
    check(pay("<script>1", 10)["reason"] == "approval_refused", "what was refused is denied")
    ctl("hooks", "run", *here)
    until(lambda: told.exists() and told.read_text().count("\n") >= 5, "the hook is told")
    steps = [json.loads(line)["approval"] for line in told.read_text().splitlines() if line]
    check([step["state"] for step in steps if step["id"] == request] == ["asked", "approved", "approved", "used"], "of each step", steps)
    check("script" not in told.read_text(), "and of no value")
    log = "\n".join(path.read_text(errors="replace") for path in pathlib.Path(f"{work}/acme/audit").rglob("*") if path.is_file())
    check("approval_required" in log and "<script>1" not in log, "nor is the log")

"""Reasons of denials: one list, what a server answers, and errors that cross processes with all they say."""

import copy
import json
import pathlib
import pickle
import re
import typing

import libagentid
import pytest
from libagentid._abi import lib
from libagentid._calling import take
from life import CALL, check, open_authority, start

ROOT = pathlib.Path(__file__).resolve().parents[3]
REASONS = set(typing.get_args(libagentid.Reason))


def test_reasons_are_those_of_the_documentation():
    rows = (ROOT / "docs/reasons.md").read_text().partition("| reason | means")[2].splitlines()
    documented = {name for row in rows if row.startswith("| `") for name in re.findall(r"`([a-z_0-9]+)`", row.split("|")[1])}
    assert documented == REASONS and len(REASONS) > 70


def test_the_literal_lists_the_reasons_of_the_library():
    listed = json.loads(take(lib.agentid_reason_list))
    assert {entry["reason"] for entry in listed} == REASONS and len(listed) == len(REASONS)


def test_a_server_answers_to_each_reason_as_in_every_language():
    lines = [line.split("\t") for line in (ROOT / "Tests/Verdicts/reasons.tsv").read_text().splitlines()]
    assert {line[0] for line in lines} == REASONS
    for reason, category, status, challenge in lines:
        denied = libagentid.Denied(1, reason, "m", "", None)
        assert (denied.category, denied.http_status, denied.challenge or "") == (category, int(status), challenge), reason


def test_a_denial_says_what_a_server_answers():
    for reason, category, status in (
        ("replayed", "unauthorized", 401), ("pop_missing", "unauthorized", 401), ("tool_not_authorized", "forbidden", 403),
        ("authority_revoked", "forbidden", 403), ("audit_unavailable", "undecided", 503), ("clock_failed", "undecided", 503),
        ("of_a_newer_library", "forbidden", 403), ("chain_unknown", "unauthorized", 428),
        ("rate_limited", "forbidden", 429), ("meters_full", "undecided", 503),
    ):  # fmt: skip
        denied = libagentid.Denied(1, reason, "m", "", None)
        assert (denied.category, denied.http_status) == (category, status)


def test_an_error_crosses_processes_with_everything_in_it():
    with open_authority() as acme, start(acme) as agent:
        with pytest.raises(libagentid.Denied) as caught:
            agent.authorize("read_file", {"path": "/etc"})
        denied = caught.value
        denied.request_id = "r1"
        if hasattr(denied, "add_note"):
            denied.add_note("noted")
        assert copy.copy(denied) is denied and copy.deepcopy([denied])[0] is denied
        over = pickle.loads(pickle.dumps(denied))
        assert type(over) is libagentid.Denied and str(over) == str(denied) and repr(over) == repr(denied)
        for name in ("code", "name", "message", "where", "link", "reason", "argument", "category", "http_status", "request_id"):
            assert getattr(over, name) == getattr(denied, name), name
        assert getattr(over, "__notes__", None) == getattr(denied, "__notes__", None)
        assert over.decision is None and over.document == denied.document
        check("decision", over.document)
        assert pickle.loads(pickle.dumps(over)).document == denied.document, "twice over"
        denied.decision.close()
        assert pickle.loads(pickle.dumps(denied)).document is None
    with pytest.raises(libagentid.ScopeError) as wrong:
        libagentid.Scope("t(")
    assert repr(pickle.loads(pickle.dumps(wrong.value))) == repr(wrong.value)


def test_what_is_shown_names_the_rule_and_no_secret():
    with open_authority() as acme, start(acme) as agent:
        permit, denial = agent.check(*CALL), agent.check("read_file", {"path": "/etc/secret-name"})
        assert repr(permit) == "<Decision: permit>" and repr(denial) == "<Decision: deny, argument_constraint_violated>"
        with pytest.raises(libagentid.Denied) as caught:
            agent.authorize("read_file", {"path": "/etc/secret-name"})
        assert repr(caught.value).startswith("Denied('argument_constraint_violated', ") and "secret-name" not in repr(
            caught.value
        )
        permit.close()
        assert repr(permit) == "<a closed Decision>"

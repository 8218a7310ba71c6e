"""Documents of the library hold to their JSON Schemas in docs/schemas."""

import json

import jsonschema
import libagentid
import pytest
from life import SCHEMAS, check

EVERY_TYPE = """
t(a == "x", b >= 1 < 5, c in [1,2], d not in ["x"], e contains ["x"], f subset of ["a","b"], g: *, h under "/data", i like "*.csv",
  j uri {"hosts":["*.acme.example"],"schemes":["https"],"ports":[443],"path":"/v1"}, k cidr ["10.0.0.0/8"],
  l decimal >= "0.01" <= "500", m all(>= 1, <= 5), n any(== 1, == "x"))
"""


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_every_schema_is_a_schema(path):
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_scopes_of_every_constraint_type():
    scope = libagentid.Scope(EVERY_TYPE).json
    check("scope", scope)
    assert len(scope["t"]) == 14
    for wrong in ({"t": {"a": {"constraint_type": "regex"}}}, {"t": {"a": {}}}, {"t": []}):
        with pytest.raises(jsonschema.ValidationError):
            check("scope", wrong)


def test_decisions_and_profiles():
    with libagentid.Authority.open(trust_domain="acme.example") as acme:
        acme.put_profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
        check("profile", acme.profiles()[0])
        with acme.agent(
            "researcher", principal="user:alice@acme.example", task="t", scope="read_file(path under '/data')"
        ) as agent:
            for call in (("read_file", {"path": "/data/x"}), ("read_file", {"path": "/etc"}), ("other", {})):
                check("decision", agent.check(*call).document)
            with acme.guard(audience="files") as guard:
                check("decision", guard.check("read_file", {}, chain="no chain", proof="").document)

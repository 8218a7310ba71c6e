"""An authority with an issuer beside it, for the tests that need both: `from world import *`."""

import libagentid
import pytest
from libagentid.spiffe import Bundles, Issuer, Source

SCOPE = "read_file(path under '/data')"


@pytest.fixture
def domain(tmp_path):
    """A trust domain of its own for each test: some end everything."""
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("reader", owner="team:x@acme.example", ceiling=SCOPE + "; search(query: *)")
        yield acme


@pytest.fixture
def issuer(domain, tmp_path):
    with Issuer.open(domain, tmp_path / "x509", trust_domain="acme.example") as issuer:
        yield issuer


@pytest.fixture
def begin(domain):
    def begin(**said):
        given = {"principal": "user:alice@acme.example", "task": "T-1", "scope": SCOPE, **said}
        return domain.agent("reader", **given)

    return begin


@pytest.fixture
def reader(begin):
    return begin()


@pytest.fixture
def source(issuer, reader):
    return Source(issuer, reader)


@pytest.fixture
def trusted(issuer):
    return Bundles([issuer.bundle()])

"""What docs/comparison.md says that peers do, done: one line each. Run in an environment with the peers of requirements.txt,
and once more in one with agentmesh-platform==3.7.0; what is not installed is left out."""
import importlib.metadata
import importlib.util
import logging
import time
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)


def say(package, claim, holds):
    print(f"{package} {importlib.metadata.version(package)}: {claim}: {'yes' if holds else 'no'}")


def permits(call, *refusals):
    try:
        call()
        return True
    except refusals or (Exception,):
        return False


def tenuo():
    from tenuo import Authorizer, Pattern, SigningKey, Subpath, Warrant

    root, holder, thief = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
    scope = {"read_file": {"path": Pattern("/data/*")}}
    warrant = Warrant.issue(root, capabilities=scope, ttl_seconds=300, holder=holder.public_key)
    authorizer, call = Authorizer(trusted_roots=[root.public_key]), {"path": "/data/a.csv"}

    def ask(key, arguments=call, signature=None):
        signature = signature or warrant.sign(key, "read_file", arguments, int(time.time()))
        return permits(lambda: authorizer.check_chain([warrant], "read_file", arguments, signature=signature))

    say("tenuo", "the holder's call is permitted", ask(holder))
    say("tenuo", "a thief's call is permitted", ask(thief))
    proof = warrant.sign(holder, "read_file", call, int(time.time()))
    say("tenuo", "Authorizer accepts one proof twice", ask(holder, call, proof) and ask(holder, call, proof))
    wider = {"read_file": {"path": Pattern("/*")}}
    say("tenuo", "a child can be wider", permits(
        lambda: warrant.attenuate(wider, holder, ttl_seconds=60, holder=thief.public_key)))
    say("tenuo", "Pattern('/data/*') permits /data/../etc/passwd", ask(holder, {"path": "/data/../etc/passwd"}))
    warrant = Warrant.issue(root, capabilities={"read_file": {"path": Subpath("/data")}}, ttl_seconds=300, holder=holder.public_key)
    say("tenuo", "Subpath('/data') permits it", ask(holder, {"path": "/data/../etc/passwd"}))
    print(f"tenuo {importlib.metadata.version('tenuo')}: characters of that warrant: {len(warrant.to_base64())}")


def biscuit():
    from biscuit_auth import AuthorizerBuilder, Biscuit, BiscuitBuilder, BlockBuilder, KeyPair

    root = KeyPair()
    token = BiscuitBuilder('right("read_file", "/data/a.csv")').build(root.private_key)
    narrower = token.append(BlockBuilder('check if operation("search")'))

    def ask(bytes_, operation="read_file"):
        found = Biscuit.from_bytes(bytes_, root.public_key)
        policy = f'operation("{operation}"); allow if right($o, $p), operation($o)'
        return permits(lambda: AuthorizerBuilder(policy).build(found).authorize())

    say("biscuit-python", "whoever has the token's bytes may use it", ask(bytes(token.to_bytes())))
    say("biscuit-python", "whoever has it may narrow it, without a key of their own", not ask(bytes(narrower.to_bytes())))


def macaroons():
    from pymacaroons import Macaroon, Verifier

    forged = Macaroon(location="x", identifier="k", key="the verifier's key")
    say("pymacaroons", "who can verify can mint", permits(lambda: Verifier().verify(forged, "the verifier's key")))


def agentmesh():
    from agentmesh import AgentIdentity
    from agentmesh.identity.delegation import DelegationLink, ScopeChain

    root = AgentIdentity.create("root", "ops@acme.example", ["tool:search", "tool:read_file"])
    child = root.delegate("child", ["tool:search"])
    link = DelegationLink(
        link_id="l0", depth=0, parent_did=str(root.did), child_did=str(child.did), parent_capabilities=root.capabilities,
        delegated_capabilities=child.capabilities, parent_signature="AAAA", link_hash="", previous_link_hash=None)
    link.link_hash = link.compute_hash()

    def ask(**known):
        chain = ScopeChain(
            chain_id="c", root_sponsor_email="ops@acme.example", root_capabilities=root.capabilities, leaf_did=str(root.did),
            leaf_capabilities=root.capabilities, max_depth=10, **known)
        return permits(lambda: chain.add_link(link)) and chain.verify()[0]

    known = {str(identity.did): identity for identity in (root, child)}
    say("agentmesh-platform", "a forged link verifies where the identities are known", ask(known_identities=known))
    say("agentmesh-platform", "a forged link verifies where none is known", ask())


for module, claims in {"tenuo": tenuo, "biscuit_auth": biscuit, "pymacaroons": macaroons, "agentmesh": agentmesh}.items():
    if importlib.util.find_spec(module):
        claims()

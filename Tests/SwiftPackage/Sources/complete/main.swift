import AgentID
import Glibc

// The whole life of agents through `import AgentID` alone: without concurrency, without Foundation, at no place that waits
// for another thread but where it says so.

func expect(_ isSo: Bool, line: Int = #line) {
    guard !isSo else { return }
    print("main.swift:\(line): not so")
    exit(1)
}

func json(_ path: String) -> [UInt8] { JSONTree.object(["path": .string(path)]).canonical() }

let directory = CommandLine.arguments[1]
var options = Authority.Options()
options.trustDomain = "acme.example"
options.passphrase = try Passphrase(Array("correct horse".utf8))
options.leaseDuration = 60
let acme = try Authority.open(directory: directory, options: options)

// Profiles: a ceiling that nobody exceeds, an owner, a review.
let profile = try Profile(
    name: "researcher", owner: "team:research@acme.example",
    ceiling: Scope("read_file(path under '/data'); search(query: *)"), maxLifetime: 3600, maxDepth: 3)
try acme.put(profile)
expect(try acme.profile(named: "researcher") == profile && acme.profiles().count == 1)
try acme.certify(profile: "researcher", reviewBy: SystemClock().milliseconds / 1000 + 86_400)
do {
    _ = try Scope("read_file(path")
    expect(false)
} catch { expect(!error.description.isEmpty) }

// Hooks and secrets, told by closures.
let told = Log()
try acme.add(Hook("pager", on: LifecycleEvent.Name.usual, action: .callback { told.add($0) }))
try acme.add(Hook("true", on: [.created], action: .command(["/bin/true"])))
try acme.add(Vault(log: told), named: "vault")

// An agent, below it another with less, and a delegation to a key held elsewhere.
let request = AgentRequest(
    principal: "user:alice@acme.example", task: "Q3 review", scope: try Scope("read_file(path under '/data/q3')"),
    intent: "what changed in Q3?", labels: ["internal"])
let agent = try acme.startAgent(profile: "researcher", request)
let child = try agent.spawn("reader", DelegationRequest(scope: Scope("read_file(path under '/data/q3/public')")))
expect(try child.id().hasPrefix(agent.id() + "/reader/"))
expect(try agent.scope().subsumes(child.scope()) && agent.credential() != nil)
let key = try SigningKey.generate()
let delegated = try Agent.open(key: key, chain: agent.delegate(to: key.publicKey, .sameScope(lifetime: 60)))
let (chain, _) = try acme.issue(profile: "researcher", to: key.publicKey, request)
expect(try Agent.open(key: key, chain: chain).publicKey() == key.publicKey)

// Decisions here, and by a guard that knows the directory or the bundle alone.
let permit = try child.authorize(tool: "read_file", arguments: json("/data/q3/public/a"))
expect(permit.decision.isPermitted && !permit.id.isEmpty)
do throws(NotPermitted) {
    try child.authorize(tool: "read_file", arguments: json("/data/q3/b"))
    expect(false)
} catch { expect(error.denial?.reason.rawValue == "argument_constraint_violated") }
let denial = try child.check(tool: "read_file", arguments: json("/data/q3/b")).denial
expect(denial?.reason.rawValue == "argument_constraint_violated" && denial?.link == 1 && denial?.argument == "path")
var guardOptions = Guard.Options()
guardOptions.audience = "files"
let (near, far) = (try Guard.open(directory: directory, guardOptions), try Guard(guardOptions))
try far.addBundle(Array(acme.bundle().utf8), for: "acme.example")
for guardian in [near, far, try acme.guarding(guardOptions)] {
    for caller in [child, delegated] {
        let arguments = json("/data/q3/public/a")
        let proof = try caller.prove(tool: "read_file", arguments: arguments, audience: "files")
        let chain = try caller.chain()
        let decision = guardian.check(chain: chain, proof: proof, tool: "read_file", arguments: arguments)
        expect(decision.isPermitted)
        let again = guardian.check(chain: chain, proof: proof, tool: "read_file", arguments: arguments)
        expect(again.denial?.reason.rawValue == "replayed")
    }
}
let admission = try near.admit(chain: Array(child.chain().utf8))
expect(admission.guardian === near)
try near.report("succeeded", of: permit.id)

// A secret for the permitted call.
let (lease, secret) = try acme.acquire(for: permit, from: "vault", resource: "files", timeToLive: 30)
expect(try secret.withSpan { $0.count } == 6 && acme.brokerLeases().count == 1)
try acme.release(lease: lease)
expect(try acme.brokerLeases().isEmpty)
_ = try acme.acquire(for: permit, from: "vault", resource: "files", timeToLive: 30)

// Suspended and resumed; a new key; a new signing key.
try acme.suspend(agent: agent.id(), reason: "look into it")
let suspended = try child.check(tool: "read_file", arguments: json("/data/q3/public/a"))
expect(suspended.denial?.reason.rawValue == "suspended" && suspended.principal == request.principal)
try acme.resume(agent: agent.id())
try agent.rotateKey()
try acme.publishKey()
try acme.activateKey()
expect(try agent.check(tool: "read_file", arguments: json("/data/q3/a")).isPermitted)

// Revoked, ended, gone; the receipt is verified with the bundle alone.
try far.revoke(Revocation(.agent, child.id()))
let id = try agent.id()
let receipt = try acme.deprovision(agent: id, reason: "done") ?? ""
let tombstone = try Tombstone(verifying: receipt, bundle: Array(acme.bundle().utf8), trustDomain: "acme.example")
expect(tombstone.agent == id && tombstone.reason == "done")
let gone = try acme.verifyGone(agent: id) { presented, all in expect(presented <= all) }
expect(gone.isGone && gone.agents == 2 && gone.leases.isEmpty)
expect(try acme.reap() == 0)
expect(try acme.deprovision(principal: "user:alice@acme.example", reason: "left") == 1)
expect(try acme.withdraw(profile: "researcher") == 0 && !acme.revocations().isEmpty)
var selection = AgentSelection()
selection.state = "deprovisioned"
expect(try acme.agents(selection).count == 3)

// Told of all of it, and written down.
expect(try acme.settle(milliseconds: 30_000))
expect(told.count(of: "\"event\":\"deprovisioned\"") == 3 && told.count(of: "released") == 2)
expect(try acme.hooks().count == 2 && acme.deliveries(dead: true).isEmpty)
try acme.integrate()
let log = try AuditReader(authority: directory)
expect(try log.verify().isSound && log.count > 10)
expect(try log.find(decision: permit.id).text.utf8.count > 100)
let checkpoint: Checkpoint = log.checkpoint
let inclusion: InclusionProof = try log.inclusionProof(of: 0)
let consistency: ConsistencyProof = try log.consistencyProof(from: 1)
expect(checkpoint.size == inclusion.size && consistency.newSize == log.count)
let usage = try acme.usage()
expect(usage.profiles.first?.permitted ?? 0 >= 3)
acme.close()
print("complete")

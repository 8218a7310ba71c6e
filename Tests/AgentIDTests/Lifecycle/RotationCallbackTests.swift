import JOSE
import Synchronization
import Testing

@testable import AgentID

/// No signer is asked under an agent's lock: one that calls back is answered, and one that hangs keeps nobody waiting.
@Suite struct RotationCallbackTests {
    private final class Calling: Signer {
        let key: SigningKey
        let next = Monitor<(@Sendable () -> Void)?>(nil)
        var publicKey: PublicKey { key.publicKey }
        init(_ key: SigningKey) { self.key = key }
        func sign(_ message: [UInt8]) throws -> [UInt8] {
            let body = next.change { next in
                defer { next = nil }
                return next
            }
            body?()
            return key.sign(message.span)
        }
    }

    private static func name(_ body: () throws -> Void) -> String {
        do { try body() } catch { return (error as? AgentIDError)?.name ?? "\(error)" }
        return "done"
    }

    @Test(arguments: [false, true])
    func aSignerMayCallTheAgentThatItSignsFor(revokingOldKey: Bool) throws {
        let calls: [(name: String, body: @Sendable (Agent) throws -> Void, answer: [String])] = [
            ("labels", { try $0.addLabels(["secret"]) }, ["done"]),
            ("rotate", { try $0.rotateKey() }, ["done"]),
            ("revoke", { try $0.rotateKey(revokingOldKey: true) }, ["done"]),
            // What is parked, or has ended, is not rotated any more.
            ("park", { try $0.park(for: 60) }, ["agent_closed"]),
            ("end", { _ = try $0.end() }, ["agent_closed", "agent_deprovisioned"]),
        ]
        for call in calls {
            let signer = Calling(try SigningKey.generate())
            let world = try World { $0.signer = signer }
            let agent = try world.start()
            _ = try agent.credential()
            let told = Monitor("")
            signer.next.change { next in
                next = { told.change { $0 = Self.name { try call.body(agent) } } }
            }
            let answer = Self.name { try agent.rotateKey(revokingOldKey: revokingOldKey) }
            #expect(call.answer.contains(answer), "\(call.name): \(answer)")
            #expect(told.change { $0 } == "done", "\(call.name)")
            guard answer == "done" else { continue }
            let arguments = [UInt8](#"{"path":"/data/q3/a.csv"}"#.utf8)
            #expect(try agent.check(tool: "read_file", arguments: arguments).isPermitted)
        }
    }

    /// As when as many threads rotate one agent's key at once: each has its own, in the end.
    @Test func aRotationIsMadeHoweverManyOthersComeBetween() throws {
        let signer = Calling(try SigningKey.generate())
        let world = try World { $0.signer = signer }
        let agent = try world.start()
        let left = Monitor(6)
        @Sendable func rotateBetween() {
            let isDone = left.change { left in
                left -= 1
                return left < 0
            }
            guard !isDone else { return }
            #expect(Self.name { try agent.rotateKey(revokingOldKey: true) } == "done")
            signer.next.change { $0 = rotateBetween }
        }
        signer.next.change { $0 = rotateBetween }
        #expect(Self.name { try agent.rotateKey(revokingOldKey: true) } == "done")
        #expect(left.change { $0 } < 0)
    }

    @Test func whatWasToldWhileASignerHangsIsNotLost() throws {
        let signer = Calling(try SigningKey.generate())
        let world = try World { $0.signer = signer }
        let (parent, child) = try {
            let parent = try world.start()
            return (parent, try parent.spawn("child", DelegationRequest(scope: parent.scope())))
        }()
        _ = try parent.credential()
        let (isAsked, goesOn) = (Monitor(false), Monitor(false))
        signer.next.change { next in
            next = {
                isAsked.change { $0 = true }
                _ = goesOn.wait { $0 ? true : nil }
            }
        }
        let result = Monitor<String?>(nil)
        let thread = try BackgroundThread.start(name: "rotation") { _ in
            let answer = Self.name { try parent.rotateKey() }
            result.change { $0 = answer }
        }
        _ = isAsked.wait { $0 ? true : nil }
        // Neither waits for the signer.
        try parent.addLabels(["secret"])
        try child.rotateKey()
        goesOn.change { $0 = true }
        #expect(result.wait { $0 } == "done")
        thread.stop()
        #expect(try parent.labels().contains("secret"))
    }
}

internal import JOSE

/// How far something is known to have got, by a word that only grows and that all processes share.
package enum RegistryMark: Int, CaseIterable, Sendable {
    /// How many transactions were committed.
    case writes
    /// How far the journal was appended to: see ``JournalMark/position``.
    case journal
    /// How many entries the audit log has.
    case log
    /// How many used proofs the file `replay` remembered: see ``ReplayWitness``.
    case proofs
    /// How many transactions the file `registry.db` had by itself, without its `-wal`.
    case database
}

/// Names one registry: 32 hexadecimal digits, drawn when it is made and when it is restored.
enum RegistryEpoch {
    static func draw() -> String {
        let drawn = Sodium.sipHashKey()
        return String(
            decoding: ByteWriter.bytes(32) { digits in
                digits.put(hexadecimal: drawn.x)
                digits.put(hexadecimal: drawn.y)
            }, as: UTF8.self)
    }

    /// As two words; zeros for what is no epoch.
    static func words(_ epoch: String) -> SIMD2<UInt64> {
        let digits = Array(epoch.utf8)
        guard digits.count == 32 else { return .zero }
        func word(_ digits: ArraySlice<UInt8>) -> UInt64 {
            UInt64(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0
        }
        return SIMD2(word(digits[..<16]), word(digits[16...]))
    }
}

/// What holds a registry and what lies beside it together: all of it carries one random epoch, and counts that only grow.
///
/// What went back, or is another's, was replaced, removed or restored beneath whoever has it open: nothing that it says
/// can be relied on, and nothing is permitted by it.
enum Apart {
    static func directory(_ path: String, _ what: String) -> AgentIDError {
        error(
            "directory_replaced", "the directory \(what)",
            "put it back, or open the authority or guard anew where it is now", at: path)
    }

    static func registry(_ what: String, at path: String) -> AgentIDError {
        error("registry_replaced", what, again, at: path)
    }

    static func rolledBack(_ what: String, at path: String) -> AgentIDError {
        error("registry_rolled_back", "the registry is older than it was: \(what)", again, at: path)
    }

    static func journal(_ what: String, at path: String) -> AgentIDError {
        error("journal_rolled_back", "the journal \(what): revocations may be missing", again, at: path)
    }

    static func log(_ what: String, at path: String) -> AgentIDError {
        error("audit_replaced", "the audit log was removed or replaced: \(what)", again, at: path)
    }

    static func logRolledBack(_ what: String, at path: String) -> AgentIDError {
        error("audit_rolled_back", "the audit log is older than it was: \(what)", again, at: path)
    }

    private static let again =
        "end what has the directory open, put the newest of all of it in its place, run agentidctl restored, open anew"

    private static func error(_ name: String, _ what: String, _ remedy: String, at place: String) -> AgentIDError {
        AgentIDError(.state, name: name, message: "\(what): \(remedy)", at: place)
    }
}

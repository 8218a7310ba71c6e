internal import JOSE

/// Where a decision stands in the audit log: what its ID is made of when somebody asks.
struct AuditRecord: Sendable {
    let process: AuditProcess
    let number: UInt64

    var id: String { String(decoding: ByteWriter.bytes(64) { process.put(number, to: &$0) }, as: UTF8.self) }
}

/// A name that no other process draws, and that its decisions' IDs begin with.
final class AuditProcess: Sendable {
    /// What this process's decisions' IDs begin with: 33 characters.
    let name: [UInt8]

    init() {
        let drawn = Sodium.sipHashKey()
        name = ByteWriter.bytes(33) { name in
            name.put(hexadecimal: drawn.x)
            name.put(hexadecimal: drawn.y)
            name.put("-")
        }
    }

    /// Writes the ID of this process's decision of a number: 49 characters.
    func put(_ number: UInt64, to line: inout ByteWriter) {
        line.put(name)
        line.put(hexadecimal: number)
    }
}

internal import JOSE

/// The place of a decision in the audit log; its ID is made from it on demand.
struct AuditRecord: Sendable {
    let process: AuditProcess
    let number: UInt64

    var id: String { String(decoding: ByteWriter.bytes(64) { process.put(number, to: &$0) }, as: UTF8.self) }
}

/// A name that no other process draws; its decisions' IDs begin with it.
final class AuditProcess: Sendable {
    /// The beginning of this process's decisions' IDs: 33 characters.
    let name: [UInt8]

    init() {
        let drawn = Sodium.sipHashKey()
        name = ByteWriter.bytes(33) { name in
            name.put(hexadecimal: drawn.x)
            name.put(hexadecimal: drawn.y)
            name.put("-")
        }
    }

    /// Writes the ID of the decision with this number of this process: 49 characters.
    func put(_ number: UInt64, to line: inout ByteWriter) {
        line.put(name)
        line.put(hexadecimal: number)
    }
}

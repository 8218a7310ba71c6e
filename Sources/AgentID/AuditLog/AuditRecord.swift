internal import JOSE

/// The place of a decision in the audit log; its ID is made from it on demand.
struct AuditRecord: Sendable {
    let process: AuditProcess
    let number: UInt64

    var id: String { String(decoding: ByteWriter.bytes(64) { process.put(number, to: &$0) }, as: UTF8.self) }

    /// Whether a text has the form of a decision's ID; of this process's decisions, whether there was such a one.
    static func couldBe(_ id: String, by process: AuditProcess, made: UInt64) -> Bool {
        let (bytes, count) = (Array(id.utf8), process.name.count)
        let isForm =
            bytes.count == count + 16
            && bytes.indices.allSatisfy { i in
                i == count - 1
                    ? bytes[i] == UInt8(ascii: "-")
                    : (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[i])
                        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(bytes[i])
            }
        guard isForm, bytes.starts(with: process.name) else { return isForm }
        let number = UInt64(id.suffix(16), radix: 16) ?? 0
        return number > 0 && number <= made
    }
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

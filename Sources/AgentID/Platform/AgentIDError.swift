internal import JOSE
public import Scopes
internal import StrictJSON

/// A failed call: a fault of the call or of the machine, never a denial (that is a ``Denial``).
public struct AgentIDError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The family of an error; the number is the C interface's `agentid_status`.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number of the status.
        public let rawValue: Int32
        /// The code with this number.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// An argument is missing or out of range.
        public static let argument = Code(rawValue: 2)
        /// A token, document, key or identifier is not well-formed.
        public static let malformed = Code(rawValue: 5)
        /// A scope is malformed, or an intersection is empty.
        public static let scope = Code(rawValue: 6)
        /// The named object does not exist.
        public static let notFound = Code(rawValue: 7)
        /// The object exists already.
        public static let exists = Code(rawValue: 8)
        /// Not possible in the present state.
        public static let state = Code(rawValue: 9)
        /// Beyond a documented limit.
        public static let limit = Code(rawValue: 10)
        /// A file could not be read, written or locked, or is not safe.
        public static let io = Code(rawValue: 11)
        /// A passphrase is missing or wrong.
        public static let passphrase = Code(rawValue: 12)
        /// The caller's signer failed.
        public static let signer = Code(rawValue: 13)
        /// Data of a newer version of the library.
        public static let version = Code(rawValue: 14)
        /// A fault of the library or of the machine.
        public static let `internal` = Code(rawValue: 15)
    }

    /// The family.
    public let code: Code
    /// The stable name, in snake case.
    public let name: String
    /// The fault and its remedy, for people.
    public let message: String
    /// The option, claim or parameter at fault; empty if there is none.
    public let place: String

    /// An error of this kind. Quotations from outside in its texts are made printable.
    public init(_ code: Code, name: String, message: String, at place: String = "") {
        self.code = code
        self.name = name
        (self.message, self.place) = (message.printable, place.printable)
    }

    /// A scope's error, at the option that held the scope.
    public init(_ error: ScopeError, at place: String) {
        self.init(error.isTooCostly ? .limit : .scope, name: error.name, message: error.description, at: place)
    }

    init(_ error: JOSEError, at place: String) {
        let code: Code = error.name == "guarded_memory" ? .limit : .malformed
        self.init(code, name: error.name, message: error.description, at: place)
    }

    init(_ error: JSON.ParseError, at place: String) {
        if error.isTooCostly {
            self.init(.limit, name: "too_costly", message: error.description, at: place)
        } else {
            self.init(.malformed, name: "json", message: "this is not JSON as it is read here: \(error)", at: place)
        }
    }

    /// The place and the message, for people. A path that the message names is said once.
    public var description: String { place.isEmpty || namesPath ? message : "\(place): \(message)" }

    private var namesPath: Bool {
        let (text, path) = (Array(message.utf8), Array(place.utf8))
        return path.contains(UInt8(ascii: "/")) && text.indices.contains { text[$0...].starts(with: path) }
    }
}

extension AgentIDError {
    /// There is nothing of this kind and name; the remedy follows a colon.
    static func unknown(_ kind: String, _ name: String, _ remedy: String, at place: String) -> AgentIDError {
        // Of a name of any length, enough to know it by.
        let shown = name.utf8.count > 128 ? "\(String(decoding: name.utf8.prefix(64), as: UTF8.self))..." : name
        return AgentIDError(
            .notFound, name: kind, message: "there is no \(kind) '\(shown)'\(remedy)", at: place)
    }
}

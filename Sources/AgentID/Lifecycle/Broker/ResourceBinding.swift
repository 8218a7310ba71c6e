internal import StrictJSON

/// The resource that calls of a tool may open at a provider.
public struct ToolResource: Sendable {
    /// The tool, byte for byte as grants name it.
    public let tool: String
    /// The resource, in which `{name}` stands for the call's argument of that name, a text, e.g. `crm/{table}`. Beside other
    /// text it leads nowhere else: one that is empty, has a second `/` after that text's, a `.` or `..` segment, a backslash or
    /// a control character names nothing.
    public let resource: String

    /// A tool and its resource.
    public init(tool: String, resource: String) { (self.tool, self.resource) = (tool, resource) }
}

/// Which resource a permitted call may open: what its own arguments name.
struct ResourceBinding: Sendable {
    private enum Part: Sendable {
        case text(String)
        case argument(String)
    }

    private var tools: [ExactText: [Part]] = [:]

    /// - Parameter resources: One for each tool. With none, a call may open what one of its arguments says.
    init(_ resources: [ToolResource]) throws(AgentIDError) {
        for (i, entry) in resources.enumerated() {
            let place = "provider.resources[\(i)]"
            guard (1...AuditBounds.tool).contains(entry.tool.utf8.count), tools[entry.tool.exact] == nil else {
                throw Self.refusal("a tool's name has 1 to \(AuditBounds.tool) bytes, and comes once", at: place)
            }
            guard (1...Self.longest).contains(entry.resource.utf8.count), let parts = Self.parts(entry.resource) else {
                throw Self.refusal(
                    "a resource has 1 to \(Self.longest) bytes, and each { encloses an argument's name: {name}",
                    at: place)
            }
            tools[entry.tool.exact] = parts
        }
    }

    /// The longest resource, in bytes.
    static let longest = 2048

    var isEmpty: Bool { tools.isEmpty }

    /// Whether a call of a tool may open a resource.
    func admits(_ resource: String, tool: String, _ arguments: JSON.Value) -> Bool {
        guard !isEmpty else { return arguments.members.contains { $0.value.equals(resource) } }
        guard let parts = tools[tool.exact] else { return false }
        var named = ""
        for part in parts {
            switch part {
            case .text(let text): named += text
            case .argument(let name):
                guard let argument = arguments[name]?.string, parts.count == 1 || Self.leadsOn(argument, after: named)
                else { return false }
                named += argument
            }
            guard named.utf8.count <= Self.longest else { return false }
        }
        guard parts.count == 1 || !Self.hasDots(named) else { return false }
        return named.isSame(as: resource)
    }

    /// Whether an argument beside other text can be read in one way: as something below that text.
    private static func leadsOn(_ argument: String, after text: String) -> Bool {
        let slash = UInt8(ascii: "/")
        guard let first = argument.utf8.first, first != slash || text.utf8.last != slash else { return false }
        return argument.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }
    }

    /// Whether a resource has a segment that leads up, also one that only text and arguments together make.
    private static func hasDots(_ resource: String) -> Bool {
        resource.utf8.split(separator: UInt8(ascii: "/")).contains { segment in
            (1...2).contains(segment.count) && segment.allSatisfy { $0 == UInt8(ascii: ".") }
        }
    }

    private static func parts(_ template: String) -> [Part]? {
        var (parts, from, isName): ([Part], [UInt8], Bool) = ([], [], false)
        for byte in template.utf8 {
            switch byte {
            case UInt8(ascii: "{"):
                guard !isName else { return nil }
                if !from.isEmpty { parts.append(.text(String(decoding: from, as: UTF8.self))) }
                (from, isName) = ([], true)
            case UInt8(ascii: "}"):
                guard isName, !from.isEmpty else { return nil }
                parts.append(.argument(String(decoding: from, as: UTF8.self)))
                (from, isName) = ([], false)
            default: from.append(byte)
            }
        }
        guard !isName else { return nil }
        if !from.isEmpty { parts.append(.text(String(decoding: from, as: UTF8.self))) }
        return parts
    }

    private static func refusal(_ message: String, at place: String) -> AgentIDError {
        AgentIDError(.argument, name: "provider", message: message, at: place)
    }
}

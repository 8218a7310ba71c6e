internal import StrictJSON

/// The arguments by which the tools of a ceiling reach something: written once, from the tools' descriptions.
///
///     {"send_email":  {"arguments": {"recipients": "address:people[]", "cc": "address:people[]?"}, "words": ["send"]},
///      "get_webpage": {"arguments": {"url": "url"}},
///      "delete_file": {"arguments": {"file_id": "name:files"}, "words": ["delet*", "remov*"]}}
///
/// They are declared, and never guessed from the ceiling's constraints: an argument that a guess overlooks stays open.
public struct TaskPins: Sendable {
    /// The largest document, in bytes.
    public static let longest = 1 << 16

    let tools: [ToolPins]

    /// Reads the document. Throws `invalid_pins` with the tool and the argument at fault.
    public init(parsing bytes: [UInt8]) throws(ScopeError) {
        let json = try TaskInput.object(bytes, "the pins", atMost: JSON.Limits(bytes: Self.longest, depth: 8))
        guard json.count <= ScopeLimits.tools else {
            throw ScopeError("limit_exceeded", "there are pins of at most \(ScopeLimits.tools) tools")
        }
        var tools: [ToolPins] = []
        for (name, pins) in json.members {
            let name = name.string ?? ""
            do throws(ScopeError) { tools.append(try ToolPins(name, pins)) } catch { throw error.at(tool: name) }
        }
        self.tools = tools
    }

    func pins(of tool: String) -> ToolPins? { tools.first { $0.name.isExactly(tool) } }
}

/// The pins of one tool.
struct ToolPins: Sendable {
    let name: String
    let arguments: [ArgumentPin]
    /// One of these stands in the words of a person who wants the tool; `nil` where any words will do.
    let words: [PromptWord]?

    init(_ name: String, _ json: JSON.Value) throws(ScopeError) {
        let wrong = { (message: String) in ScopeError("invalid_pins", message, position: json.position) }
        guard json.kind == .object else { throw wrong("a tool's pins are an object with `arguments` and `words`") }
        for (name, _) in json.members where !name.equals("arguments") && !name.equals("words") {
            throw wrong("there is no such member here: the members are arguments, words")
        }
        var arguments: [ArgumentPin] = []
        if let pins = json["arguments"] {
            guard pins.kind == .object, pins.count <= ScopeLimits.constraints else {
                throw wrong("`arguments` is an object of at most \(ScopeLimits.constraints) names")
            }
            for (name, kind) in pins.members {
                let name = name.string ?? ""
                guard let pin = ArgumentPin(name, kind.string ?? "") else {
                    throw wrong(ArgumentPin.grammar).at(argument: name)
                }
                arguments.append(pin)
            }
        }
        var words: [PromptWord]?
        if let list = json["words"] {
            guard list.kind == .array, (1...ScopeLimits.constraints).contains(list.count) else {
                throw wrong("`words` is a list of 1 to \(ScopeLimits.constraints) words")
            }
            words = []
            for element in list.elements {
                guard let word = PromptWord(element.string ?? "") else {
                    throw wrong("a word is of letters and digits of ASCII; a `*` at its end stands for any ending")
                }
                words?.append(word)
            }
        }
        (self.name, self.arguments, self.words) = (name, arguments, words)
    }
}

/// The kind of thing that one argument names: `address`, `address:people`, `address:people[]`, `address[]?`.
struct ArgumentPin: Sendable {
    let argument: String
    let kind: MentionKind
    /// The list of the directory in which names are looked up.
    let directory: String?
    /// Whether the argument is a list of such things.
    let isList: Bool
    /// Whether the argument may be left out, `null` or empty.
    let isOptional: Bool

    static let grammar =
        "a pin is address, url, account, path, channel, quoted, name, date or amount; then `:` and a list of the directory (name needs it), `[]` for a list, `?` where it may be left out"

    init?(_ argument: String, _ text: String) {
        var rest = Array(text.utf8)
        isOptional = rest.last == UInt8(ascii: "?")
        if isOptional { rest.removeLast() }
        isList = rest.suffix(2).elementsEqual("[]".utf8)
        if isList { rest.removeLast(2) }
        let parts = String(decoding: rest, as: UTF8.self).parts(at: UInt8(ascii: ":"), atMost: 2, omittingEmpty: false)
        guard let first = parts.first, let kind = MentionKind.allCases.first(where: { $0.name.isExactly(first) })
        else { return nil }
        guard parts.count < 2 || !parts[1].isEmpty, kind != .name || parts.count == 2 else { return nil }
        (self.argument, self.kind, directory) = (argument, kind, parts.count == 2 ? parts[1] : nil)
    }

    /// The pin as it was written.
    var text: String { kind.name + (directory.map { ":" + $0 } ?? "") + (isList ? "[]" : "") + (isOptional ? "?" : "") }
}

/// The kinds of things that a text can name.
enum MentionKind: CaseIterable, Sendable {
    case address, url, account, path, channel, quoted, name, date, amount

    var name: String {
        switch self {
        case .address: "address"
        case .url: "url"
        case .account: "account"
        case .path: "path"
        case .channel: "channel"
        case .quoted: "quoted"
        case .name: "name"
        case .date: "date"
        case .amount: "amount"
        }
    }

    /// Whether an argument of this kind says where something goes. If the person names none, none is permitted. Of
    /// dates and amounts, a person who names none leaves the choice.
    var isDestination: Bool {
        switch self {
        case .address, .url, .account, .path, .channel, .quoted, .name: true
        case .date, .amount: false
        }
    }
}

/// Documents from outside that come with a prompt.
enum TaskInput {
    static func object(_ bytes: [UInt8], _ name: String, atMost limits: JSON.Limits) throws(ScopeError) -> JSON.Value {
        guard bytes.count <= limits.bytes else {
            throw ScopeError("limit_exceeded", "\(name) have more than \(limits.bytes) bytes")
        }
        let json: JSON
        do throws(JSON.ParseError) { json = try JSON(parsing: bytes, limits: limits) } catch {
            throw ScopeError("malformed", "\(name): \(error.rule)", position: error.position)
        }
        guard json.root.kind == .object else { throw ScopeError("malformed", "\(name) are not a JSON object") }
        return json.root
    }
}

internal import StrictJSON

/// Names that a person may use for what a tool takes, by lists: `{"people": {"Bob Miller": "bob@acme.example"}}`.
///
/// The caller makes it from what it trusts, such as the person's contacts: a name picks among these values and no
/// others. A name may stand for several values.
public struct TaskDirectory: Sendable {
    private struct Name: Sendable {
        let folded: [UInt8]
        let values: [JSON.Value]
    }

    private struct List: Sendable {
        let name: String
        /// The names, by their first byte.
        let names: [[Name]]
    }

    private let lists: [List]

    /// The directory that knows no name.
    public init() { lists = [] }

    /// Reads the document: at most 1 MiB. Throws `malformed` with the position at fault.
    public init(parsing bytes: [UInt8]) throws(ScopeError) {
        let json = try TaskInput.object(bytes, "the directory's lists", atMost: ScopeLimits.arguments)
        var lists: [List] = []
        for (list, names) in json.members {
            guard names.kind == .object else { throw Self.wrong(names) }
            var all = [[Name]](repeating: [], count: 256)
            for (name, value) in names.members {
                let folded = (name.string ?? "").utf8.map(Prompt.fold)
                let values = value.kind == .array ? Array(value.elements) : [value]
                guard values.allSatisfy({ $0.kind == .string || $0.kind == .number }) else { throw Self.wrong(value) }
                guard let first = folded.first else { throw Self.wrong(name) }
                all[Int(first)].append(Name(folded: folded, values: values))
            }
            lists.append(List(name: list.string ?? "", names: all))
        }
        self.lists = lists
    }

    private static func wrong(_ json: JSON.Value) -> ScopeError {
        ScopeError(
            "malformed", "a directory has lists of names, each with a text, a number, or a list of these",
            position: json.position)
    }

    func holds(_ list: String) -> Bool { lists.contains { $0.name.isExactly(list) } }

    /// The names of a list that stand in a prompt as whole words, the longest at each place; of a name within a longer
    /// one only the longer counts.
    func mentions(_ list: String, in prompt: Prompt, within work: inout WorkBudget) throws(ScopeError) -> [Mention] {
        guard let list = lists.first(where: { $0.name.isExactly(list) }) else { return [] }
        var found: [Mention] = []
        var place = 0
        let folded = prompt.folded
        while place < folded.count {
            let isSign = !Prompt.isWord(folded[place])
            guard isSign || prompt.isBoundary(place), !Prompt.isSpace(folded[place]) else {
                place += 1
                continue
            }
            var longest: Name?
            for name in list.names[Int(folded[place])] {
                guard work.spend(8) else { throw .tooCostly }
                let end = place + name.folded.count
                guard name.folded.count > longest?.folded.count ?? 0, end <= folded.count, prompt.isBoundary(end),
                    folded[place..<end].elementsEqual(name.folded)
                else { continue }
                longest = name
            }
            guard work.spend(8 + (longest?.folded.count ?? 0)) else { throw .tooCostly }
            if let longest {
                let range = place..<place + longest.folded.count
                found.append(Mention(text: prompt.text(range), place: place, values: longest.values.map { .value($0) }))
                place = range.upperBound
            } else {
                place += 1
            }
        }
        return found
    }
}

package import StrictJSON

/// A set of labels: one bit each, by their place in the policy's list.
package struct LabelSet: OptionSet, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Of a literal `[]` Swift makes an array and goes through it: 1,100 instructions.
    package static var none: LabelSet { LabelSet(rawValue: 0) }
}

/// A rule's effect on the labels of a task: the origins of its data, and its earlier calls.
package struct LabelRule: Sendable {
    /// Raised by a call that is permitted.
    package let adds: LabelSet
    /// Of `adds`, those that some rule requires: they permit, so that only a call which surely matches adds them.
    package internal(set) var permitting: LabelSet = []
    /// A call is refused where one of these is all there.
    package let refuses: [LabelSet]
    /// A call is refused unless all of these are there.
    package let requires: LabelSet
    /// Whose labels are raised: the task's, or the agent's alone.
    package let subject: Subject

    /// Which expression refuses a call under these labels; `nil` where none does.
    package func refusal(under labels: LabelSet) -> Refusal? {
        for combination in refuses where labels.isSuperset(of: combination) { return .holds(combination) }
        return labels.isSuperset(of: requires) ? nil : .lacks(requires.subtracting(labels))
    }

    package enum Refusal: Sendable, Equatable {
        case holds(LabelSet)
        case lacks(LabelSet)
    }
}

/// The labels of a policy, by their bits.
package struct LabelNames: Sendable {
    package let names: [ExactText]

    static let none = LabelNames()

    private init() { names = [] }

    /// Reads the document's list: 1 to 64 names, each once.
    init(parsing reader: MemberReader) throws(PolicyError) {
        guard reader["labels"] != nil else {
            names = []
            return
        }
        var names: [ExactText] = []
        let list = try reader.list(
            "labels", remedy: "list the names of labels, or leave the member out", atMost: PolicyLimits.labels)
        for (value, path) in list {
            let name = try MemberReader.name(value, at: path, of: "a label").exact
            guard !names.contains(name) else {
                throw PolicyError(
                    "duplicate", at: path, "the label \(name) stands here twice", remedy: "remove one",
                    position: value.position)
            }
            names.append(name)
        }
        self.names = names
    }

    func label(_ name: ExactText) -> LabelSet? {
        names.firstIndex(of: name).map { LabelSet(rawValue: 1 << UInt64($0)) }
    }

    /// As an expression: `untrusted & private`.
    package func text(_ labels: LabelSet) -> String {
        names.enumerated().filter { labels.rawValue >> UInt64($0.offset) & 1 == 1 }.map(\.element.string)
            .joined(separator: " & ")
    }

    /// The names, for documents.
    package func list(_ labels: LabelSet) -> [String] {
        names.enumerated().filter { labels.rawValue >> UInt64($0.offset) & 1 == 1 }.map(\.element.string)
    }

    /// Reads `a`, or `a & b`: labels that are all there.
    func expression(_ value: JSON.Value, at path: String, single: Bool) throws(PolicyError) -> LabelSet {
        let remedy =
            single ? "write the name of one label" : "write labels joined by &, such as \"untrusted & private\""
        let text = try MemberReader.text(value, at: path, remedy: remedy, atMost: PolicyLimits.text)
        var all: LabelSet = []
        for part in text.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
            let space = UInt8(ascii: " ")
            let trimmed = part.drop { $0 == space }.reversed().drop { $0 == space }.reversed()
            let name = String(decoding: Array(trimmed), as: UTF8.self)
            guard !name.isEmpty, name.utf8.allSatisfy(MemberReader.isNameByte), !single || part.count == text.utf8.count
            else {
                throw PolicyError(
                    "malformed", at: path, "this is not an expression of labels", remedy: remedy,
                    position: value.position)
            }
            guard let label = label(name.exact) else {
                throw PolicyError(
                    "unknown_label", at: path,
                    "there is no label \(name.beginning(atMost: PolicyLimits.name))",
                    remedy: "add it to the document's labels, or write one of them", position: value.position)
            }
            all.formUnion(label)
        }
        return all
    }
}

extension LabelRule {
    init(parsing json: JSON.Value, at path: String, of labels: LabelNames) throws(PolicyError) {
        let reader = try MemberReader(json, at: path, knowing: ["adds", "refuses", "requires", "forbids", "for"])
        func list(_ name: String, single: Bool) throws(PolicyError) -> [LabelSet] {
            guard reader[name] != nil else { return [] }
            var all: [LabelSet] = []
            let list = try reader.list(
                name, remedy: "list \(single ? "labels" : "expressions of labels")", atMost: PolicyLimits.expressions)
            for (value, path) in list { all.append(try labels.expression(value, at: path, single: single)) }
            return all
        }
        let adds = try list("adds", single: true)
        let refuses = try list("refuses", single: false) + list("forbids", single: false)
        let requires = try list("requires", single: true)
        guard !adds.isEmpty || !refuses.isEmpty || !requires.isEmpty else {
            throw reader.error(
                "missing", "this does nothing", remedy: "write one of adds, refuses, requires, forbids")
        }
        let subject = try reader.choice("for", else: Subject.task)
        guard subject == .task || subject == .agent else {
            throw PolicyError(
                "malformed", at: reader.path(of: "for"), "labels are a task's or an agent's",
                remedy: "write task or agent", position: reader["for"]?.position)
        }
        self.init(
            adds: adds.reduce(into: []) { $0.formUnion($1) }, refuses: refuses,
            requires: requires.reduce(into: []) { $0.formUnion($1) }, subject: subject)
    }
}

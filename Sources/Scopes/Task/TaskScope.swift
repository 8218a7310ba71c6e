public import StrictJSON

/// The part of a ceiling that a person's own words name, and what each argument was pinned to, and why.
public struct TaskScope: Sendable {
    /// The scope: always below the ceiling that it was made from.
    public let scope: Scope

    /// An argument that may have no other values than those named.
    struct Pin: Sendable {
        let tool: String
        let pin: ArgumentPin
        let values: [JSONTree]
        let mentions: [(text: String, place: Int)]
    }

    /// A tool of the ceiling that the scope does not have.
    struct LeftOut: Sendable {
        let tool: String
        let argument: String?
        let reason: String
        let message: String
    }

    var pins: [Pin] = []
    var leftOut: [LeftOut] = []
    /// The tools that are as the ceiling has them, as no pins are declared for them.
    var unpinned: [String] = []

    init(_ scope: Scope) { self.scope = scope }

    /// Which argument was pinned to which values, and why: docs/schemas/task-scope.json.
    public var document: JSONTree {
        [
            "pins": .array(
                pins.map { pin in
                    [
                        "tool": .string(pin.tool), "argument": .string(pin.pin.argument), "pin": .string(pin.pin.text),
                        "values": .array(pin.values),
                        "named": .array(pin.mentions.map { ["text": .string($0.text), "byte": .int($0.place)] }),
                    ]
                }),
            "left_out": .array(
                leftOut.map { out in
                    [
                        "tool": .string(out.tool), "argument": out.argument.map { .string($0) } ?? .null,
                        "reason": .string(out.reason), "message": .string(out.message),
                    ]
                }), "unpinned": .array(unpinned.map { .string($0) }),
        ]
    }
}

extension Scope {
    /// The part of this ceiling that a person's own words name. No model, no clock: the same words give the same scope.
    ///
    /// Each argument with a pin may only have the values of its kind that stand in the prompt, or that names there stand
    /// for in the directory. A tool whose destination is not named is left out, and so is one that none of its `words`
    /// asks for. The result is below this scope. Throws `limit_exceeded` for more than 64 KiB of prompt or 256 things
    /// of a kind, `too_costly`.
    public func forTask(
        _ prompt: String, pins: TaskPins, directory: TaskDirectory = TaskDirectory()
    ) throws(ScopeError) -> TaskScope {
        var narrowing = try TaskNarrowing(prompt, directory)
        var kept: [ToolScope] = []
        for tool in tools {
            guard let pins = pins.pins(of: tool.name) else {
                kept.append(tool)
                narrowing.unpinned.append(tool.name)
                continue
            }
            do throws(ScopeError) {
                if let narrower = try narrowing.narrow(tool, by: pins) { kept.append(narrower) }
            } catch { throw error.at(tool: tool.name) }
        }
        var result = TaskScope(Scope(tools: kept))
        (result.pins, result.leftOut, result.unpinned) = (narrowing.pins, narrowing.leftOut, narrowing.unpinned)
        return result
    }
}

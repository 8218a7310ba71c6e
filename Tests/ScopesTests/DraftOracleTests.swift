import Foundation
import Scopes
import StrictJSON
import TestSupport
import Testing

/// The library beside the draft's text, by brute force: every verdict on random small maps must be the text's.
@Suite struct DraftOracleTests {
    /// `AGENTID_ROUNDS` asks for more.
    private static let rounds =
        ProcessInfo.processInfo.environment["AGENTID_ROUNDS"].flatMap { Int($0) } ?? 1500

    private static func json(_ text: String) throws -> JSON.Value { try JSON(parsing: text).root }

    private static func calls() throws -> [JSON.Value] {
        let values = DraftGenerator.values
        var calls = ["{}", #"{"*":1}"#, #"{"c":1}"#]
        for value in values {
            calls += [#"{"a":\#(value)}"#, #"{"b":\#(value)}"#, #"{"a":\#(value),"c":1}"#]
            for other in ["0", "1", #""a""#, "[]", #"["a"]"#] {
                calls.append(#"{"b":\#(other),"a":\#(value)}"#)
            }
        }
        return try calls.map(json)
    }

    @Test func everyVerdictOnTheDraftsTypesIsTheTexts() throws {
        var generator = DraftGenerator(
            random: Seeded.announced("everyVerdictOnTheDraftsTypesIsTheTexts"))
        let calls = try Self.calls()
        var (malformed, below, refused, checked, permitted) = (0, 0, 0, 0, 0)
        for _ in 0..<Self.rounds {
            let parentMap = generator.map()
            let parentJSON = try Self.json(DraftGenerator.text(parentMap))
            let childJSON = try Self.json(DraftGenerator.text(generator.map(like: parentMap)))
            let scopes = [parentJSON, childJSON].map { map in
                (try? Self.json(#"{"t":\#(map.text)}"#)).flatMap { try? Scope(parsing: $0) }
            }
            for (json, scope) in zip([parentJSON, childJSON], scopes) {
                let isWellFormed = DraftOracle.isWellFormedMap(json)
                #expect((scope != nil) == isWellFormed, "\(json.text)")
                if !isWellFormed { malformed += 1 }
            }
            guard let parent = scopes[0], let child = scopes[1] else { continue }
            let isBelow = DraftOracle.subsumesMap(parentJSON, childJSON)
            #expect(parent.subsumes(child) == isBelow, "\(childJSON.text) under \(parentJSON.text)")
            if isBelow { below += 1 } else { refused += 1 }
            for call in calls {
                let isPermitted = DraftOracle.permits(childJSON, call)
                #expect(child.permits("t", call) == isPermitted, "\(childJSON.text): \(call.text)")
                if isBelow, isPermitted {
                    #expect(
                        parent.permits("t", call), "\(childJSON.text) under \(parentJSON.text): \(call.text)")
                }
                (checked, permitted) = (checked + 1, permitted + (isPermitted ? 1 : 0))
            }
        }
        print(
            "\(malformed) malformed, \(below) below, \(refused) not below, \(checked) calls, \(permitted) permitted"
        )
        #expect(malformed > Self.rounds / 50 && below > Self.rounds / 20 && refused > Self.rounds / 20)
        #expect(permitted > checked / 100)
    }

    /// Our own types too: whatever is below permits no more.
    @Test func whatIsBelowNeverPermitsMoreWhateverTheTypes() throws {
        var random = Seeded.announced("whatIsBelowNeverPermitsMoreWhateverTheTypes")
        let calls = try ScopeLawTests.values.map { try Self.json(#"{"x":\#($0)}"#) }
        var (below, triples, same) = (0, 0, 0)
        for _ in 0..<Self.rounds * 4 {
            let parent = try Scope(text: "t(x \(ScopeLawTests.constraint(&random)))")
            let other = try Scope(text: "t(x \(ScopeLawTests.constraint(&random)))")
            // Half of the children are made of their parents, so that many are below.
            let child = Bool.random(using: &random) ? (try? parent.narrowed(to: other)) ?? other : other
            #expect(parent.subsumes(parent))
            guard parent.subsumes(child) else { continue }
            below += 1
            if child == parent { same += 1 }
            for call in calls where child.permits("t", call) {
                triples += 1
                #expect(parent.permits("t", call), "\(child.text) under \(parent.text): \(call.text)")
            }
        }
        print("\(below) pairs below, \(same) of them the same, \(triples) values permitted")
        #expect(below - same > Self.rounds / 8 && triples > Self.rounds / 2)
    }
}

extension JSON.Value {
    fileprivate var text: String { String(decoding: canonical(), as: UTF8.self) }
}

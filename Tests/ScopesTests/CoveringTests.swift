import Scopes
import StrictJSON
import TestSupport
import Testing

/// What was seen permitted, written as one scope below a ceiling.
@Suite struct CoveringTests {
    private func covering(_ scopes: [Scope], under ceiling: Scope) -> Scope {
        var covering = Covering()
        for scope in scopes {
            for tool in scope.tools { covering.add(tool) }
        }
        return covering.bounded(by: ceiling)
    }

    @Test func aCoveringPermitsAllThatWasSeenNoMoreAndIsBelowTheCeiling() throws {
        var random = Seeded.announced("aCoveringPermitsAllThatWasSeenNoMoreAndIsBelowTheCeiling")
        let calls = try ScopeLawTests.values.map { try JSON(parsing: #"{"x":\#($0)}"#).root }
        var (compared, permitted, smaller) = (0, 0, 0)
        for _ in 0..<2000 {
            let ceiling = try Scope("t(x \(ScopeLawTests.constraint(&random)))").normalized()
            let asked = try (0..<Int.random(in: 1...5, using: &random)).map { _ in
                try Scope("t(x \(ScopeLawTests.constraint(&random)))")
            }
            // As grants are made; and some as they were made under another ceiling.
            let isWithin = Bool.random(using: &random)
            let seen = isWithin ? asked.compactMap { try? ceiling.narrowed(to: $0) } : asked
            let covering = covering(seen, under: ceiling)
            #expect(ceiling.subsumes(covering), "\(covering.text) is not below \(ceiling.text)")
            #expect(try Scope(covering.text) == covering)
            for call in calls {
                let isExpected = ceiling.permits("t", call) && seen.contains { $0.permits("t", call) }
                #expect(
                    covering.permits("t", call) == isExpected, "\(seen.map(\.text)) under \(ceiling.text)")
                (compared, permitted) = (compared + 1, permitted + (isExpected ? 1 : 0))
                if !isExpected, ceiling.permits("t", call) { smaller += 1 }
            }
        }
        #expect(
            permitted > compared / 100 && smaller > compared / 100,
            "\(permitted), \(smaller) of \(compared)")
    }

    @Test func aCoveringPermitsEveryCallThatWasSeen() throws {
        var random = Seeded.announced("aCoveringPermitsEveryCallThatWasSeen")
        var (permitted, smaller) = (0, 0)
        for _ in 0..<3000 {
            let ceiling = try Scope("t(\(ScopeLawTests.arguments(&random)))").normalized()
            let seen = try (0..<Int.random(in: 1...4, using: &random)).map { _ in
                try Scope("t(\(ScopeLawTests.arguments(&random)))")
            }
            let covering = covering(seen, under: ceiling)
            #expect(ceiling.subsumes(covering), "\(covering.text) is not below \(ceiling.text)")
            for _ in 0..<10 {
                let call = try ScopeLawTests.call(&random)
                // That only the call without arguments is left cannot be written.
                guard call.count > 0, ceiling.permits("t", call) else { continue }
                if seen.contains(where: { $0.permits("t", call) }) {
                    permitted += 1
                    #expect(
                        covering.permits("t", call),
                        "\(seen.map(\.text)) under \(ceiling.text): \(covering.text)")
                } else if !covering.permits("t", call) {
                    smaller += 1
                }
            }
        }
        #expect(permitted > 300 && smaller > 300, "\(permitted), \(smaller)")
    }

    @Test func whatIsBelowSomethingElseIsLeftOutAndValuesBecomeOneList() throws {
        let ceiling = try Scope("read(path under '/data', mode in ['r','w','x']); send")
        let seen = try [
            "read(path under '/data/q3', mode == 'r')", "read(path under '/data/q3/public', mode == 'w')",
            "read(path under '/data/q2', mode in ['r'])",
        ].map { try ceiling.normalized().narrowed(to: Scope($0)) }
        #expect(
            covering(seen, under: ceiling).text
                == #"read(mode all(in ["r","w"]), path all(any(under "/data/q2", under "/data/q3"), under "/data"))"#
        )
        #expect(covering([], under: ceiling).isEmpty)
    }

    @Test func anOpenToolStaysOpenOnlyWhereItWasUsedSo() throws {
        let ceiling = try Scope("t")
        #expect(try covering([Scope("t(a: *)"), Scope("t(a == 1)")], under: ceiling).text == "t(a: *)")
        #expect(
            try covering([Scope("t(a == 1)"), Scope("t(b == 1)")], under: ceiling).text
                == "t(a? all(== 1), b? all(== 1))")
        #expect(
            try covering([Scope("t(a == 1, b? == 2)"), Scope("t(a == 3, *: *)")], under: ceiling).text
                == "t(a all(in [1,3]), *: *)")
        #expect(
            try covering([Scope("t(a == 1, *: *)"), Scope("t(b == 2)")], under: ceiling).text
                == "t(a? all(== 1), *: *)")
        #expect(try covering([Scope("t(a == 1)"), Scope("t")], under: ceiling).text == "t")
        #expect(try covering([Scope("t")], under: Scope("t(a == 1)")).text == "t(a all(== 1))")
    }

    @Test func whatIsTooMuchToWriteIsTheCeilings() throws {
        let ceiling = try Scope("t(path under '/data')").normalized()
        let seen = try (0..<100).map { try ceiling.narrowed(to: Scope("t(path under '/data/\($0)')")) }
        #expect(covering(Array(seen.prefix(64)), under: ceiling).text != ceiling.text)
        #expect(covering(seen, under: ceiling) == ceiling)
        let deep = String(repeating: "any(", count: 31) + "== 1" + String(repeating: ")", count: 31)
        let limit = try Scope("t(x: *)")
        let covered = try covering([Scope("t(x \(deep))"), Scope("t(x >= 5)")], under: limit)
        #expect(
            try covered.permits("t", JSON(parsing: #"{"x":1}"#).root) && Scope(covered.text) == covered)
    }
}

import Scopes
import StrictJSON
import Testing

/// The subsumption table, pair by pair: AAT section 4.5 for the draft's nine types, docs/constraints.md for ours.
@Suite struct SubsumptionTableTests {
    /// One constraint of each type, as a parent.
    static let samples: [(type: String, text: String)] = [
        ("exact", "== 5"), ("range", ">= 0 <= 10"), ("one_of", #"in [1, 5, "a"]"#),
        ("not_one_of", "not in [7]"),
        ("contains", #"contains ["a"]"#), ("subset", #"subset of ["a", "b"]"#), ("wildcard", "*"),
        ("all", "all(>= 0 <= 10)"), ("any", "any(== 1, == 5)"), ("path_containment", "under '/data'"),
        ("glob", "like '/data/*.csv'"), ("uri", #"uri {"hosts": ["*.acme.example"], "path": "/v1"}"#),
        ("cidr", "cidr ['10.0.0.0/8', '2001:db8::/32']"),
        ("decimal_range", "decimal >= '1.00' <= '10'"),
        ("each", "each(in ['a', 'b'])"), ("members", "members(a >= 0 <= 10, b?: *)"),
    ]

    /// The listed pairs: parent, child, one child that is below the parent and one that is not.
    static let listed: [(parent: String, child: String, below: String, wider: String)] = [
        ("exact", "exact", "== 5", "== 6"),
        ("range", "exact", "== 10", "== 10.5"), ("range", "range", "> 0 < 10", ">= 0 <= 11"),
        ("one_of", "exact", "== 'a'", "== 'b'"), ("one_of", "one_of", "in [5, 1]", "in [5, 6]"),
        ("not_one_of", "not_one_of", "not in [8, 7]", "not in [8]"),
        ("contains", "contains", "contains ['b', 'a']", "contains ['b']"),
        ("subset", "subset", "subset of ['a']", "subset of ['a', 'c']"),
        ("all", "all", "all(like '5', >= 1 <= 9)", "all(like '5')"),
        ("any", "any", "any(== 5)", "any(== 5, == 6)"),
        ("path_containment", "exact", "== '/data/a'", "== '/data/../a'"),
        ("path_containment", "one_of", "in ['/data/a', '/data']", "in ['/data/a', '/dat']"),
        ("path_containment", "path_containment", "under '/data/q3'", "under '/'"),
        ("path_containment", "glob", "like '/data/**.csv'", "like '/data*'"),
        ("glob", "exact", "== '/data/a.csv'", "== '/data/b/a.csv'"),
        ("glob", "one_of", "in ['/data/a.csv']", "in ['/data/a.csv', 'a.csv']"),
        ("glob", "glob", "like '/data/a?*.csv'", "like '/data/**.csv'"),
        ("uri", "exact", "== 'https://a.acme.example/v1/x'", "== 'https://acme.example/v1/x'"),
        ("uri", "one_of", "in ['http://a.acme.example/v1']", "in ['http://a.acme.example/v2']"),
        (
            "uri", "uri", #"uri {"hosts": ["*.b.acme.example"], "path": "/v1/x", "schemes": ["https"]}"#,
            #"uri {"hosts": ["*.b.acme.example"]}"#
        ),
        ("cidr", "exact", "== '10.1.2.3'", "== '11.1.2.3'"),
        ("cidr", "one_of", "in ['2001:db8::1']", "in ['::1']"),
        ("cidr", "cidr", "cidr ['10.1.0.0/16']", "cidr ['0.0.0.0/0']"),
        ("decimal_range", "exact", "== '1.0'", "== '0.999999999999999999999'"),
        ("decimal_range", "one_of", "in ['2', '3.5']", "in ['10.01']"),
        ("decimal_range", "decimal_range", "decimal >= '1' <= '9.99'", "decimal >= '1'"),
        ("each", "each", "each(== 'a')", "each(in ['a', 'c'])"),
        ("each", "one_of", "in [[], ['a']]", "in [['a', 'c']]"),
        ("each", "subset", "subset of ['b', 'a']", "subset of ['a', 'c']"),
        ("members", "members", "members(a == 5)", "members(a >= 0 <= 11)"),
        ("members", "one_of", "in [{'a': 1}, {'a': 2, 'b': 3}]", "in [{'a': 1, 'c': 1}]"),
    ]

    private func reason(_ parent: String, _ child: String) throws -> Expansion.Reason? {
        try Scope(text: "t(x \(parent))").expansion(by: Scope(text: "t(x \(child))"))?.reason
    }

    @Test func everyPairOfTypesIsAsListed() throws {
        var listedPairs = 0
        for parent in Self.samples {
            for child in Self.samples {
                if parent.type == "wildcard" {
                    #expect(try reason("*", child.text) == nil, "wildcard over \(child.type)")
                } else if let pair = Self.listed.first(where: {
                    $0.parent == parent.type && $0.child == child.type
                }) {
                    #expect(try reason(parent.text, pair.below) == nil, "\(pair.below) under \(parent.text)")
                    #expect(
                        try reason(parent.text, pair.wider) == .constraintExpansion,
                        "\(pair.wider) under \(parent.text)")
                    listedPairs += 1
                } else {
                    #expect(
                        try reason(parent.text, child.text) == .constraintTypeNotPermitted,
                        "\(child.type) under \(parent.type)")
                }
            }
        }
        #expect(listedPairs == Self.listed.count)
    }

    @Test func oneChildClauseMayBeBelowSeveralOfTheParents() throws {
        #expect(try reason("all(>= 0 <= 10, in [5, 6])", "all(== 5, >= 1 <= 2)") == nil)
        #expect(try reason("all(>= 0 <= 10, in [5, 6])", "all(== 5)") == nil)
        #expect(try reason("all(>= 0 <= 10, in [5, 6])", "all(== 7)") == .constraintExpansion)
        #expect(try reason("all(*, *)", "all(== 5)") == nil)
        #expect(try reason("all(any(== 1), any(== 2))", "all(any(== 2), any(== 1))") == nil)
    }

    @Test func toolsAndKeysAreExact() throws {
        func reason(_ parent: String, _ child: String) throws -> Expansion.Reason? {
            try Scope(text: parent).expansion(by: Scope(text: child))?.reason
        }
        #expect(try reason("a(x *)", "b(x *)") == .toolNotDelegated)
        #expect(try reason("a(x *)", "a") == .argumentKeySetMismatch)
        #expect(try reason("a(x *)", "a(x *, y *)") == .argumentKeySetMismatch)
        #expect(try reason("a", "a(x == 1)") == nil)
        #expect(try reason("a; b", "a") == nil)
    }

    @Test func networksMayBeHeldBySeveral() throws {
        #expect(try reason("cidr ['10.0.0.0/9', '10.128.0.0/9']", "cidr ['10.0.0.0/8']") == nil)
        #expect(
            try reason("cidr ['10.0.0.0/9', '10.128.0.0/10']", "cidr ['10.0.0.0/8']")
                == .constraintExpansion)
        #expect(try reason("cidr ['::/0']", "cidr ['0.0.0.0/0']") == .constraintExpansion)
    }
}

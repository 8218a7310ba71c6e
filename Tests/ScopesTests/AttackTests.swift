import Foundation
import Scopes
import StrictJSON
import TestSupport
import Testing

/// Values that try to be read in two ways.
@Suite struct AttackTests {
    private static func permits(_ constraint: String, _ value: String) throws -> Bool {
        let call = try JSON(parsing: #"{"x":\#(JSONTree.string(value).text)}"#).root
        return try Scope(text: "t(x \(constraint))").permits("t", call)
    }

    /// Where a path leads, by a stack: another way than the library's.
    private static func resolved(_ path: String) -> String {
        var stack: [Substring] = []
        for segment in path.split(separator: "/", omittingEmptySubsequences: true) where segment != "." {
            if segment == ".." { _ = stack.popLast() } else { stack.append(segment) }
        }
        return "/" + stack.joined(separator: "/")
    }

    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func noTraversalLeavesItsRoot() throws {
        let folder = Corpus.root + "/vectors/path"
        let scope = try Scope(text: "t(x under '/data')")
        var (tried, inside) = (0, 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".txt") {
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
            for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
                for path in ["/data/\(line)", "/data\(line)", String(line), "/data/a/../\(line)"] {
                    let call = try JSON(parsing: #"{"x":\#(JSONTree.string(path).text)}"#).root
                    tried += 1
                    guard scope.permits("t", call) else { continue }
                    inside += 1
                    let end = Self.resolved(path)
                    #expect(end == "/data" || end.hasPrefix("/data/"), "\(path)")
                    #expect(!path.contains("\\") && !path.contains("\0"), "\(path)")
                }
            }
        }
        #expect(tried > 10_000 && inside > 100)
    }

    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func twoSpellingsOfAURLHaveOneVerdictOrAreRefused() throws {
        var accepted = 0
        for test in try Corpus.json("url/urltestdata.json").elements where test.kind == .object {
            guard let input = test["input"]?.string, try Self.permits(#"uri {"path": "/"}"#, input) else { continue }
            // A browser gives files a host but no port, and reads punycode, which is compared here as it stands.
            guard !input.lowercased().hasPrefix("file:"), !input.lowercased().contains("xn--") else { continue }
            accepted += 1
            // What we take for a URI is one for a browser too, with the same scheme, host and port.
            #expect(test["failure"]?.bool != true, "\(input)")
            guard let scheme = test["protocol"]?.string?.dropLast(), let host = test["hostname"]?.string else {
                continue
            }
            let ports = ["http": 80, "https": 443, "ws": 80, "wss": 443]
            var members = #""schemes": ["\#(scheme)"], "hosts": ["\#(host.lowercased())"]"#
            if let port = test["port"]?.string.flatMap(Int.init) ?? ports[String(scheme)] {
                members += #", "ports": [\#(port)]"#
            }
            #expect(try Self.permits("uri {\(members)}", input), "\(input) is not at \(members)")
        }
        #expect(accepted > 40)
    }

    @Test func ambiguousURIsAreRefused() throws {
        let pattern = #"uri {"schemes": ["https"], "hosts": ["api.acme.example", "*.b.example"], "path": "/v1"}"#
        for uri in [
            "https://api.acme.example/v1", "HTTPS://API.acme.EXAMPLE/v1/x?q=../..#y", "https://a.b.example:443/v1/",
            "https://x.a.b.example/v1//x", "https://api.acme.example/v1/caf%C3%A9",
        ] { #expect(try Self.permits(pattern, uri), "\(uri)") }
        for uri in [
            "http://api.acme.example/v1", "https://api.acme.example/v2", "https://api.acme.example/v11",
            "https://api.acme.example", "https://b.example/v1", "https://xb.example/v1",
            "https://user@api.acme.example/v1", "https://api.acme.example:80@evil.example/v1",
            "https://evil.example#@api.acme.example/v1", "https://evil.example\\@api.acme.example/v1",
            "https://api.acme.example./v1", "https://api.acme.example.evil.example/v1",
            "https://api.acme.example%2e/v1",
            "https://аpi.acme.example/v1", "https://api.acme.example/v1/../v2", "https://api.acme.example/v1/%2e%2e/v2",
            "https://api.acme.example/v1/..;/v2", "https://api.acme.example/v1%2f..%2fv2",
            "https://api.acme.example/%761",
            "https://api.acme.example/v1/%252e%252e/", "https://api.acme.example/v1/%00",
            "https://api.acme.example/v1/ x",
            "https://api.acme.example/v1\n", " https://api.acme.example/v1", "https:/api.acme.example/v1",
            "https:api.acme.example/v1", "//api.acme.example/v1", "https:///api.acme.example/v1",
            "https://api.acme.example:0443/v1", "https://api.acme.example:/v1", "https://api.acme.example:65536/v1",
            "https://api..acme.example/v1", "https://[api.acme.example]/v1", "https://api.acme.example\t/v1", "",
        ] { #expect(try !Self.permits(pattern, uri), "\(uri)") }
    }

    @Test func oddAddressesAreRefused() throws {
        let local = #"uri {"hosts": ["127.0.0.1", "[::1]", "[2001:db8::a]"]}"#
        for host in ["127.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]", "[2001:DB8:0::a]"] {
            #expect(try Self.permits(local, "http://\(host)/"), "\(host)")
        }
        for host in [
            "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "127.0.0.1.", "127.0.0.256",
            "[::ffff:127.0.0.1]", "[::1%25eth0]", "[::1", "::1", "[1::2::3]", "[:::1]", "[1:2:3:4:5:6:7:8:9]",
            "１２７.0.0.1",
        ] { #expect(try !Self.permits(local, "http://\(host)/"), "\(host)") }
        #expect(try !Self.permits(#"uri {"hosts": ["*.0.0.1x"]}"#, "http://127.0.0.1/"))
        let network = "cidr ['127.0.0.0/8', '::1/128', '2001:db8::/32']"
        for address in ["127.0.0.1", "127.255.255.255", "::1", "2001:db8::", "2001:DB8:ffff::1.2.3.4"] {
            #expect(try Self.permits(network, address), "\(address)")
        }
        for address in [
            "127.1", "0177.0.0.1", "127.0.0.1/8", "128.0.0.1", "::ffff:127.0.0.1", "::2", "2001:db9::", "",
            "127.0.0.1 ",
            "1:2", ":", "::", "2001:db8:::1", "2001:db8::12345",
        ] { #expect(try !Self.permits(network, address), "\(address)") }
        for text in [
            "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0", "10.0.0.0/", "/8", "::/129", "10.0.0.0/-1",
        ] {
            #expect(throws: ScopeError.self, "\(text)") { try Scope(text: "t(x cidr ['\(text)'])") }
        }
    }

    @Test func moneyIsComparedExactly() throws {
        let range = "decimal >= '-0.10' <= '1000000000000000000000.01'"
        for value in ["0", "-0", "-0.1", "-0.100", "1000000000000000000000.010", "999.9999", "0.0"] {
            #expect(try Self.permits(range, value), "\(value)")
        }
        for value in [
            "-0.11", "-0.1000000000000000000000001", "1000000000000000000000.0100000000000001", "1e2", "+1", "01", ".5",
            "5.", "", "-", "1,000", " 1", "1 ", "NaN", "٣", String(repeating: "1", count: 257),
        ] { #expect(try !Self.permits(range, value), "\(value)") }
        let call = try JSON(parsing: #"{"x": 5}"#).root
        #expect(try !Scope(text: "t(x \(range))").permits("t", call), "a number is not a decimal string")
        for text in ["decimal >= '1' <= '1e5'", "decimal", "decimal >= 5"] {
            #expect(throws: ScopeError.self, "\(text)") { try Scope(text: "t(x \(text))") }
        }
    }

    @Test func nestingAndSizesAreLimited() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "all(", count: depth - 1) + "*" + String(repeating: ")", count: depth - 1)
        }
        _ = try Scope(Scope(text: "t(x \(nested(32)))").tree.text)
        #expect(throws: ScopeError.self) { try Scope(text: "t(x \(nested(33)))") }
        let deep = Scope.self
        let json = { (depth: Int) in
            String(repeating: #"{"constraint_type":"all","constraints":["#, count: depth - 1)
                + #"{"constraint_type":"wildcard"}"# + String(repeating: "]}", count: depth - 1)
        }
        #expect(throws: Never.self) { try deep.init(#"{"t":{"x":\#(json(32))}}"#) }
        #expect(throws: ScopeError.self) { try deep.init(#"{"t":{"x":\#(json(33))}}"#) }
        let many = (0..<1025).map(String.init).joined(separator: ",")
        #expect(throws: ScopeError.self) { try Scope(text: "t(x in [\(many)])") }
        #expect(throws: ScopeError.self) { try Scope(text: "t(x == '\(String(repeating: "a", count: 5000))')") }
        #expect(throws: ScopeError.self) { try Scope(text: String(repeating: "a", count: 300)) }
        #expect(throws: ScopeError.self) { try Scope(text: (0..<257).map { "t\($0)" }.joined(separator: ";")) }
    }

    @Test func largeSetsSayTheSameAsSmallOnes() throws {
        let members = (0..<1000).map { #""v\#($0)""# } + ["1.5", "-0", #"{"a":1,"b":[2]}"#, "null", "true"]
        let list = members.joined(separator: ",")
        for (value, isIn) in [
            (#""v0""#, true), (#""v999""#, true), (#""v1000""#, false), ("1.50", true), ("0", true), ("false", false),
            (#"{"b":[2],"a":1}"#, true), (#"{"b":[1],"a":2}"#, false), ("null", true), (#""null""#, false),
        ] {
            let call = try JSON(parsing: #"{"x":\#(value),"y":[\#(value)]}"#).root
            for (text, expected) in [
                ("t(x in [\(list)], y *)", isIn), ("t(x not in [\(list)], y *)", !isIn),
                ("t(x *, y subset of [\(list)])", isIn), ("t(x *, y contains [\(list)])", false),
            ] { #expect(try Scope(text: text).permits("t", call) == expected, "\(value) \(text.prefix(12))") }
        }
        let all = try JSON(parsing: #"{"y":[\#(list),"more"]}"#).root
        #expect(try Scope(text: "t(y contains [\(list)])").permits("t", all))
    }
}

import Scopes
import StrictJSON
import TestSupport
import Testing

/// A rule that restricts is about a place however a call spells it, and about no other place.
@Suite struct SpellingOfPlacesTests {
    private static func text(_ string: String) -> String {
        String(decoding: JSONTree.string(string).canonical(), as: UTF8.self)
    }

    private func coverage(_ constraint: String, _ value: String) throws -> Coverage {
        let match = Self.text("t(x \(constraint))")
        let pattern = try CallPattern(parsing: JSON(parsing: Array(match.utf8)).root)
        let call = try JSON(parsing: Array("{\"x\":\(Self.text(value))}".utf8)).root
        var work = WorkBudget(steps: 100_000)
        var most = Coverage.no
        for tool in pattern.tools(named: "t") { most = max(most, tool.coverage(of: call, within: &work)) }
        let isExhausted = work.isExhausted
        #expect(!isExhausted)
        return most
    }

    /// Whether a scope of the same constraint permits the value.
    private func permits(_ constraint: String, _ value: String) throws -> Bool {
        let call = try JSON(parsing: Array("{\"x\":\(Self.text(value))}".utf8)).root
        var work = WorkBudget(steps: 100_000)
        return try Scope("t(x \(constraint))").refusal(of: "t", arguments: call, within: &work) == nil
    }

    // MARK: Addresses

    /// The ways to write an IPv4 address that readers of addresses know.
    private static func spellings(of v4: UInt32, _ random: inout Seeded) -> [String] {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: v4 >> UInt32(24 - 8 * $0)) }
        let dotted = bytes.map(String.init).joined(separator: ".")
        func hex(_ value: UInt32) -> String {
            let digits = String(value, radix: 16)
            return Bool.random(using: &random) ? digits : digits.uppercased()
        }
        func pair(_ value: UInt32) -> String { hex(value >> 16) + ":" + hex(value & 0xFFFF) }
        let tail = Bool.random(using: &random) ? dotted : pair(v4)
        let site = UInt32.random(in: 1...0xFFFF, using: &random)
        let (b, o) = (bytes.map { UInt32($0) }, UInt32(0xFFFF_FFFF))
        return [
            "::\(tail)", "::ffff:\(tail)", "0:0:0:0:0:FFFF:\(tail)", "::ffff:0:\(tail)", "64:ff9b::\(tail)",
            "64:ff9b:1::\(tail)", "64:ff9b:1:\(hex(site)):\(hex(site)):\(hex(site)):\(tail)",
            // RFC 6052 section 2.2: prefixes of 48, 56 and 64 bits.
            "64:ff9b:1:\(hex(b[0] << 8 | b[1])):\(hex(b[2])):\(hex(b[3] << 8))::",
            "64:ff9b:1:\(hex(0x3300 | b[0])):\(hex(b[1])):\(hex(b[2] << 8 | b[3]))::",
            "64:ff9b:1:\(hex(site)):\(hex(b[0])):\(hex(b[1] << 8 | b[2])):\(hex(b[3] << 8)):0",
            "2002:\(pair(v4))::", "2002:\(pair(v4)):\(hex(site))::1", "2001:0:\(hex(site)):2::\(pair(v4 ^ o))",
            "2001:0:\(pair(v4)):0:0:\(hex(site)):1", "fe80::5efe:\(tail)", "2001:db8::200:5efe:\(tail)",
        ]
    }

    /// Those that no strict reader takes.
    private static func lenient(of v4: UInt32) -> [String] {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: v4 >> UInt32(24 - 8 * $0)) }
        return [
            String(v4), "0x" + String(v4, radix: 16), "0X" + String(v4, radix: 16).uppercased(),
            "0" + String(v4, radix: 8), bytes.map { "0" + String($0, radix: 8) }.joined(separator: "."),
            bytes.map { "0x" + String($0, radix: 16) }.joined(separator: "."),
            "\(bytes[0]).\(v4 & 0xFF_FFFF)", "\(bytes[0]).\(bytes[1]).\(v4 & 0xFFFF)",
            bytes.map(String.init).joined(separator: ".") + ".",
            bytes.map(String.init).joined(separator: "\u{3002}"),
        ]
    }

    @Test func anAddressIsOneInWhateverWayItIsWritten() throws {
        var random = Seeded.announced("spellings of addresses")
        for _ in 0..<60 {
            let v4 = UInt32.random(in: 0x0B00_0000...0xDFFF_FFFF, using: &random)
            let dotted = (0..<4).map { String(v4 >> UInt32(24 - 8 * $0) & 0xFF) }.joined(separator: ".")
            let other = (0..<4).map { String((v4 ^ 0x0100_0000) >> UInt32(24 - 8 * $0) & 0xFF) }.joined(separator: ".")
            let spellings = Self.spellings(of: v4, &random)
            for spelling in spellings + [dotted] {
                let host = spelling.contains(":") ? "[\(spelling)]" : spelling
                for (constraint, value) in [
                    ("cidr ['\(dotted)/32']", spelling), ("uri {\"hosts\":[\"\(dotted)\"]}", "http://\(host)/x"),
                    ("like 'http://\(dotted)/**'", "http://\(host)/x"), ("== 'http://\(dotted)/x'", "http://\(host)/x"),
                    ("in ['http://\(dotted)/x', 'a']", "http://\(host):80/x"),
                    ("uri {\"hosts\":[\"\(host.lowercased())\"]}", "http://\(dotted)/x"),
                    ("like 'http://*.\(dotted.drop { $0 != "." }.dropFirst())/**'", "http://\(host)/x"),
                ] {
                    #expect(try coverage(constraint, value) != .no, "\(constraint) \(value)")
                    #expect(
                        try permits(constraint, value) == (coverage(constraint, value) == .yes),
                        "\(constraint) \(value)")
                }
                #expect(try coverage("uri {\"hosts\":[\"\(other)\"]}", "http://\(host)/x") == .no, "\(other) \(host)")
                #expect(try coverage("like 'http://\(other)/**'", "http://\(host)/x") == .no, "\(other) \(host)")
                #expect(try coverage("cidr ['\(other)/32']", spelling) == .no, "\(other) \(spelling)")
            }
            for one in spellings {
                let two = spellings.randomElement(using: &random) ?? one
                let shared = try coverage("uri {\"hosts\":[\"[\(one.lowercased())]\"]}", "http://[\(two)]/")
                #expect(shared != .no, "\(one) \(two)")
            }
            for spelling in Self.lenient(of: v4) + ["[::ffff:\(dotted)%25eth0]", "user@\(dotted)", "\(dotted):080"] {
                for constraint in [
                    "uri {\"hosts\":[\"\(dotted)\"]}", "like 'http://\(dotted)/*'", "== 'http://\(dotted)/x'",
                ] { #expect(try coverage(constraint, "http://\(spelling)/x") == .maybe, "\(constraint) \(spelling)") }
                #expect(try coverage("cidr ['\(dotted)/32']", spelling) == .maybe, "\(spelling)")
            }
        }
        #expect(try coverage("cidr ['64:ff9b::a9fe:0/112']", "169.254.1.2") == .maybe)
        #expect(try coverage("cidr ['2002:a00::/24']", "::ffff:10.0.0.1") == .maybe)
        #expect(try coverage("cidr ['64:ff9b::/96', '2002::/16', '2001::/32']", "10.0.0.1") == .no)
        #expect(try coverage("uri {\"hosts\":[\"a.ex\"]}", "http://10.0.0.1/") == .no)
    }

    // MARK: URLs

    /// Other spellings of `https://a.ex/admin`.
    private static func url(_ random: inout Seeded) -> String {
        func pick(_ some: String...) -> String { some.randomElement(using: &random) ?? "" }
        let host = pick(
            "a.ex", "A.ex", "a.EX", "a.ex.", "a\u{3002}ex", "a\u{FF0E}ex", "%61.ex", "u@a.ex", "u:p@a.ex", "a.ex")
        let port = pick("", "", ":443", ":", ":0443")
        let path = pick(
            "/admin", "//admin", "/./admin", "/x/../admin", "/%61dmin", "/%2561dmin", "/admin;v=1", "/;a=b/admin",
            "/admin/",
            "/admin//", "/admin/.", "/admin%2f", "/%2Fadmin", "\\admin", "/admin%00", "/%c0%afadmin", "/%C0%AFadmin",
            "/%E0%80%AFadmin")
        return pick("https", "HTTPS", "Https") + "://" + host + port + path + pick("", "", "#f", "?")
    }

    @Test func aURLIsOneInWhateverWayItIsWritten() throws {
        var random = Seeded.announced("spellings of URLs")
        let rules = [
            "uri {\"hosts\":[\"a.ex\"]}", "uri {\"hosts\":[\"a.ex\"],\"path\":\"/admin\"}",
            "uri {\"hosts\":[\"*.ex\"]}",
            "uri {\"schemes\":[\"https\"],\"ports\":[443],\"path\":\"/admin\"}", "== 'https://a.ex/admin'",
            "like 'https://a.ex/admin'", "like 'https://a.ex/admin/**'", "like 'https://a.ex/**'",
            "like 'https://a.ex/*'",
            "like '*://a.ex/admin'", "like 'https://*.ex/admin'", "like 'https://**/admin'",
            "like 'http*://a.ex:443/*'",
            "like 'HTTPS://A.EX/**'", "in ['https://b.ex/', 'https://a.ex/admin/']",
            "in ['all', 'https://A.ex:443/admin']",
        ]
        for _ in 0..<2000 {
            let (rule, url) = (rules.randomElement(using: &random) ?? "", Self.url(&random))
            #expect(try coverage(rule, url) != .no, "\(rule) \(url)")
            // What permits is as exact as it was: only one that is written as the rule is.
            #expect(try permits(rule, url) == (coverage(rule, url) == .yes), "\(rule) \(url)")
        }
        for (rule, url) in [
            ("like 'https://a.ex/**'", "https://a.ex"), ("== 'https://a.ex'", "https://a.ex/"),
            ("== 'https://a.ex/'", "https://a.ex"), ("uri {\"ports\":[22]}", "ssh://a.ex/"),
            ("uri {\"hosts\":[\"a.ex\"],\"path\":\"/%C3%A9\"}", "https://a.ex/%c3%a9/x"),
            ("uri {\"hosts\":[\"a.ex\"],\"path\":\"/%c3%a9\"}", "https://a.ex/%C3%A9/x"),
            ("like 'https://a.ex/%C3%A9/*'", "https://a.ex/%c3%a9/x"),
            ("== 'https://a.ex/?q=a+b'", "https://a.ex/?q=a%20b"),
            ("== 'https://a.ex/x'", "//a.ex/x"), ("== 'https://a.ex/x'", "a.ex/x"),
            ("like 'https://a.ex/*'", "https:a.ex/x"),
            ("like 'https://a.ex/*'", " https://a.ex/x"), ("like 'https://a.ex/*'", "https:///a.ex/x"),
            ("contains ['https://a.ex/x']", "https://A.ex/x"), ("any(== 1, == 'https://a.ex/x')", "https://A.ex/x"),
        ] { #expect(try coverage(rule, url) == .maybe, "\(rule) \(url)") }
    }

    @Test func anotherURLIsPlainlyAnother() throws {
        for url in [
            "https://b.ex/", "https://b.ex", "https://b.ex//x//y", "https://b.ex/a/../b", "https://b.ex/%7Ex",
            "https://b.ex/x;y",
            "https://b.ex:8443/admin?u=https://a.ex/admin#a", "https://a.ex.b.ex/admin", "https://xa.ex2/admin",
            "https://10.0.0.1/admin", "https://[2001:db8::1]/admin", "HTTPS://B.ex:443/admin",
            "https://a.ex:8443/admin",
            "https://a.ex/public", "https://a.ex/public/admin", "https://a.ex/administrators?x=%20",
            "https://a.ex/%C3%A9",
        ] {
            for rule in [
                "uri {\"hosts\":[\"a.ex\"],\"ports\":[443],\"path\":\"/admin\"}", "== 'https://a.ex/admin'",
                "in ['https://a.ex/admin', 'x']", "like 'https://a.ex/admin/**'", "like 'https://a.ex/admin'",
                "like '*://a.ex/admin'",
            ] { #expect(try coverage(rule, url) == .no, "\(rule) \(url)") }
        }
        for rule in ["like 'https://a.ex/*'", "== 'https://a.ex/x'", "in ['https://a.ex/x']"] {
            for text in ["hello", "Hello. How are you", "all", "a-b_c"] {
                #expect(try coverage(rule, text) == .no, "\(text)")
            }
        }
        #expect(try coverage("like '**https://a.ex/**'", "see https://b.ex/x for it") == .no)
        #expect(try coverage("== 'https://a.ex/?q=a'", "https://a.ex/?q=b") == .no)
        #expect(try coverage("like '*@a.ex'", "x@b.ex") == .no)
    }

    @Test func ordinaryTextsAreNoURLs() throws {
        let texts = [
            "", "hello", "Note: lunch at noon", "either this and/or that", "3.5", "2026-01-01", "12:30", "readme.md",
            "docs/readme.md", "/tmp/a", "C:\\Users\\x", "bob@b.ex", "bob@a.ex", "Bob <bob@b.ex>", "mailto:bob@a.ex",
            "{\"a\": 1, \"b\": \"c\"}", "{\"u\":\"x\\n\"}", "line\nbreak", "100%", "50% off", "%20 x", "caf\u{E9}",
            "https://b.ex/a b", "https://b.ex/caf\u{E9}", "https://u@b.ex/", "http:b.ex", "b.ex/x", "//b.ex/x",
            "b.ex:443/x",
            "data:text/plain,hi", "git@b.ex:o/r.git", "urn:x:y", "tel:+1", "about:blank", "see https://b.ex/x now",
            "..",
            "a/../b", "./x", "text/plain", "owner/repo", "key=value", "SELECT * FROM t WHERE a='b/c'", "192.0.2.7:80",
            "2001:db8::1", "localhost", "localhost:8080/x", "a", "ex", "Hello. How are you?",
            "https://b.ex/?q=" + String(repeating: "x", count: 9000),
            String(repeating: "bob@a.ex wrote to eve@a.ex, ", count: 200),
            "Note: either/or, see https://b.ex/menu and a/b. " + String(repeating: "prose ", count: 2000),
        ]
        for rule in [
            "like 'https://a.ex/*'", "== 'https://a.ex/x'", "in ['https://a.ex/x', 'https://c.ex']",
            "like 'https://*.a.ex/**'", "like '*://a.ex/**'", "like 'https://a.ex:8443/*'", "not in ['https://a.ex/x']",
        ] {
            let isNot = rule.hasPrefix("not")
            for text in texts { #expect(try coverage(rule, text) == (isNot ? .yes : .no), "\(rule) \(text)") }
        }
        // Each of them leads to a.ex.
        for text in [
            "https:a.ex/x", "https:/a.ex/x", "https:\\\\a.ex\\x", "a.ex/x", "//u@a.ex/x", "a.ex:443/x",
            "ht\ntps://a.ex/x",
            "https://a.ex/" + String(repeating: "x", count: 9000), "https://a%2eex/x", "a\u{3002}ex/x",
            "https://" + String(repeating: "u", count: 2000) + "@a.ex/x",
            "https:" + String(repeating: "/", count: 2000) + "a.ex/x",
            String(repeating: "u", count: 2000) + "@a.ex/x", "//" + String(repeating: " ", count: 2000) + "@a.ex/x",
        ] {
            for rule in [
                "like 'https://a.ex/*'", "== 'https://a.ex/x'", "in ['https://a.ex/x']", "not in ['https://a.ex/x']",
            ] {
                let isLike = try rule.hasPrefix("like") && permits(rule, text)
                #expect(try coverage(rule, text) == (isLike ? .yes : .maybe), "\(rule) \(text)")
            }
        }
    }

    @Test func ordinaryTextsAreNoPaths() throws {
        for rule in ["== 'application/json'", "== 'evil/repo'", "in ['a/b', 'rm -rf /']", "== '/etc/passwd'"] {
            for text in [
                "", "x", "{\"u\":\"x\\n\"}", "%20 x", "C:\\Users\\x", "https://b.ex/caf%C3%A9", "/home/u/a%20b.txt",
                "50% off",
                "text/plain", "Note: either/or", String(repeating: "some/prose. ", count: 20_000),
            ] { #expect(try coverage(rule, text) == .no, "\(rule) \(text.prefix(60))") }
        }
        for text in [
            "/etc/%70asswd", "/etc/%2570asswd", "\\etc\\passwd", "/etc/passwd\0.txt", "etc/passwd", "../passwd",
            "passwd",
        ] {
            #expect(try coverage("== '/etc/passwd'", text) == .maybe, "\(text)")
            #expect(try coverage("not in ['/etc/passwd']", text) == .maybe, "\(text)")
        }
    }

    // MARK: Paths

    /// Other spellings of a path, as of `["etc", "passwd"]`.
    private static func path(_ segments: [String], _ random: inout Seeded) -> String {
        var text = ["/", "/", "//", "", "./", "../", "/./", "/x/../"].randomElement(using: &random) ?? ""
        for (i, segment) in segments.enumerated() {
            var written = segment
            switch Int.random(in: 0..<8, using: &random) {
            case 0: written = "%" + String(segment.utf8.first ?? 0, radix: 16) + segment.dropFirst()
            case 1: written = "./" + segment
            case 2: written = "y/../" + segment
            default: break
            }
            text += (i == 0 ? "" : ["/", "/", "//", "/./", "%2F", "%2f"].randomElement(using: &random) ?? "") + written
        }
        return text + (["", "", "/", "//", "/."].randomElement(using: &random) ?? "")
    }

    @Test func aPathIsOneInWhateverWayItIsWritten() throws {
        var random = Seeded.announced("spellings of paths")
        let rules = [
            "under '/etc'", "like '/etc/*'", "like '/etc/**'", "like '/etc/passwd'", "== '/etc/passwd'",
            "in ['/a', '/etc/passwd']", "like '/e?c/*'", "like '**/passwd'", "all(under '/etc', like '/**')",
            "any(== 5, under '/etc')", "in ['/etc/passwd/']",
        ]
        for _ in 0..<3000 {
            let (rule, path) = (rules.randomElement(using: &random) ?? "", Self.path(["etc", "passwd"], &random))
            #expect(try coverage(rule, path) != .no, "\(rule) \(path)")
            #expect(try permits(rule, path) == (coverage(rule, path) == .yes), "\(rule) \(path)")
        }
        for (rule, path) in [
            ("like '/etc/**'", "/etc"), ("like 'src/**'", "src"), ("like 'src/*'", "/w/src/x"),
            ("like 'src/*'", "src//x"),
            ("== 'src/x'", "./src/x"), ("== 'src/x'", "/w/src/x"), ("== '/etc/passwd'", "passwd"),
            ("== '/etc/passwd'", "\\etc\\passwd"), ("like '**/.env'", ".env"), ("like '/etc/*'", "passwd"),
        ] { #expect(try coverage(rule, path) == .maybe, "\(rule) \(path)") }
    }

    @Test func anotherPathIsPlainlyAnother() throws {
        for path in [
            "/tmp/a", "/tmp/a/", "/tmp/etc/passwd", "/usr/passwd", "/etcetera/x", "/", "/ETC/hosts", "/tmp/50% off",
        ] {
            for rule in [
                "under '/etc'", "like '/etc/*'", "like '/etc/**'", "== '/etc/passwd'", "in ['/etc/passwd', '/b']",
            ] {
                #expect(try coverage(rule, path) == .no, "\(rule) \(path)")
            }
        }
        for text in ["hello", "src/main.py", "text/html", "a/b/c.txt", "see this", "1.5"] {
            #expect(try coverage("== '/etc/passwd'", text) == .no, "\(text)")
            #expect(try coverage("in ['/etc/passwd', 'x/y']", text) == .no, "\(text)")
            #expect(try coverage("like 'acme/*'", text) == .no, "\(text)")
            #expect(try coverage("like '**/.env'", text) == .no, "\(text)")
        }
    }
}

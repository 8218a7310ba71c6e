internal import StrictJSON

/// URLs and paths in a prompt.
extension Mention {
    /// `https://host/path`, `www.host`, `host.example/path`. Of a host alone every page is named, of a page it and all
    /// below it, at the scheme's own port.
    static func url(_ prompt: Prompt, _ range: Range<Int>) -> Mention? {
        let bytes = prompt.bytes[range]
        guard bytes.count <= 2048, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let text = prompt.text(range)
        var (rest, scheme) = (bytes, String?.none)
        if let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8) {
            guard bytes[..<colon].allSatisfy(Prompt.isLetter), colon > bytes.startIndex else { return nil }
            scheme = String(decoding: prompt.folded[bytes.startIndex..<colon], as: UTF8.self)
            rest = bytes[(colon + 3)...]
        }
        let host = rest.prefix(while: isHost)
        // "www.acme.example.They said": a capital after a small letter and a full stop begins a sentence.
        if scheme == nil, let stop = sentence(in: host) { return url(prompt, range.lowerBound..<stop) }
        let after = rest[host.endIndex...]
        guard after.isEmpty || "/?#:".utf8.contains(after[after.startIndex]), isHostName(host, isBare: scheme == nil)
        else {
            return nil
        }
        let path = after.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let folded = String(decoding: prompt.folded[host.startIndex..<host.endIndex], as: UTF8.self)
        let isWhole = path.isEmpty || path.elementsEqual("/".utf8)
        // A page with a port or a query is that page alone.
        guard isWhole || path.first == UInt8(ascii: "/"), path.count == after.count else {
            return Mention(text: text, place: range.lowerBound, values: [.string(text)])
        }
        var uri: JSONTree.Members = [
            "constraint_type": "uri", "hosts": [.string(folded)],
            "schemes": scheme.map { [.string($0)] } ?? ["https", "http"],
        ]
        // The scheme's own port: another is another service of the host.
        switch scheme {
        case nil: uri["ports"] = [80, 443]
        case "https": uri["ports"] = [443]
        case "http": uri["ports"] = [80]
        default: break
        }
        if !isWhole { uri["path"] = .string(String(decoding: path, as: UTF8.self)) }
        return Mention(text: text, place: range.lowerBound, values: [.string(text)], clause: .object(uri))
    }

    private static func sentence(in host: ArraySlice<UInt8>) -> Int? {
        var place = host.startIndex + 1
        while place + 1 < host.endIndex {
            let isSmall = Prompt.isLetter(host[place - 1]) && !Prompt.isUpper(host[place - 1])
            if isSmall, host[place] == UInt8(ascii: "."), Prompt.isUpper(host[place + 1]) { return place }
            place += 1
        }
        return nil
    }

    /// A host that stands there without a scheme ends like a domain, not like a file.
    private static func isHostName(_ host: ArraySlice<UInt8>, isBare: Bool) -> Bool {
        let labels = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard host.count <= 253, labels.allSatisfy({ !$0.isEmpty && $0.count < 64 }), let last = labels.last else {
            return false
        }
        guard isBare else { return true }
        guard labels.count > 1, last.count > 1, last.allSatisfy(Prompt.isLetter) else { return false }
        if labels.count > 2, labels[0].elementsEqual("www".utf8) { return true }
        let ending = last.map(Prompt.fold)
        // Between spaces, as in the list.
        let (listed, wanted) = (Array(fileEndings.description.utf8), [0x20] + ending + [0x20])
        return !listed.indices.contains { listed[$0...].starts(with: wanted) }
    }

    /// Endings of files that are, or look like, top-level domains.
    private static let fileEndings: StaticString =
        " txt md py rs sh pl zip mov doc docx xls xlsx ppt pptx pdf csv json xml html htm yaml yml toml log png jpg jpeg gif svg js ts go swift c cc tar gz ini cfg exe so db sql app java rb ps "

    /// `/data/report.csv`, `notes/`, `report.csv`. Of an absolute path without an ending, all below it is named too.
    static func path(_ prompt: Prompt, _ range: Range<Int>) -> Mention? {
        let bytes = prompt.bytes[range]
        let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
        guard bytes.count <= 1024, let first = bytes.first, !bytes.contains(0), !bytes.contains(UInt8(ascii: "@"))
        else {
            return nil
        }
        let name = bytes.split(separator: slash, omittingEmptySubsequences: false).last ?? []
        let ending = name.lastIndex(of: dot).map { name[($0 + 1)...] } ?? []
        let hasEnding =
            (1...5).contains(ending.count) && ending.count + 1 < name.count
            && ending.allSatisfy { Prompt.isLetter($0) || Prompt.isDigit($0) }
            && ending.contains(where: Prompt.isLetter)
        let isScheme = bytes.firstIndex(of: UInt8(ascii: ":")).map { bytes[$0...].starts(with: "://".utf8) } ?? false
        guard !isScheme, hasEnding || bytes.contains(slash) && (first == slash || first == dot || bytes.last == slash)
        else {
            return nil
        }
        let text = prompt.text(range)
        guard first == slash, !hasEnding, bytes.count > 1 else {
            return Mention(text: text, place: range.lowerBound, values: [.string(text)])
        }
        return Mention(
            text: text, place: range.lowerBound, values: [.string(text)],
            clause: ["constraint_type": "path_containment", "root": .string(text)])
    }
}

extension JSON.Value {
    /// This value in canonical form.
    public func canonical() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(sourceLength)
        appendCanonical(to: &output)
        return output
    }

    /// Appends this value in canonical form. Recurses at most as deep as the document's depth limit.
    public func appendCanonical(to output: inout [UInt8]) {
        let (nodes, bytes) = (storage.nodes, storage.bytes)
        storage.append(index, nodes.span, bytes.span, to: &output)
    }

    /// Appends the names of an object's members as an array in canonical form, in the order of the document.
    /// - Parameters:
    ///   - most: The largest number of names that are written.
    ///   - longest: The longest name that is written, in bytes of the document, with quotes and escapes.
    /// - Returns: Whether any name was left out.
    @discardableResult
    public func appendNames(most: Int, longest: Int, to output: inout [UInt8]) -> Bool {
        let (nodes, bytes) = (storage.nodes, storage.bytes)
        let end = nodes[index].kind == .object ? Int(nodes[index].next) : index + 1
        var (key, count, isCut) = (index + 1, 0, false)
        output.append(UInt8(ascii: "["))
        while key < end, count < most {
            if nodes[key].sourceEnd - nodes[key].sourceStart <= longest {
                if count > 0 { output.append(UInt8(ascii: ",")) }
                storage.append(key, nodes.span, bytes.span, to: &output)
                count += 1
            } else {
                isCut = true
            }
            key = Int(nodes[key + 1].next)
        }
        output.append(UInt8(ascii: "]"))
        return isCut || key < end
    }

    /// The names that ``appendNames(most:longest:to:)`` leaves out: their number, and all of them as an array.
    public func namesLeftOut(most: Int, longest: Int) -> (count: Int, array: [UInt8]) {
        let (nodes, bytes) = (storage.nodes, storage.bytes)
        let end = nodes[index].kind == .object ? Int(nodes[index].next) : index + 1
        var (key, kept, left) = (index + 1, 0, 0)
        var array = [UInt8(ascii: "[")]
        while key < end {
            if kept < most, nodes[key].sourceEnd - nodes[key].sourceStart <= longest {
                kept += 1
            } else {
                if left > 0 { array.append(UInt8(ascii: ",")) }
                storage.append(key, nodes.span, bytes.span, to: &array)
                left += 1
            }
            key = Int(nodes[key + 1].next)
        }
        array.append(UInt8(ascii: "]"))
        return (left, array)
    }
}

// Works on the tape itself: a `Value` for each value passed would cost two reference counts.
extension JSON.Storage {
    fileprivate func append(
        _ index: Int, _ nodes: Span<JSON.Node>, _ bytes: Span<UInt8>, to output: inout [UInt8]
    ) {
        let node = nodes[index]
        switch node.kind {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool: output.append(contentsOf: (node.flag ? "true" : "false").utf8)
        // One that double precision does not keep is shown as it was sent, and as no other.
        case .number where node.first == 1:
            JCS.append(bytes.extracting(Int(node.sourceStart)..<Int(node.sourceEnd)), to: &output)
        case .number: JCS.appendNumber(node.number, to: &output)
        case .string:
            if node.length == node.sourceEnd - node.sourceStart - 2 {
                // The source has no escapes, so the string needs none: its source bytes are copied.
                JCS.append(bytes.extracting(Int(node.sourceStart)..<Int(node.sourceEnd)), to: &output)
            } else {
                JCS.appendString(bytes.extracting(node.text), to: &output)
            }
        case .array:
            output.append(UInt8(ascii: "["))
            var element = index + 1
            while element < Int(node.next) {
                if element > index + 1 { output.append(UInt8(ascii: ",")) }
                append(element, nodes, bytes, to: &output)
                element = Int(nodes[element].next)
            }
            output.append(UInt8(ascii: "]"))
        case .object:
            output.append(UInt8(ascii: "{"))
            if node.first <= 16 {
                appendFew(index, nodes, bytes, to: &output)
            } else {
                appendMany(index, nodes, bytes, to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// Appends at most 16 members, sorted by insertion. Allocates nothing; most objects are nearly sorted already.
    private func appendFew(
        _ object: Int, _ nodes: Span<JSON.Node>, _ bytes: Span<UInt8>, to output: inout [UInt8]
    ) {
        var order = InlineArray<16, Int>(repeating: 0)
        var (key, count) = (object + 1, 0)
        while key < Int(nodes[object].next), count < order.count {
            let name = bytes.extracting(nodes[key].text)
            var place = count
            while place > 0, JCS.precedes(name, bytes.extracting(nodes[order[place - 1]].text)) {
                order[place] = order[place - 1]
                place -= 1
            }
            order[place] = key
            count += 1
            key = Int(nodes[key + 1].next)
        }
        for i in 0..<count { append(member: order[i], isFirst: i == 0, nodes, bytes, to: &output) }
    }

    private func appendMany(
        _ object: Int, _ nodes: Span<JSON.Node>, _ bytes: Span<UInt8>, to output: inout [UInt8]
    ) {
        for (i, key) in sortedNames(of: object).enumerated() {
            append(member: key, isFirst: i == 0, nodes, bytes, to: &output)
        }
    }

    private func append(
        member key: Int, isFirst: Bool, _ nodes: Span<JSON.Node>, _ bytes: Span<UInt8>, to output: inout [UInt8]
    ) {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        append(key, nodes, bytes, to: &output)
        output.append(UInt8(ascii: ":"))
        append(key + 1, nodes, bytes, to: &output)
    }

    /// The nodes of an object's names, in JCS order (RFC 8785 section 3.2.3).
    func sortedNames(of object: Int) -> [Int] {
        guard nodes[object].kind == .object else { return [] }
        let bytes = bytes
        return NameOrder(
            of: object, end: Int(nodes[object].next), nodes: nodes, bytes: bytes.span, unescaped: Span()
        ).names
    }
}

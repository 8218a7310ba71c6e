extension JSON.Value {
    /// Whether two values are the same: numbers by value, strings byte for byte, objects in any order.
    ///
    /// Recurses at most as deep as the documents' depth limit, and takes time linear in the smaller value, save for the
    /// sorting of objects whose members are in different orders.
    public func isEqual(to other: JSON.Value) -> Bool {
        var work = WorkBudget.unlimited
        return isEqual(to: other, within: &work)
    }

    /// As ``isEqual(to:)``. The answer is meaningless once the budget is exhausted.
    package func isEqual(to other: JSON.Value, within work: inout WorkBudget) -> Bool {
        storage.isEqual(index, other.storage, other.index, within: &work)
    }
}

// Works on the tapes themselves: a `Value` for each value passed would cost two reference counts.
extension JSON.Storage {
    fileprivate func isEqual(
        _ index: Int, _ other: JSON.Storage, _ otherIndex: Int, within work: inout WorkBudget
    ) -> Bool {
        let (node, theirs) = (nodes[index], other.nodes[otherIndex])
        guard node.kind == theirs.kind else { return false }
        switch node.kind {
        case .null: return true
        case .bool: return node.flag == theirs.flag
        case .number: return node.number == theirs.number
        case .string: return hasSameText(node, other, theirs, within: &work)
        case .array, .object:
            let count = Int(node.next) - index
            guard node.first == theirs.first, count == Int(theirs.next) - otherIndex, work.spend(count * 4) else {
                return false
            }
            return node.kind == .array
                ? hasSameElements(index, other, otherIndex, within: &work)
                : hasSameMembers(index, other, otherIndex, within: &work)
        }
    }

    private func hasSameText(
        _ own: JSON.Node, _ other: JSON.Storage, _ theirs: JSON.Node, within work: inout WorkBudget
    ) -> Bool {
        guard own.length == theirs.length, work.spend(Int(own.length) >> 5) else { return false }
        let (bytes, otherBytes) = (bytes, other.bytes)
        return bytes.span.extracting(own.text).hasSameBytes(as: otherBytes.span.extracting(theirs.text))
    }

    private func hasSameElements(
        _ index: Int, _ other: JSON.Storage, _ otherIndex: Int, within work: inout WorkBudget
    ) -> Bool {
        let end = Int(nodes[index].next)
        var (own, theirs) = (index + 1, otherIndex + 1)
        while own < end {
            guard isEqual(own, other, theirs, within: &work) else { return false }
            (own, theirs) = (Int(nodes[own].next), Int(other.nodes[theirs].next))
        }
        return true
    }

    /// Compares the names alone first, so that no value is compared twice, however deep.
    private func hasSameMembers(
        _ index: Int, _ other: JSON.Storage, _ otherIndex: Int, within work: inout WorkBudget
    ) -> Bool {
        let end = Int(nodes[index].next)
        var (own, theirs) = (index + 1, otherIndex + 1)
        while own < end, hasSameText(nodes[own], other, other.nodes[theirs], within: &work) {
            (own, theirs) = (Int(nodes[own + 1].next), Int(other.nodes[theirs + 1].next))
        }
        if own >= end {
            (own, theirs) = (index + 1, otherIndex + 1)
            while own < end {
                guard isEqual(own + 1, other, theirs + 1, within: &work) else { return false }
                (own, theirs) = (Int(nodes[own + 1].next), Int(other.nodes[theirs + 1].next))
            }
            return true
        }
        guard spendSorting(index, within: &work), other.spendSorting(otherIndex, within: &work) else { return false }
        for (own, theirs) in zip(sortedNames(of: index), other.sortedNames(of: otherIndex)) {
            guard hasSameText(nodes[own], other, other.nodes[theirs], within: &work),
                isEqual(own + 1, other, theirs + 1, within: &work)
            else { return false }
        }
        return true
    }

    /// Spends the cost of ``sortedNames(of:)``.
    private func spendSorting(_ object: Int, within work: inout WorkBudget) -> Bool {
        let (count, end) = (Int(nodes[object].first), Int(nodes[object].next))
        let length = end > object + 1 ? Int(nodes[end - 1].sourceEnd) - Int(nodes[object].sourceStart) : 0
        return work.spend(count * (8 + count.bitWidth - count.leadingZeroBitCount) + length)
    }
}

extension JSON.Value {
    /// A hash of the same content that ``isEqual(to:)`` compares, for tables of values. Allocates nothing; not for
    /// secrets.
    ///
    /// Keyed by a secret of this process: nobody outside can choose values that collide. Recurses at most as deep as
    /// the document's depth limit.
    package func contentHash(within work: inout WorkBudget) -> UInt64 {
        guard work.spend(6 + nodeCount * 4 + sourceLength >> 3) else { return 0 }
        var hasher = Hasher()
        storage.hash(index, into: &hasher)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

extension JSON.Storage {
    fileprivate func hash(_ index: Int, into hasher: inout Hasher) {
        let node = nodes[index]
        hasher.combine(node.kind.rawValue)
        switch node.kind {
        case .null: break
        case .bool: hasher.combine(node.flag)
        // Zero and minus zero are one value.
        case .number: hasher.combine(node.number == 0 ? 0 : node.number.bitPattern)
        case .string:
            let bytes = bytes
            hasher.combine(node.length)
            unsafe bytes.span.extracting(node.text).withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        case .array:
            hasher.combine(node.first)
            var element = index + 1
            while element < Int(node.next) {
                hash(element, into: &hasher)
                element = Int(nodes[element].next)
            }
        case .object:
            // A sum does not depend on the order of the members.
            var sum: Int = 0
            var name = index + 1
            while name < Int(node.next) {
                var member = Hasher()
                hash(name, into: &member)
                hash(name + 1, into: &member)
                sum &+= member.finalize()
                name = Int(nodes[name + 1].next)
            }
            hasher.combine(sum)
        }
    }
}

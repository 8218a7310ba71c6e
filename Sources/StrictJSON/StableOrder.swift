extension Sequence {
    /// The elements in the order of `precedes`; those that it holds equal stay as they were.
    ///
    /// `sorted(by:)` costs 3 to 10 kB of machine code for each type and each order. Here places are sorted, by one code
    /// for all, and what is in order already, as most of what is read again, is left alone.
    package func inOrder(by precedes: (Element, Element) -> Bool) -> [Element] {
        let all = Array(self)
        if all.indices.dropFirst().allSatisfy({ !precedes(all[$0], all[$0 - 1]) }) { return all }
        return placesInOrder(of: all.count) { precedes(all[$0], all[$1]) }.map { all[$0] }
    }
}

extension Sequence where Element: Comparable {
    package func inOrder() -> [Element] { inOrder(by: <) }
}

@inline(never)
private func placesInOrder(of count: Int, by precedes: (Int, Int) -> Bool) -> [Int] {
    (0..<count).sorted(by: precedes)
}

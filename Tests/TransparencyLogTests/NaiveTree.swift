@testable import TransparencyLog

/// RFC 6962 section 2.1 word for word, to compare the real one with.
enum NaiveTree {
    static func root(_ leaves: ArraySlice<MerkleHash>) -> MerkleHash {
        guard let first = leaves.first else { return .empty }
        if leaves.count == 1 { return first }
        var k = 1
        while k * 2 < leaves.count { k *= 2 }
        return .node(root(leaves.prefix(k)), root(leaves.dropFirst(k)))
    }

    static func path(_ m: Int, _ leaves: ArraySlice<MerkleHash>) -> [MerkleHash] {
        if leaves.count == 1 { return [] }
        var k = 1
        while k * 2 < leaves.count { k *= 2 }
        return m < k
            ? path(m, leaves.prefix(k)) + [root(leaves.dropFirst(k))]
            : path(m - k, leaves.dropFirst(k)) + [root(leaves.prefix(k))]
    }

    static func proof(_ m: Int, _ leaves: ArraySlice<MerkleHash>, _ isComplete: Bool = true) -> [MerkleHash] {
        if m == leaves.count { return isComplete ? [] : [root(leaves)] }
        var k = 1
        while k * 2 < leaves.count { k *= 2 }
        return m <= k
            ? proof(m, leaves.prefix(k), isComplete) + [root(leaves.dropFirst(k))]
            : proof(m - k, leaves.dropFirst(k), false) + [root(leaves.prefix(k))]
    }
}

/// Files in memory.
final class MemoryStorage: TileStorage {
    var files: [String: [UInt8]] = [:]
    func read(_ path: String) throws(TransparencyLogError) -> [UInt8]? { files[path] }
    func write(_ path: String, _ bytes: [UInt8]) throws(TransparencyLogError) {
        if files[path] != nil { rewritten.append(path) }
        files[path] = bytes
    }
    /// Files that were written a second time.
    var rewritten: [String] = []
}

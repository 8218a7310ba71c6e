internal import JOSE
internal import TransparencyLog

/// Keys, notes, checkpoints and bundles have one spelling; what nobody signed has no text.
struct NoteTarget: FuzzTarget {
    private let key: NoteKey? = (try? SigningKey.generate()).flatMap {
        try? NoteKey(name: "acme.example/audit", publicKey: $0.publicKey)
    }

    func run(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        if let key = try? NoteKey(text) {
            property(Array(key.description.utf8) == input, "a key has one spelling")
        }
        if let checkpoint = try? Checkpoint(text: text) {
            property(text.hasPrefix(checkpoint.text), "a checkpoint has one spelling")
            property((try? Checkpoint(text: checkpoint.text)) == checkpoint, "a checkpoint's own text is read")
        }
        if let key {
            property((try? SignedNote.open(input, by: key)) == nil, "nobody signs with a key made just now")
        }
        let (ranges, isWhole) = EntryBundle.split(input.span)
        var bundle: [UInt8] = []
        for range in ranges {
            let entry = Array(input[range])
            property((try? EntryBundle.append(entry.span, to: &bundle)) != nil, "an entry that was read can be written")
        }
        property(bundle == Array(input.prefix(bundle.count)), "a bundle has one spelling")
        property(isWhole == (bundle.count == input.count), "what is behind the entries is seen")
        proofs(input)
    }

    /// Proofs of random shape end without a trap, and none leads to a root that is not above its leaf.
    private func proofs(_ input: [UInt8]) {
        guard input.count >= 48 else { return }
        func number(_ start: Int) -> UInt64 { input[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        var path: [MerkleHash] = []
        for start in stride(from: 16, through: input.count - 32, by: 32) {
            if let hash = MerkleHash(Array(input[start..<start + 32])) { path.append(hash) }
        }
        let inclusion = InclusionProof(index: number(0), size: number(8), path: path)
        property((try? inclusion.verify(leaf: .leaf(input), root: .empty)) == nil, "no leaf is below the empty root")
        let consistency = ConsistencyProof(oldSize: number(0), newSize: number(8), path: path)
        property(
            (try? consistency.verify(oldRoot: .leaf(input), newRoot: .empty)) == nil, "no tree grows to the empty root")
    }
}

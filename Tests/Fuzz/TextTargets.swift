internal import JOSE
internal import Scopes
internal import StrictJSON

/// Whatever is accepted has a canonical form that is accepted, equal, and its own canonical form.
struct JSONTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        guard let json = try? JSON(parsing: input) else { return }
        let canonical = json.root.canonical()
        guard let again = try? JSON(parsing: canonical) else { return property(false, "canonical form is accepted") }
        property(again.root.isEqual(to: json.root), "canonical form is equal")
        property(again.root.canonical() == canonical, "canonical form is a fixed point")
        var work = WorkBudget.unlimited
        let hashes = (again.root.contentHash(within: &work), json.root.contentHash(within: &work))
        property(hashes.0 == hashes.1, "equal values have one hash")
    }
}

/// A token is read or refused; only its own bytes verify, and its parts have one spelling.
struct JWSTarget: FuzzTarget {
    private let key: SigningKey? = try? SigningKey.generate()

    func run(_ input: [UInt8]) {
        if let decoded = try? Base64URL.decode(input.span) {
            property(Array(Base64URL.encode(decoded).utf8) == input, "base64url has one spelling")
        }
        if let json = try? JSON(parsing: input), let jwk = try? PublicKey(jwk: json.root) {
            property(jwk.thumbprint.utf8.count == 43, "a thumbprint has 43 characters")
        }
        _ = try? SigningKey(jwk: input.span)
        guard let key, let jws = try? CompactJWS(input) else { return }
        property(!jws.isSigned(by: key.publicKey), "nobody signs with a key made just now")
        _ = try? jws.payload()
        let signed = CompactJWS.make(type: "x", payload: input) { key.sign($0) }
        guard let own = try? CompactJWS(signed) else { return property(false, "what we sign is read") }
        property(own.isSigned(by: key.publicKey), "what we sign verifies")
        property((try? own.payloadBytes()) == input, "what we sign is what was given")
    }
}

/// Both forms are lossless, and the meet of two scopes is below both.
struct ScopeTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        let parts = input.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        let scopes = parts.prefix(2).compactMap { try? Scope(String(decoding: $0, as: UTF8.self)) }
        for scope in scopes {
            property((try? Scope(text: scope.text)) == scope, "the text form is lossless")
            property((try? Scope(scope.tree.text)) == scope, "the JSON form is lossless")
            property(scope.subsumes(scope), "a scope is below itself")
            if let normal = try? scope.normalized(), let again = try? normal.normalized() {
                property(again == normal, "normal form is a fixed point")
            }
            _ = scope.summary
        }
        guard let a = try? scopes.first?.normalized(), let b = try? scopes.last?.normalized() else { return }
        let call = parts.count > 2 ? try? JSON(parsing: Array(parts[2])).root : nil
        guard let meet = try? a.meet(b) else { return }
        property(a.subsumes(meet) && b.subsumes(meet), "a meet is below both")
        guard let call, call.kind == .object else { return }
        for tool in Set(a.tools.map(\.name) + b.tools.map(\.name)) {
            property(
                meet.permits(tool, call) == (a.permits(tool, call) && b.permits(tool, call)),
                "a meet permits what both permit")
        }
        if a.subsumes(b) {
            for tool in b.tools where b.permits(tool.name, call) {
                property(a.permits(tool.name, call), "what is below permits no more")
            }
        }
    }
}

/// What a glob that is below another matches, the other matches.
struct GlobTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        let parts = input.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let parent = scope(parts[0]), let child = scope(parts[1]) else { return }
        let value: JSONTree = ["x": .string(String(decoding: parts[2], as: UTF8.self))]
        guard let call = try? JSON(parsing: value.canonical()).root, child.permits("t", call) else { return }
        if parent.subsumes(child) { property(parent.permits("t", call), "inclusion is sound") }
    }

    private func scope(_ pattern: ArraySlice<UInt8>) -> Scope? {
        let tree: JSONTree = [
            "t": ["x": ["constraint_type": "glob", "pattern": .string(String(decoding: pattern, as: UTF8.self))]]
        ]
        return try? Scope(tree.text)
    }
}

internal import JOSE
internal import Scopes
internal import StrictJSON

// The messages of an agent to a guard elsewhere.
extension Agent {
    /// Signs one call (AAT section 7.2).
    ///
    /// - Parameters:
    ///   - tool: The tool, byte for byte as the guard will be asked.
    ///   - arguments: A JSON object.
    ///   - audience: The name of the guard that is to accept it; at most 256 bytes; omit it
    ///     if somebody forwards the call to the guard.
    ///   - nonce: The nonce that the guard gave out, if it asks for one, at most 256 bytes: see ``Guard/nonce()``.
    public func prove(
        tool: String, arguments: [UInt8], audience: String? = nil, nonce: String? = nil
    ) throws(AgentIDError) -> String {
        try prove(tool: tool, arguments: arguments, audience: audience, nonce: nonce, in: current())
    }

    /// The chain and the proof of one call under it, taken together: the grant may be renewed between ``chain()`` and
    /// `prove(tool:arguments:audience:nonce:)`, and a proof is for one grant only. The parameters are the same.
    public func present(
        tool: String, arguments: [UInt8], audience: String? = nil, nonce: String? = nil
    ) throws(AgentIDError) -> Presentation {
        let state = try current()
        let proof = try prove(tool: tool, arguments: arguments, audience: audience, nonce: nonce, in: state)
        return Presentation(chain: String(decoding: state.held.chain, as: UTF8.self), proof: proof)
    }

    private func prove(
        tool: String, arguments: [UInt8], audience: String?, nonce: String?, in state: State
    ) throws(AgentIDError) -> String {
        guard !arguments.isEmpty else {
            throw AgentIDError(
                .malformed, name: "arguments", message: "the arguments are missing: a call without any has {}",
                at: "arguments")
        }
        let call: JSON.Value
        do { call = try JSON(parsing: arguments, limits: ScopeLimits.arguments).root } catch {
            throw AgentIDError(error, at: "arguments")
        }
        guard call.kind == .object else {
            throw AgentIDError(
                .malformed, name: "arguments", message: "the arguments are not a JSON object", at: "arguments")
        }
        try Self.check(audience, name: "audience", "an audience", empty: "leave it out for a proof for nobody")
        try Self.check(nonce, name: "nonce", "a nonce", empty: "leave it out where the guard gave none")
        let granted = state.held.grant.claim?.labels ?? []
        let labels = try labels(in: state).filter { label in !granted.contains { $0.isSame(as: label) } }
        let now = try clock.now()
        // In JCS order as they stand: a proof is made at every call.
        var payload: [UInt8] = []
        payload.reserveCapacity(arguments.count + tool.utf8.count + 256)
        func member(_ name: String, _ value: String) {
            payload.append(payload.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
            JCS.appendString(name, to: &payload)
            payload.append(UInt8(ascii: ":"))
            JCS.appendString(value, to: &payload)
        }
        if let audience { member("aat_aud", audience) }
        member("aat_hash", state.held.signingInputHash)
        member("aat_id", state.held.grant.id)
        member("aat_tool", tool)
        payload.append(contentsOf: #","hta":"#.utf8)
        call.appendCanonical(to: &payload)
        payload.append(contentsOf: #","iat":"#.utf8)
        JCS.appendInt(Int(now / 1000), to: &payload)
        member("jti", UUIDv7.make(at: now))
        if let nonce { member("nonce", nonce) }
        if !labels.isEmpty {
            payload.append(UInt8(ascii: ","))
            JCS.appendString(Claim.name, to: &payload)
            payload.append(contentsOf: #":{"labels":"#.utf8)
            payload += JSONTree.array(labels.map { .string($0) }).canonical()
            payload.append(UInt8(ascii: "}"))
        }
        payload.append(UInt8(ascii: "}"))
        return try Self.signed(payload, by: state.key)
    }

    /// Refuses the name of a guard that no guard can have, and a nonce much longer than those that guards issue.
    private static func check(
        _ text: String?, name: String, _ noun: String, empty remedy: String
    ) throws(AgentIDError) {
        guard text != "" else {
            throw AgentIDError(.argument, name: name, message: "\(noun) is not empty: \(remedy)", at: name)
        }
        guard text?.utf8.count ?? 0 <= AuditBounds.guardian else {
            throw AgentIDError(
                .argument, name: name, message: "\(noun) has at most \(AuditBounds.guardian) bytes", at: name)
        }
    }

    private static func signed(_ payload: [UInt8], by key: SigningKey) throws(AgentIDError) -> String {
        let proof = CompactJWS.make(type: TokenType.proof, payload: payload) { key.sign($0) }
        guard proof.count <= Limits.proofSize else {  // guards refuse it unread
            throw AgentIDError(
                .limit, name: "input_too_long",
                message: "a proof has at most \(Limits.proofSize) bytes, this one would have \(proof.count): "
                    + "shorten the arguments", at: "arguments")
        }
        return String(decoding: proof, as: UTF8.self)
    }
}

internal import AgentIDC
internal import CAgentID
internal import Glibc

/// The C entry points as a program that knows no rules: each input is a sequence of calls with odd texts and handles.
///
/// Nothing may crash, no status may be unknown, and whatever is given out is given back.
struct CTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        var caller = Caller(input)
        caller.run()
        caller.giveBack()
    }
}

/// Reads an input as calls and keeps what they return for those that follow.
private struct Caller {
    private var bytes: ArraySlice<UInt8>
    private var handles: [OpaquePointer?] = [nil]

    init(_ input: [UInt8]) { bytes = input[...] }

    private mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// A text of the input, or one that leads further in.
    private mutating func text() -> [CChar] {
        let known = [
            "", "acme.example", "researcher", "user:a@b", "t", "read_file(path under '/data')", "read_file",
            #"{"path":"/data/x"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        ]
        let choice = Int(byte())
        if choice < 200 { return Array(known[choice % known.count].utf8CString) }
        let length = min(Int(byte()), bytes.count)
        let own = bytes.prefix(length)
        bytes = bytes.dropFirst(length)
        return own.map { CChar(bitPattern: $0) } + [0]
    }

    private mutating func handle() -> OpaquePointer? {
        let choice = Int(byte())
        if choice < 220 { return unsafe handles[choice % handles.count] }
        var made: UInt = 0
        for _ in 0..<8 { made = made << 8 | UInt(byte()) }
        return unsafe OpaquePointer(bitPattern: made)
    }

    private mutating func keep(_ handle: OpaquePointer?) {
        guard let handle = unsafe handle else { return }
        if handles.count < 32 { unsafe handles.append(handle) }
    }

    mutating func run() {
        var calls = 0
        while !bytes.isEmpty, calls < 24 {
            calls += 1
            call(byte())
        }
    }

    private func check(_ status: agentid_status, _ error: OpaquePointer?) {
        property((0...15).contains(status), "a status is one of the header's")
        if let error = unsafe error {
            property(unsafe agentid_error_code(error) == status, "an error carries its status")
            unsafe property(strlen(agentid_error_name(error)) > 0, "an error has a name")
            unsafe agentid_error_free(error)
        } else {
            property(status == 0, "a failure has an error")
        }
    }

    private mutating func call(_ operation: UInt8) {
        var error: OpaquePointer?
        var output: OpaquePointer?
        var bytes = agentid_bytes()
        var status: agentid_status = 0
        let (a, b, c) = (text(), text(), text())
        let (h, g) = unsafe (handle(), handle())
        let (an, bn, cn) = (a.count - 1, b.count - 1, c.count - 1)
        unsafe a.withUnsafeBufferPointer { a in
            unsafe b.withUnsafeBufferPointer { b in
                unsafe c.withUnsafeBufferPointer { c in
                    let (x, y, z) = (a.baseAddress, b.baseAddress, c.baseAddress)
                    switch operation % (34 + LifecycleCalls.count) {
                    case 0:
                        var options = unsafe agentid_authority_options()
                        unsafe options.struct_size = MemoryLayout<agentid_authority_options>.size
                        unsafe options.trust_domain = unsafe x
                        status = unsafe agentid_authority_open("", 0, &options, &output, &error)
                    case 1:
                        var options = unsafe agentid_profile_options()
                        unsafe options.struct_size = MemoryLayout<agentid_profile_options>.size
                        unsafe (options.owner, options.ceiling) = unsafe (y, z)
                        status = unsafe agentid_authority_put_profile(h, x, an, &options, &error)
                    case 2, 3:
                        var options = unsafe agentid_agent_options()
                        unsafe options.struct_size = MemoryLayout<agentid_agent_options>.size
                        unsafe (options.principal, options.task, options.scope) = unsafe (y, y, z)
                        if operation % (34 + LifecycleCalls.count) == 2 {
                            status = unsafe agentid_authority_start_agent(h, x, an, &options, &output, &error)
                        } else {
                            var credential = unsafe agentid_bytes()
                            status = unsafe agentid_authority_issue(
                                h, x, an, z, cn, &options, &bytes, &credential, &error)
                            unsafe agentid_bytes_free(&credential)
                        }
                    case 4:
                        var options = unsafe agentid_delegation_options()
                        unsafe options.struct_size = MemoryLayout<agentid_delegation_options>.size
                        unsafe options.scope = y
                        status = unsafe agentid_agent_spawn(h, x, an, &options, &output, &error)
                    case 5: status = unsafe agentid_agent_delegate(h, x, an, nil, &bytes, &error)
                    case 6: status = unsafe agentid_agent_prove(h, x, an, y, bn, z, cn, &bytes, &error)
                    case 7: status = unsafe agentid_agent_authorize(h, x, an, y, bn, &output, &error)
                    case 8: status = unsafe agentid_agent_authorize_z(h, x, y, &output, &error)
                    case 9: status = unsafe agentid_agent_rotate_key(h, &error)
                    case 10: status = unsafe agentid_agent_chain(h, &bytes, &error)
                    case 11: status = unsafe agentid_agent_id(h, &bytes, &error)
                    case 12: status = unsafe agentid_agent_export_key(h, &bytes, &error)
                    case 13: unsafe agentid_agent_close(h)
                    case 14:
                        var options = unsafe agentid_guard_options()
                        unsafe options.struct_size = MemoryLayout<agentid_guard_options>.size
                        unsafe (options.any_audience, options.require_nonce) = (1, Int32(an & 1))
                        status = unsafe agentid_guard_open(&options, &output, &error)
                    case 15: status = unsafe agentid_guard_add_bundle(h, x, an, y, bn, &error)
                    case 16: status = unsafe agentid_guard_authorize(h, x, an, y, bn, z, cn, y, bn, &output, &error)
                    case 17: status = unsafe agentid_guard_authorize_agent(h, g, x, an, y, bn, &output, &error)
                    case 18: status = unsafe agentid_guard_admit(h, x, an, y, bn, &output, &error)
                    case 19: status = unsafe agentid_admission_authorize(h, x, an, y, bn, z, cn, &output, &error)
                    case 20: status = unsafe agentid_guard_revoke(h, Int32(an), y, bn, &error)
                    case 21: status = unsafe agentid_authority_revoke(h, Int32(an), y, bn, nil, &error)
                    case 22: status = unsafe agentid_scope_parse(x, an, &output, &error)
                    case 23: status = unsafe agentid_scope_permits(h, x, an, y, bn, &error)
                    case 24: status = unsafe agentid_scope_meet(h, g, &output, &error)
                    case 25: status = unsafe agentid_scope_subsumes(h, g, &error)
                    case 26: status = unsafe agentid_scope_text(h, &bytes, &error)
                    case 27: status = unsafe agentid_chain_decode(x, an, &bytes, &error)
                    case 28: status = unsafe agentid_decision_document(h, &bytes, &error)
                    case 29: status = unsafe agentid_decision_explain(h, &bytes, &error)
                    case 30: status = unsafe agentid_guard_statistics(h, &bytes, &error)
                    case 31: status = unsafe agentid_authority_bundle(h, &bytes, &error)
                    case 32: status = unsafe agentid_authority_publish_key(h, &error)
                    case 33...:
                        let call = operation % (34 + LifecycleCalls.count) - 33
                        guard call < LifecycleCalls.count else { fallthrough }
                        status = unsafe LifecycleCalls.call(call, h, g, x, an, y, bn, &bytes, &error)
                    default:
                        unsafe agentid_decision_free(h)
                        unsafe agentid_scope_free(g)
                        unsafe agentid_admission_free(h)
                        unsafe agentid_guard_close(g)
                    }
                }
            }
        }
        unsafe check(status, error)
        unsafe property((status == 0 || status == 1) || output == nil, "a failure gives nothing out")
        unsafe agentid_bytes_free(&bytes)
        unsafe keep(output)
    }

    mutating func giveBack() {
        for handle in handles {
            unsafe agentid_decision_free(handle)
            unsafe agentid_scope_free(handle)
            unsafe agentid_admission_free(handle)
            unsafe agentid_guard_close(handle)
            unsafe agentid_agent_close(handle)
            unsafe agentid_authority_close(handle)
            unsafe agentid_error_free(handle)
        }
    }
}

internal import AgentIDC
internal import CAgentID

/// The entry points of agentid_lifecycle.h and agentid_audit.h, for ``CTarget``: authorities in memory, no files.
enum LifecycleCalls {
    static let count: UInt8 = 22

    /// One call; `x` and `y` with their lengths, `h` and `g` whatever handles they are.
    static func call(
        _ operation: UInt8, _ h: OpaquePointer?, _ g: OpaquePointer?, _ x: UnsafePointer<CChar>?, _ an: Int,
        _ y: UnsafePointer<CChar>?, _ bn: Int, _ bytes: inout agentid_bytes, _ error: inout OpaquePointer?
    ) -> agentid_status {
        var number: Int64 = 0
        switch operation {
        case 0:
            var filter = unsafe agentid_agent_filter()
            unsafe filter.struct_size = MemoryLayout<agentid_agent_filter>.size
            unsafe (filter.profile, filter.state, filter.after, filter.limit) = unsafe (x, y, y, Int64(bn))
            return unsafe agentid_authority_agents(h, &filter, &bytes, &error)
        case 1: return unsafe agentid_authority_suspend(h, x, an, y, bn, &error)
        case 2: return unsafe agentid_authority_resume(h, x, an, &error)
        case 3: return unsafe agentid_authority_deprovision(h, x, an, y, bn, &bytes, &error)
        case 4: return unsafe agentid_agent_end(h, y, bn, &bytes, &error)
        case 5: return unsafe agentid_authority_deprovision_principal(h, x, an, y, bn, &number, &error)
        case 6: return unsafe agentid_authority_withdraw_profile(h, x, an, y, bn, nil, &error)
        case 7: return unsafe agentid_authority_certify_profile(h, x, an, Int64(bn) << 40, &error)
        case 8: return unsafe agentid_authority_reap(h, &number, &error)
        case 9:
            let status = unsafe agentid_authority_verify_gone(h, x, an, &bytes, &error)
            property(unsafe status == 0 || status == 9 || bytes.data == nil, "a report is given with an answer only")
            return status
        case 10: return unsafe agentid_tombstone_verify("acme.example", 12, x, an, y, bn, &bytes, &error)
        case 11:
            var hook = unsafe agentid_hook()
            unsafe hook.struct_size = MemoryLayout<agentid_hook>.size
            unsafe (hook.events, hook.deadline) = unsafe (y, Int64(bn))
            unsafe hook.run = { _, _, _ in 0 }
            return unsafe agentid_hook_add(h, x, an, &hook, &error)
        case 12: return unsafe agentid_hook_remove(h, x, an, &error)
        case 13: return unsafe agentid_hook_list(h, &bytes, &error)
        case 14: return unsafe agentid_hook_deliveries(h, Int32(an), &bytes, &error)
        case 15: return unsafe agentid_hook_retry(h, Int64(an), &error)
        case 16:
            var lease = unsafe agentid_bytes()
            let status = unsafe agentid_broker_acquire(h, g, x, an, y, bn, Int64(bn), &lease, &bytes, &error)
            unsafe agentid_bytes_free(&lease)
            return status
        case 17: return unsafe agentid_guard_nonce(h, &bytes, &error)
        case 18: return unsafe agentid_guard_authorize_presentation(h, x, an, y, bn, x, an, nil, &error)
        case 19, 20:
            var options = unsafe agentid_proof_options()
            unsafe options.struct_size = MemoryLayout<agentid_proof_options>.size
            unsafe (options.audience, options.nonce) = unsafe (x, y)
            return operation == 19
                ? unsafe agentid_agent_presentation(h, x, an, y, bn, &options, &bytes, &error)
                : unsafe agentid_agent_prove_with(h, x, an, y, bn, &options, &bytes, &error)
        default: return unsafe agentid_audit_report(h, x, an, y, bn, &error)
        }
    }
}

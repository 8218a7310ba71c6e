// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Every function here is documented where it is declared: Include/.

public import CAgentID

/// Writes the values of an AGENTID_..._INIT macro into a struct of the caller's size.
private func initialize(_ options: UnsafeMutableRawPointer?, _ size: Int) {
    guard let options = unsafe options, size >= MemoryLayout<Int>.size, size <= longestOptions else { return }
    unsafe options.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    unsafe options.storeBytes(of: size, as: Int.self)
}

@c @implementation
public func agentid_authority_options_init(
    _ options: UnsafeMutablePointer<agentid_authority_options>?, _ struct_size: Int
) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_profile_options_init(_ options: UnsafeMutablePointer<agentid_profile_options>?, _ struct_size: Int)
{
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_agent_options_init(_ options: UnsafeMutablePointer<agentid_agent_options>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_delegation_options_init(
    _ options: UnsafeMutablePointer<agentid_delegation_options>?, _ struct_size: Int
) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_proof_options_init(_ options: UnsafeMutablePointer<agentid_proof_options>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_open_agent_options_init(
    _ options: UnsafeMutablePointer<agentid_open_agent_options>?, _ struct_size: Int
) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_guard_options_init(_ options: UnsafeMutablePointer<agentid_guard_options>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_agent_filter_init(_ options: UnsafeMutablePointer<agentid_agent_filter>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_hook_init(_ options: UnsafeMutablePointer<agentid_hook>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_provider_init(_ options: UnsafeMutablePointer<agentid_provider>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_signer_init(_ options: UnsafeMutablePointer<agentid_signer>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

@c @implementation
public func agentid_clock_init(_ options: UnsafeMutablePointer<agentid_clock>?, _ struct_size: Int) {
    unsafe initialize(options, struct_size)
}

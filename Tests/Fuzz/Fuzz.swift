// The entry of libFuzzer. The first argument names the target: `agentid-fuzz json corpus/ -max_total_time=20`.
internal import StrictJSON

/// One thing to be fuzzed: traps where a property does not hold.
protocol FuzzTarget: Sendable {
    func run(_ input: [UInt8])
}

enum Fuzz {
    // SAFETY: written once by LLVMFuzzerInitialize, before the first input.
    nonisolated(unsafe) static var target: any FuzzTarget = JSONTarget()

    static func target(named name: String) -> (any FuzzTarget)? {
        switch name {
        case "json": JSONTarget()
        case "jws": JWSTarget()
        case "chain": ChainTarget()
        case "presentation": PresentationTarget()
        case "scope": ScopeTarget()
        case "glob": GlobTarget()
        case "note": NoteTarget()
        case "segment": SegmentTarget()
        case "entry": EntryTarget()
        case "capi": CTarget()
        case "replay": ReplayTarget()
        case "meters": MetersTarget()
        case "cost": CostTarget()
        case "approval": ApprovalTarget()
        case "revocations": RevocationsTarget()
        case "policy": PolicyTarget()
        default: nil
        }
    }
}

/// A property that must hold whatever the input.
func property(_ holds: Bool, _ name: StaticString) {
    guard !holds else { return }
    print("property violated: \(name)")
    fatalError("property violated")
}

/// Takes the target's name out of the arguments.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>>>
) -> Int32 {
    guard unsafe count.pointee > 1 else { return 0 }
    let name = unsafe String(cString: arguments.pointee[1])
    guard let target = Fuzz.target(named: name) else { return 0 }
    unsafe Fuzz.target = target
    // libFuzzer sees the rest only.
    for i in 1..<(unsafe Int(count.pointee)) - 1 { unsafe arguments.pointee[i] = unsafe arguments.pointee[i + 1] }
    unsafe count.pointee -= 1
    return 0
}

/// Runs one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    unsafe Fuzz.target.run(Array(UnsafeBufferPointer(start: data, count: count)))
    return 0
}

/// A reference beside a strong one, for the path of a decision: calls through it count nothing, where counting would be a
/// cache line that all cores write.
@safe struct Borrowed<Object: AnyObject & Sendable>: Sendable {
    // SAFETY: whoever holds this holds the object as well, in a `let` of the same object, so that the object lives as long
    // as its holder. `with` is called only by the holder's own methods, whose caller keeps the holder alive; elsewhere
    // addresses are compared, and nothing is read.
    private let reference: Unmanaged<Object>

    init(_ object: Object) { unsafe reference = .passUnretained(object) }

    @inline(__always)
    func with<Result>(_ body: (Object) -> Result) -> Result { unsafe reference._withUnsafeGuaranteedRef(body) }

    func isSame(as object: Object) -> Bool {
        unsafe reference.toOpaque() == Unmanaged.passUnretained(object).toOpaque()
    }
}

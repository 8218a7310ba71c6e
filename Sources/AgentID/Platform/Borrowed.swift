/// A reference that counts nothing, for the path of a decision: the count would be a cache line that all cores write.
@safe struct Borrowed<Object: AnyObject & Sendable>: Sendable {
    // SAFETY: whoever holds this holds the object as well, directly or by what keeps it, so that the object lives as long as
    // its holder: a `let` of the same object beside this, or the chain whose plans these are. `with` is called only where
    // the caller keeps the holder alive.
    private let reference: Unmanaged<Object>

    init(_ object: Object) { unsafe reference = .passUnretained(object) }

    /// - Parameter reference: To an object that the holder keeps.
    @unsafe init(_ reference: Unmanaged<Object>) { unsafe self.reference = reference }

    @inline(__always)
    func with<Result>(_ body: (Object) -> Result) -> Result { unsafe reference._withUnsafeGuaranteedRef(body) }

    /// The object itself, counted.
    var object: Object { unsafe reference.takeUnretainedValue() }

    func isSame(as object: Object) -> Bool {
        unsafe reference.toOpaque() == Unmanaged.passUnretained(object).toOpaque()
    }
}

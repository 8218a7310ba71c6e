package import StrictJSON

/// A scope, and beside it the same laid out flat, by which most calls are permitted without counting a reference. So agents
/// that may do the same share one, and threads that decide for them write nothing in it.
@safe package final class CompiledScope: Sendable {
    /// The scope itself: whatever the flat one does not permit is asked of it.
    package let scope: Scope
    // SAFETY: owned by this object, and written by `init` alone.
    nonisolated(unsafe) private let flat: FlatScope?

    package init(_ scope: Scope) {
        self.scope = scope
        unsafe flat = FlatScope(scope)
    }

    deinit { unsafe flat?.deallocate() }

    /// Whether threads that use this at the same time write to no line of memory that they share.
    package var isShareable: Bool { unsafe flat != nil }

    /// Whether another scope was read from the very same bytes.
    package func hasSameSource(as other: Scope) -> Bool {
        scope.tools.count == other.tools.count
            && zip(scope.tools, other.tools).allSatisfy { own, theirs in
                guard own.name.isSame(as: theirs.name), let source = own.source, let theirs = theirs.source else {
                    return false
                }
                return source.hasSameSource(as: theirs)
            }
    }

    /// As ``Scope/refusal(of:arguments:within:)``.
    package func refusal(of tool: String, arguments: JSON.Value, within work: inout WorkBudget) -> Refusal? {
        // With longer arguments it would cost to look twice.
        if let flat = unsafe flat, arguments.sourceLength <= 16 << 10 {
            let spent = work.spent
            let isPermitted = unsafe tool.utf8.withContiguousStorageIfAvailable {
                unsafe flat.permits(Span(_unsafeElements: $0), arguments, within: &work)
            }
            if isPermitted == true { return nil }
            work.restart(at: spent)
        }
        return scope.refusal(of: tool, arguments: arguments, within: &work)
    }
}

internal import StrictJSON

extension String {
    /// Whether both are the same bytes. Swift's `==` would take canonically equivalent names for one (AAT section 3.3.1).
    func isExactly(_ other: String) -> Bool { isSame(as: other) }
}

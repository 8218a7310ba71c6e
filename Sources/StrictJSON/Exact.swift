/// Wraps a text member of a record, so that the `Equatable` derived for the record compares it by its bytes, not with
/// `String ==`.
@propertyWrapper package struct Exact<Text: ComparedExactly>: Sendable, Equatable {
    package var wrappedValue: Text

    package init(wrappedValue: Text) { self.wrappedValue = wrappedValue }

    package static func == (one: Exact, other: Exact) -> Bool { one.wrappedValue.isExactly(other.wrappedValue) }
}

/// A value that `Exact` can wrap: a text, an optional text, or a list of texts.
package protocol ComparedExactly: Sendable {
    func isExactly(_ other: Self) -> Bool
}

extension String: ComparedExactly {
    package func isExactly(_ other: String) -> Bool { isSame(as: other) }
}

extension String?: ComparedExactly {
    package func isExactly(_ other: String?) -> Bool { isSame(as: other) }
}

extension [String]: ComparedExactly {
    package func isExactly(_ other: [String]) -> Bool { isSame(as: other) }
}

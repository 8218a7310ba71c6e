/// A member of a record that is text and is compared by its bytes where the record is: what `Equatable` derives for a
/// record with such members has no `String ==` in it.
@propertyWrapper package struct Exact<Text: ComparedExactly>: Sendable, Equatable {
    package var wrappedValue: Text

    package init(wrappedValue: Text) { self.wrappedValue = wrappedValue }

    package static func == (one: Exact, other: Exact) -> Bool { one.wrappedValue.isExactly(other.wrappedValue) }
}

/// What `Exact` takes: a text, none, or several.
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

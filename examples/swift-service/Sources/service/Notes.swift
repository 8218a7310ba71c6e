/// Notes that agents took, in memory, with who took them and for whom.
actor Notes {
    struct Note: Codable, Equatable {
        let text: String
        let agent: String
        let principal: String
    }

    private var books: [String: [Note]] = [:]

    func add(_ note: Note, to book: String) { books[book, default: []].append(note) }

    func notes(in book: String) -> [Note] { books[book] ?? [] }

    var names: [String] { books.keys.sorted() }
}

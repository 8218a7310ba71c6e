internal import CSQLite
internal import StrictJSON

extension SQLite {
    /// The row a statement stands on. A column of another type than ours is a damaged file, not a zero.
    @safe struct Row {
        // SAFETY: used only in the call it is lent to, in which the statement is not stepped.
        let statement: OpaquePointer
        let place: String

        func int(_ column: Int32) throws(AgentIDError) -> Int64 {
            guard unsafe sqlite3_column_type(statement, column) == SQLITE_INTEGER else { throw mistyped(column) }
            return unsafe sqlite3_column_int64(statement, column)
        }

        func text(_ column: Int32) throws(AgentIDError) -> String {
            guard unsafe sqlite3_column_type(statement, column) == SQLITE_TEXT else { throw mistyped(column) }
            guard let start = unsafe sqlite3_column_text(statement, column) else { throw mistyped(column) }
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            // SQLite keeps any bytes as text; a text that was repaired would be another one.
            guard let text = unsafe String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
            else { throw mistyped(column) }
            return text
        }

        func blob(_ column: Int32) throws(AgentIDError) -> [UInt8] {
            guard unsafe sqlite3_column_type(statement, column) == SQLITE_BLOB else { throw mistyped(column) }
            guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
            let count = unsafe Int(sqlite3_column_bytes(statement, column))
            return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
        }

        /// Bytes that stand there as a text or as such.
        func bytes(_ column: Int32) throws(AgentIDError) -> [UInt8] {
            let type = unsafe sqlite3_column_type(statement, column)
            return type == SQLITE_TEXT ? Array(try text(column).utf8) : try blob(column)
        }

        func optionalBytes(_ column: Int32) throws(AgentIDError) -> [UInt8]? {
            isNull(column) ? nil : try bytes(column)
        }

        func optionalInt(_ column: Int32) throws(AgentIDError) -> Int64? { isNull(column) ? nil : try int(column) }

        func optionalText(_ column: Int32) throws(AgentIDError) -> String? { isNull(column) ? nil : try text(column) }

        /// A text that is one of ours.
        func named<Name: RawRepresentable<String>>(_ column: Int32) throws(AgentIDError) -> Name {
            guard let name = Name(rawValue: try text(column)) else { throw mistyped(column) }
            return name
        }

        private func isNull(_ column: Int32) -> Bool {
            unsafe sqlite3_column_type(statement, column) == SQLITE_NULL
        }

        func mistyped(_ column: Int32) -> AgentIDError {
            let name = unsafe sqlite3_column_name(statement, column).map { unsafe String(cString: $0) } ?? "\(column)"
            return SQLite.corrupt("column \(name) holds what cannot stand there", place)
        }
    }
}

import Glibc

/// Ends the run where a page does not do what it says.
func expect(_ isSo: Bool, file: StaticString = #fileID, line: Int = #line) {
    guard !isSo else { return }
    print("\(file):\(line): not so")
    exit(1)
}

/// A directory of a page's own; the runner removes what it lies in.
func temporaryDirectory() -> String {
    var template = Array("\(String(cString: getenv("PAGES")))/XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary directory") }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

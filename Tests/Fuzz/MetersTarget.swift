internal import AgentID
internal import CostCases
internal import Glibc
internal import Policy

/// Whatever the file of meters holds: it is refused, or calls are denied, or no more are permitted than a burst.
///
/// Inputs are edits of a file that is good: a word's number in two bytes, and the word.
final class MetersTarget: FuzzTarget {
    private static let now: Int64 = 1_790_000_000_000
    private let path: String
    private let good: [UInt8]
    private let rate: GCRA

    init() {
        guard let made = scratchDirectory(), let rate = GCRA(calls: 3, period: 1_000_000_000, burst: 3) else {
            fatalError("no directory")
        }
        path = made + "/meters"
        self.rate = rate
        do {
            let page = try MetersPage(path: path, buckets: 2, believesSteps: true, now: Self.now)
            for name in ["a", "b"] { _ = try Self.take(name, rate, page) }
        } catch { fatalError("no page: \(error)") }
        good = Self.read(path)
    }

    private static func take(_ name: String, _ rate: GCRA, _ page: MetersPage) throws(Denial) -> Int64? {
        let time = try page.look(now)
        return try page.take(page.slot(of: page.key([name]), .rate, at: time), rate, at: time)
    }

    func run(_ input: [UInt8]) {
        var bytes = good
        var isTouched = false
        for start in stride(from: 0, to: input.count - 9, by: 10) {
            let word = (Int(input[start]) << 8 | Int(input[start + 1])) % (bytes.count / 8)
            for i in 0..<8 {
                isTouched = isTouched || bytes[word * 8 + i] != input[start + 2 + i]
                bytes[word * 8 + i] = input[start + 2 + i]
            }
        }
        // What is left over cuts it off, or adds to it.
        if let last = input.last, input.count % 10 == 1 {
            bytes = last < 128 ? bytes.dropLast(Int(last) * 37) : bytes + [UInt8](repeating: last, count: Int(last))
        }
        Self.write(bytes, path)
        guard let page = try? MetersPage(path: path, buckets: 2, believesSteps: true, now: Self.now) else { return }
        for name in ["a", "b", "c"] {
            var taken = 0
            for _ in 0..<5 where (try? Self.take(name, rate, page)) == .some(nil) { taken += 1 }
            property(taken <= 3, "no more than a burst is permitted")
            property(isTouched || taken == (name == "c" ? 3 : 2), "a page that is as it was goes on")
        }
    }

    private static func read(_ path: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let file = unsafe open(path, O_RDONLY)
        let count = unsafe Glibc.read(file, &bytes, bytes.count)
        close(file)
        return Array(bytes.prefix(max(count, 0)))
    }

    private static func write(_ bytes: [UInt8], _ path: String) {
        let file = unsafe open(path, O_WRONLY | O_TRUNC)
        _ = unsafe Glibc.write(file, bytes, bytes.count)
        close(file)
    }
}

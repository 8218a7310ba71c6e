import Dispatch
import FoundationEssentials
import Glibc
import JOSE

/// Shows progress on a terminal for work that takes longer than a second; does nothing elsewhere.
final class Progress: Sendable {
    private struct State {
        var done = 0
        /// The total; `nil` if it is not known.
        var all: Int?
        var isDrawn = false
        var isOver = false
    }

    private static let isVisible = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    private static let width = 24

    private let what: String
    private let started = Date()
    private let state = Locked(State())

    private init(_ what: String) { self.what = what }

    /// Runs `body`, which reports its progress.
    static func showing<Result>(_ what: String, _ body: (Progress) throws -> Result) rethrows -> Result {
        let progress = Progress(what)
        guard isVisible else { return try body(progress) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 1) {
            while progress.draw() { usleep(100_000) }
        }
        defer { progress.end() }
        return try body(progress)
    }

    /// Sets the total. It is counted only on a terminal; if it cannot be counted, there is no bar.
    func expect(_ count: () throws -> Int) {
        guard Self.isVisible, let all = try? count() else { return }
        state.withLock { $0.all = all }
    }

    func advance(by count: Int) { state.withLock { $0.done += count } }

    func set(_ done: Int, of all: Int) { state.withLock { ($0.done, $0.all) = (done, all) } }

    /// Draws over the previous drawing; `false` when there is nothing to draw any more.
    private func draw() -> Bool {
        state.withLock { state in
            guard !state.isOver else { return false }
            state.isDrawn = true
            var text = "\r\(what): "
            if let all = state.all, all > 0 {
                let done = min(max(state.done, 0), all)
                let filled = done * Self.width / all
                text += String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
                text += " \(done * 100 / all) %"
            } else {
                text += Console.span(Int(Date().timeIntervalSince(started)))
                if state.done > 0 { text += ", \(state.done) done" }
            }
            Console.write(text + "\u{1B}[K", to: STDERR_FILENO)
            return true
        }
    }

    /// Clears the line.
    private func end() {
        state.withLock { state in
            state.isOver = true
            if state.isDrawn { Console.write("\r\u{1B}[K", to: STDERR_FILENO) }
        }
    }
}

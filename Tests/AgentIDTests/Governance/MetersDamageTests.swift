import Foundation
import Policy
import TestSupport
import Testing

@testable import AgentID

/// The file of meters under guards that have it open.
@Suite struct MetersDamageTests {
    private let start = MetersWorld.start

    /// What can be done to a file.
    private static let changes: [(String, @Sendable (MetersWorld) throws -> Void)] = [
        ("removed", { try FileManager.default.removeItem(atPath: $0.file) }),
        ("renamed", { try FileManager.default.moveItem(atPath: $0.file, toPath: $0.file + "-old") }),
        (
            "replaced by a copy",
            { world in
                let copy = try world.read()
                try FileManager.default.removeItem(atPath: world.file)
                try copy.write(to: URL(fileURLWithPath: world.file))
            }
        ),
        ("emptied", { #expect(unsafe truncate($0.file, 0) == 0) }),
        ("cut", { #expect(unsafe truncate($0.file, 4096) == 0) }),
        ("longer", { #expect(unsafe truncate($0.file, 1 << 20) == 0) }),
        ("blanked", { world in try world.write([UInt64](repeating: 0, count: world.read().count / 8), at: 0) }),
        ("its first page blanked", { try $0.write([UInt64](repeating: 0, count: 512), at: 0) }),
        (
            "its meters blanked, and the counts",
            { world in try world.write([UInt64](repeating: 0, count: world.read().count / 8 - 512), at: 512) }
        ),
        (
            "its meters blanked",
            { world in
                try world.write(
                    [UInt64](repeating: 0, count: world.read().count / 8 - MetersWorld.slots), at: MetersWorld.slots)
            }
        ),
        (
            "its meters overwritten",
            { world in
                try world.write(
                    [UInt64](repeating: 7 << 40, count: world.read().count / 8 - MetersWorld.slots),
                    at: MetersWorld.slots)
            }
        ),
    ]

    @Test(arguments: changes.indices) func aFileThatIsNotWhatItWasDeniesByName(_ change: Int) throws {
        let (name, change) = Self.changes[change]
        let world = try MetersWorld()
        let page = try world.page()
        let rate = try #require(GCRA(calls: 100, period: 1000, burst: 100))
        #expect(try page.take("a", rate, now: start) == nil)
        usleep(60_000)
        try change(world)
        usleep(60_000)
        for i in 0..<3 {
            #expect("\(name)") { try page.take("a", rate, now: start + Int64(i) * 100_000) } throws: {
                ($0 as? Denial)?.reason.rawValue == "meters_damaged"
            }
        }
    }

    /// Labels that are not found would permit.
    @Test(arguments: [512, MetersWorld.slots]) func labelsThatWereBlankedDeny(_ place: Int) throws {
        let world = try MetersWorld()
        let page = try world.page()
        let (time, until) = (try page.look(start), start + 1_000_000)
        try page.raise(page.slot(of: page.key(["l"]), .labels, until: until, at: time), bits: 1, until: until, at: time)
        #expect(try page.bits(of: page.key(["l"]), until: until, at: time) == 1)
        try world.write([UInt64](repeating: 0, count: world.read().count / 8 - place), at: place)
        usleep(60_000)
        #expect {
            let time = try page.look(start)
            _ = try page.bits(of: page.key(["l"]), until: until, at: time)
        } throws: {
            ($0 as? Denial)?.reason.rawValue == "meters_damaged"
        }
    }

    /// Others count on while a page is opened.
    @Test func aPageThatIsInUseIsNotAnOlderCopy() throws {
        let world = try MetersWorld()
        try world.makeSequence()
        let page = try world.page()
        let counting = Thread { while !Thread.current.isCancelled { page.countTurn() } }
        counting.start()
        defer { counting.cancel() }
        for _ in 0..<2000 { _ = try world.page() }
    }

    /// A power cut leaves each sector as it was before or after: slots without their counts, and counts without their slots.
    @Test func aCopyOfAPageThatIsInUseIsNoOlderOne() throws {
        let world = try MetersWorld()
        try world.makeSequence()
        let page = try world.page()
        let rate = try #require(GCRA(calls: 1000, period: 1000, burst: 1000))
        for i in 0..<50 {
            let copy = try MetersPage(path: world.file, believesSteps: true, now: start, isCopy: true)
            // What is counted after it was made.
            for j in 0..<40 { _ = try page.take("\(i) \(j)", rate, now: start + Int64(i) * 1000 + Int64(j) * 60) }
            _ = try copy.look(start)
        }
    }

    @Test(arguments: 0..<24) func afterAPowerCutWhatReachedTheDiskGoesOnAndNothingIsDamaged(_ seed: Int) throws {
        var random = Seeded(seed: UInt64(seed))
        let world = try MetersWorld()
        let before = MovedClock(run: "before")
        let rate = try #require(GCRA(calls: 1, period: 1_000_000, burst: 1))
        do {
            let page = try world.page(steady: before.steady)
            for i in 0..<40 { #expect(try page.take("\(i)", rate, now: start) == nil) }
        }
        let (sector, whole) = (64, try world.read())
        let words = whole.count / 8
        for place in stride(from: MetersWorld.slots / 2, to: words, by: sector) where Bool.random(using: &random) {
            try world.write([UInt64](repeating: 0, count: sector), at: place)
        }
        if try world.read() != whole {
            #expect(throws: AgentIDError.self, "in the same run it is damage") { try world.page(steady: before.steady) }
        }
        let page = try world.page(steady: MovedClock(run: "after").steady)
        for i in 0..<40 { _ = try page.take("\(i)", rate, now: start + 1) }
        for i in 0..<40 { #expect(try page.take("\(i)", rate, now: start + 2) != nil, "each is there once") }
        #expect(try world.page(steady: MovedClock(run: "after").steady).take("0", rate, now: start + 3) != nil)
    }

    @Test func anOlderCopyThatIsWrittenBackOverTheFileIsNoticed() throws {
        let world = try MetersWorld()
        let page = try world.page()
        let rate = try #require(GCRA(calls: 2, period: 1_000_000, burst: 2))
        #expect(try page.take("a", rate, now: start) == nil)
        let copy = Array(try world.read()).littleEndianWords
        usleep(60_000)
        #expect(try page.take("a", rate, now: start) == nil)
        try world.write(copy, at: 0)
        #expect { try page.take("a", rate, now: start) } throws: {
            ($0 as? Denial)?.reason.rawValue == "meters_damaged"
        }
    }

    @Test func anOlderCopyThatIsPutThereWhileNobodyLooksIsRefused() throws {
        let world = try MetersWorld()
        try world.makeSequence()
        let rate = try #require(GCRA(calls: 2, period: 1_000_000, burst: 2))
        var copy: [UInt64] = []
        do {
            let page = try world.page()
            let time = try page.look(start)
            let slot = try page.slot(of: page.key(["task"]), .labels, until: .max, at: time)
            try page.raise(slot, bits: 1, until: .max, at: time)
            copy = Array(try world.read()).littleEndianWords
            // Within one look: each label counts by itself.
            try page.raise(slot, bits: 2, until: .max, at: time)
        }
        try world.write(copy, at: 0)
        #expect { try world.page() } throws: { ($0 as? AgentIDError)?.name == "meters_damaged" }
        // Whoever removes the file begins anew, as the error says.
        try FileManager.default.removeItem(atPath: world.file)
        #expect(try world.page().take("a", rate, now: start) == nil)
        // After a reboot it may be behind: the power was cut.
        do {
            let page = try world.page(steady: MovedClock(run: "before").steady)
            copy = Array(try world.read()).littleEndianWords
            let time = try page.look(start)
            try page.raise(
                page.slot(of: page.key(["task"]), .labels, until: .max, at: time), bits: 1, until: .max, at: time)
        }
        try world.write(copy, at: 0)
        #expect(try world.page(steady: MovedClock(run: "after").steady).take("a", rate, now: start) == nil)
    }

    @Test func aFileThatIsMovedAwayDeniesUntilItIsBack() throws {
        let world = try MetersWorld()
        try world.makeSequence()
        let page = try world.page()
        let rate = try #require(GCRA(calls: 9, period: 1_000_000, burst: 9))
        func isDenied() -> Bool {
            usleep(60_000)
            do { return try page.take("a", rate, now: start) != nil } catch {
                return error.reason.rawValue == "meters_damaged"
            }
        }
        let away = world.file + ".away"
        #expect(!isDenied())
        for _ in 0..<2 {
            try FileManager.default.moveItem(atPath: world.file, toPath: away)
            #expect(isDenied() && isDenied())
            try FileManager.default.moveItem(atPath: away, toPath: world.file)
            #expect(!isDenied())
        }
        // Another was used meanwhile.
        try FileManager.default.moveItem(atPath: world.file, toPath: away)
        let time = try world.page().look(start)
        #expect(isDenied())
        let other = try world.page()
        try other.raise(
            other.slot(of: other.key(["t"]), .labels, until: .max, at: time), bits: 1, until: .max, at: time)
        try FileManager.default.removeItem(atPath: world.file)
        try FileManager.default.moveItem(atPath: away, toPath: world.file)
        #expect(isDenied() && isDenied())
    }

    @Test func whatACopyLeftOutIsGivenRoomAgain() throws {
        let world = try MetersWorld()
        _ = try world.page(buckets: 64)
        let content = try world.read()
        try FileManager.default.removeItem(atPath: world.file)
        // As `cp --sparse` and `tar -S` leave it.
        let file = unsafe open(world.file, O_CREAT | O_RDWR, 0o600)
        defer { close(file) }
        #expect(ftruncate(file, off_t(content.count)) == 0)
        _ = unsafe content.withUnsafeBytes { unsafe pwrite(file, $0.baseAddress, 4096, 0) }
        func blocks() -> Int {
            var status = stat()
            return unsafe fstat(file, &status) == 0 ? Int(status.st_blocks) * 512 : 0
        }
        #expect(blocks() < content.count)
        _ = try world.page(buckets: 64)
        #expect(blocks() >= content.count)
    }

    @Test func anyBitThatFlipsInAMeterDeniesIt() throws {
        let world = try MetersWorld()
        let page = try world.page(buckets: 1)
        let rate = try #require(GCRA(calls: 2, period: 1_000_000, burst: 2))
        for _ in 0..<2 { #expect(try page.take("a", rate, now: start) == nil) }
        let pair = Array(Array(try world.read()).littleEndianWords[MetersWorld.slots..<MetersWorld.slots + 2])
        for bit in 0..<128 {
            var flipped = pair
            flipped[bit / 64] ^= 1 << UInt64(bit % 64)
            try world.write(flipped, at: MetersWorld.slots)
            #expect("bit \(bit)") { try page.take("a", rate, now: start) } throws: {
                ($0 as? Denial)?.reason.rawValue == "meters_damaged"
            }
            #expect(throws: AgentIDError.self, "bit \(bit)") { try world.page(buckets: 1) }
        }
        try world.write(pair, at: MetersWorld.slots)
        #expect(try page.take("a", rate, now: start) != nil)
    }

    @Test func aFileThatThisLibraryDidNotWriteIsRefusedAndLeftAsItIs() throws {
        var random = Seeded.announced("files of meters")
        let world = try MetersWorld()
        _ = try world.page().take("a", #require(GCRA(calls: 1, period: 1000, burst: 1)), now: start)
        let good = try world.read()
        for _ in 0..<300 {
            var bytes = good
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes = bytes.prefix(Int.random(in: 1..<bytes.count, using: &random))
            case 1: bytes.append(0)
            case 2: bytes[Int.random(in: 0..<72, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
            default:
                bytes[Int.random(in: 8 * MetersWorld.slots..<8 * MetersWorld.slots + 16, using: &random)] ^=
                    1 << UInt8.random(in: 0...7, using: &random)
            }
            try bytes.write(to: URL(fileURLWithPath: world.file))
            setMode(world.file, 0o600)
            #expect(throws: AgentIDError.self) { try world.page() }
            #expect(try world.read() == bytes)
        }
        try good.write(to: URL(fileURLWithPath: world.file))
        setMode(world.file, 0o644)
        #expect(throws: AgentIDError.self) { try world.page() }
        setMode(world.file, 0o600)
        #expect(try world.page().room.used == 1)
    }

    @Test func aFileWhoseMakingWasCutShortIsMadeAnew() throws {
        for size in [0, 1, 4096, 5000] {
            let world = try MetersWorld()
            try Data(count: size).write(to: URL(fileURLWithPath: world.file))
            setMode(world.file, 0o600)
            #expect(try world.page().room.used == 0)
        }
    }

    @Test func anotherRegistrysMetersAreRefused() throws {
        let world = try MetersWorld()
        _ = try MetersPage(path: world.file, epoch: SIMD2(1, 2), believesSteps: false, now: start)
        #expect(throws: AgentIDError.self) {
            try MetersPage(path: world.file, epoch: SIMD2(1, 3), believesSteps: false, now: self.start)
        }
    }
}

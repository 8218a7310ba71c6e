import Dispatch
import Policy
import TestSupport
import Testing

@testable import AgentID

/// One subject has one meter, and one root so many, whatever chains ask for them at once.
@Suite struct MeterLawTests {
    private func subjects(_ root: Int, _ branch: Int, _ agent: String) -> PolicySubjects {
        let agents = ["root-\(root)", "root-\(root)/\(branch)", agent]
        return PolicySubjects(
            issuer: "", agents: agents, key: "k", isNamed: true, task: agents[0], principal: "p", profile: "",
            holders: agents)
    }

    /// Takes from the meters of agents that are asked for by random chains, all at once, and through as many maps of the file.
    private func taken(
        _ pages: [MetersPage], _ registry: any Registry, _ names: [String], per period: Int64, at now: Int64,
        _ chain: @Sendable (Int, Int) -> (root: Int, branch: Int)
    ) throws -> [Int] {
        let rate = try #require(GCRA(calls: 3, period: period, burst: 3))
        let taken = names.map { _ in Counter() }
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            let page = pages[thread % pages.count]
            for i in names.indices {
                let i = (i + thread / 2 * 13) % names.count
                let chain = chain(thread, i)
                let share = MeterShare(subjects(chain.root, chain.branch, names[i]), .agent, names[i], registry)
                let key = page.key(["rate", names[i]], in: share.range)
                do throws(Denial) {
                    let time = try page.look(now)
                    let slot = try page.slot(of: key, .rate, at: time, from: share)
                    if try page.take(slot, rate, at: time, from: share) == nil { taken[i].add() }
                } catch { if error.reason.rawValue != "meters_share" { Issue.record(error) } }
            }
        }
        return taken.map(\.value)
    }

    @Test func oneSubjectHasOneMeterWhateverChainsAskForItAtOnce() throws {
        let world = try MetersWorld()
        let registry = try World().authority.registry
        let pages = try (0..<4).map { _ in try world.page(buckets: 64) }
        for round in 0..<40 {
            let names = (0..<40).map { "\((round * 7 + $0) % 90)" }
            let counts = try taken(pages, registry, names, per: 3000, at: MetersWorld.start + Int64(round) * 10_000) {
                let seed = ($0 &* 31 &+ $1 &* 17 &+ round) % 25
                return (seed % 5, seed / 5)
            }
            #expect(counts.allSatisfy { $0 == 3 }, "round \(round): \(counts)")
        }
    }

    @Test func aRootAndABranchHaveSoManyMetersHoweverManyNameAgentsAtOnce() throws {
        let world = try MetersWorld()
        let registry = try World().authority.registry
        let pages = try (0..<8).map { _ in try world.page(buckets: MetersPage.buckets) }
        func made(_ what: String, _ day: Int64, _ chain: @Sendable (Int, Int) -> (root: Int, branch: Int)) throws -> Int
        {
            let names = (0..<1500).map { "\(what) \($0)" }
            let now = MetersWorld.start + day * 86_400_000
            return try taken(pages, registry, names, per: 3_600_000, at: now, chain).count { $0 > 0 }
        }
        #expect((MeterShare.ofBranch / 2...MeterShare.ofBranch).contains(try made("branch", 0) { _, _ in (0, 0) }))
        // Names that were made below another are there for all.
        let root = try made("root", 1) { thread, i in (1, (thread + i) % 200) }
        #expect((MeterShare.ofRoot / 2...MeterShare.ofRoot).contains(root))
        // What has flowed off leaves room, however often.
        for day in 2..<5 {
            #expect(try made("again \(day)", Int64(day)) { _, _ in (0, 0) } > MeterShare.ofBranch / 2)
        }
        // Also where meters that were full again are taken from once more.
        let later = try made("later", 5) { _, _ in (0, 0) } + made("again 4", 5) { _, _ in (0, 0) }
        #expect((MeterShare.ofBranch / 2...MeterShare.ofBranch).contains(later))
        let page = pages[0]
        let slots = page.header.buckets * MetersPage.slotsPerBucket
        #expect((0..<slots).allSatisfy { MeterPlaces.isSound(page.words.pair($0), page.header.key) })
        #expect(page.words.isSound(page.header))
    }

    @Test func aRightThatWasLeftHalfDoneIsGivenToAnotherAndTheClaimIsGivenUp() throws {
        let page = try MetersPage(path: nil, believesSteps: true, now: 0)
        let registry = try World().authority.registry
        func places(_ number: Int, at time: Int64) -> (MeterPlaces, MeterShare) {
            let share = MeterShare(subjects(0, 0, "\(number)"), .agent, "\(number)", registry)
            let key = page.key(["\(number)"], in: share.range)
            return (MeterPlaces(page.words, page.header, key, .labels, at: time), share)
        }
        let (stopped, share) = places(-1, at: 0)
        // Far from all that is claimed below.
        let slot = MetersPage.slotsPerBucket * MetersPage.buckets - 1
        let left = try stopped.take(nil, for: slot, of: share)
        func fill(_ numbers: Range<Int>, at time: Int64) -> Int {
            numbers.count {
                let (places, share) = places($0, at: time)
                return (try? places.find(until: .max, of: share)) != nil
            }
        }
        let first = fill(0..<500, at: 0)
        // A few of them stand where a right could.
        #expect((MeterShare.ofBranch - 16..<MeterShare.ofBranch).contains(first) && fill(500..<600, at: 9999) == 0)
        #expect(fill(600..<700, at: 10_001) == 1)
        #expect(stopped.settled(left) == nil)
        // One that is moved is the same, and given up it is another's.
        #expect(throws: Denial.self) { try stopped.take(left, for: slot, of: share) }
    }
}

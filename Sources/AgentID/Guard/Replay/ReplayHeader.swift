/// The constant part of a ``ReplayTable``'s first page, whose rest is a ``ReplayPage``'s. Its buckets are those of the first
/// segment.
typealias ReplayHeader = SharedHeader<ReplayFormat>

enum ReplayFormat: SharedFormat {
    static var magic: (UInt64, UInt64) { (0x6469_746E_6567_6128, 0x2979_616C_7065_7220) }  // "(agentid replay)"
    static var version: UInt64 { 2 }
    static var mostBuckets: Int { ReplayTable.mostBuckets }
    static var noun: String { "a replay memory" }
    static var errorName: String { "replay_memory" }
    static var remedy: String {
        "end the guards that use this directory, remove the file, and wait 4 minutes before you open the first, so that "
            + "no used proof is good any more"
    }
}

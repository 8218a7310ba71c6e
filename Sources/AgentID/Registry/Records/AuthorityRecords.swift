package import JOSE
package import StrictJSON

/// A principal or profile that was revoked and whose agents are to end.
package struct Departure: Sendable {
    package let revocation: Revocation
    @Exact package private(set) var reason: String

    package init(_ revocation: Revocation, reason: String) {
        self.revocation = revocation
        self.reason = reason
    }
}

/// A registry's record of itself.
package struct RegistryMeta: Sendable, Equatable {
    @Exact package private(set) var trustDomain: String
    /// Counts the changes that guards must see.
    package internal(set) var sequence: Int64
    /// The sequence at which the keys last changed: the bundle's.
    package internal(set) var keysSequence: Int64
    /// How far the journal was folded in.
    package internal(set) var journal: JournalMark
    /// Which registry it is: drawn at random when it was made, and anew when it was restored.
    @Exact package internal(set) var epoch: String
    /// The number of committed transactions.
    package internal(set) var writes: Int64
    /// The audit log that belongs to it.
    package internal(set) var log: LogMark
    /// The version of the policy in force; 0: there is none.
    package internal(set) var policyVersion: Int64
    /// How far the turns of the file `meters` had come at its last change.
    package internal(set) var meterTurns: Int64

    package init(
        trustDomain: String, sequence: Int64, keysSequence: Int64,
        journal: JournalMark = JournalMark(epoch: "", offset: 0), epoch: String = "", writes: Int64 = 0,
        log: LogMark = LogMark(identity: "", size: 0), policyVersion: Int64 = 0, meterTurns: Int64 = 0
    ) {
        (self.trustDomain, self.sequence, self.keysSequence) = (trustDomain, sequence, keysSequence)
        (self.journal, self.epoch, self.writes, self.log) = (journal, epoch, writes, log)
        (self.policyVersion, self.meterTurns) = (policyVersion, meterTurns)
    }
}

/// A signing key's public half and its place in the rotation.
package struct KeyRecord: Sendable, Equatable {
    package enum Role: String, Sendable { case active, next, retired }

    package var key: PublicKey
    package var role: Role
    /// When the last grant under a retired key has expired, in seconds since 1970.
    package var dropAt: Int64?
    /// When it signed for the last time, in seconds since 1970.
    package var retiredAt: Int64?

    package init(key: PublicKey, role: Role, dropAt: Int64? = nil, retiredAt: Int64? = nil) {
        (self.key, self.role, self.dropAt, self.retiredAt) = (key, role, dropAt, retiredAt)
    }
}

/// A profile and when it was last put.
package struct ProfileRecord: Sendable, Equatable {
    package var profile: Profile
    /// In seconds since 1970.
    package var certifiedAt: Int64

    package init(profile: Profile, certifiedAt: Int64) {
        (self.profile, self.certifiedAt) = (profile, certifiedAt)
    }
}

/// A revocation, its place in the order of all, and why.
package struct RevocationRecord: Sendable, Equatable {
    package var sequence: Int64
    package var revocation: Revocation
    /// In seconds since 1970.
    package var at: Int64
    @Exact package var reason: String?

    package init(sequence: Int64, revocation: Revocation, at: Int64, reason: String?) {
        (self.sequence, self.revocation, self.at, self.reason) = (sequence, revocation, at, reason)
    }
}

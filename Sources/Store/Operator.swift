/// A member of staff whom devices let in.
public struct Operator: Equatable, Sendable {
    /// Id of the row, a UUIDv7: a name that was revoked and came again has two.
    public var id: String
    /// The name that devices write down; unique among those that were not revoked.
    public var name: String
    /// `observe`, `repair` or `shell`.
    public var role: String
    /// Public keys as OpenSSH writes them: `type base64`.
    public var keys: [String]
    /// From when on they are no longer let in, microseconds UTC; nil: no such time.
    public var expiresAt: Int64?
    /// When they were added, microseconds UTC.
    public var addedAt: Int64
    /// When they were revoked, microseconds UTC; nil while they were not.
    public var revokedAt: Int64?
    /// Why they were revoked.
    public var reason: String

    /// Whether they may be let in at `time`, microseconds UTC.
    public func isLetIn(at time: Int64) -> Bool { revokedAt == nil && expiresAt.map { time < $0 } ?? true }
}

/// A roster that was packed at this desk.
public struct PackedRoster: Equatable, Sendable {
    /// Its version.
    public var version: UInt64
    /// SHA-256 of its header.
    public var digest: [UInt8]
    /// Its content, as devices get it.
    public var part: [UInt8]
    /// When, microseconds UTC.
    public var packedAt: Int64
}

internal import Catalogue
internal import Diagnosis
public import Fleet
internal import Foundation
public import Probes
public import SSH
public import Store

/// What every piece of work at a desk needs: the record, the probes, who asks, and the keys to log in with.
public struct Desk: Sendable {
    /// The record of everything.
    public let database: RollcallDatabase
    private let reading: Task<ManifestLibrary, any Error>
    /// SHA-256 of the catalogue's header, to compare with a device's; empty where the library comes from manifests alone.
    public let catalogueDigest: [UInt8]
    /// Who is at the desk.
    public let operatorName: String
    /// Keys to log in with, tried in order.
    public let identities: [Identity]
    /// How long each phase of a connection may take.
    public let deadlines: Deadlines

    /// Version of the controller, as it says it to agents.
    public static let version = "0.1.0"

    /// Makes a desk of its parts.
    ///
    /// - Parameter library: Reads the probes and rules of the catalogue in use. It begins at once, beside whatever the desk is used for
    ///   first: a customer is waiting.
    public init(
        database: RollcallDatabase, library: @escaping @Sendable () throws -> ManifestLibrary, catalogueDigest: [UInt8],
        operatorName: String, identities: [Identity], deadlines: Deadlines = Deadlines()
    ) {
        self.database = database
        reading = Task { try library() }
        self.catalogueDigest = catalogueDigest
        self.operatorName = operatorName
        self.identities = identities
        self.deadlines = deadlines
    }

    /// The probes and rules of the catalogue in use, waited for where they are still being read.
    ///
    /// - Throws: `ProbesError`.
    public func library() async throws -> ManifestLibrary { try await reading.value }

    /// How a device of the inventory is reached.
    public static func address(of device: Device) -> DeviceAddress {
        DeviceAddress(
            name: device.name, address: SSH.Address(host: device.address.host, port: device.address.port), user: device.address.user,
            hostKeys: device.hostKeys.compactMap { HostKey(openSSH: $0) })
    }
}

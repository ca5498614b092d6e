internal import Catalogue
internal import Diagnosis
public import Fleet
internal import Foundation
public import Probes
public import SSH
public import Store
internal import Synchronization

/// What every piece of work at a desk needs: the record, the probes, who asks, and the keys to log in with.
public struct Desk: Sendable {
    /// The record of everything.
    public let database: RollcallDatabase
    private let reading: Reading
    /// SHA-256 of the catalogue's header, to compare with a device's; empty where the library comes from manifests alone.
    public let catalogueDigest: [UInt8]
    /// Who is at the desk.
    public let operatorName: String
    /// Keys to log in with.
    public let keys: LoginKeys
    private let destinations: Destinations

    /// The reading of a library, once, from when it is first asked for.
    private final class Reading: Sendable {
        private let read: @Sendable () throws -> ManifestLibrary
        private let begun = Mutex<Task<ManifestLibrary, any Error>?>(nil)

        init(_ read: @escaping @Sendable () throws -> ManifestLibrary) { self.read = read }

        var task: Task<ManifestLibrary, any Error> {
            begun.withLock { begun in
                let task = begun ?? Task { [read] in try read() }
                begun = task
                return task
            }
        }
    }

    /// Version of the controller, as it says it to agents.
    public static let version = "0.1.0"

    /// Makes a desk of its parts.
    ///
    /// - Parameters:
    ///   - library: Reads the probes and rules of the catalogue in use.
    ///   - asksProbes: Whether they will be wanted: then reading begins at once, beside whatever the desk is used for first, for a customer
    ///     is waiting; otherwise only if they are asked for.
    ///   - sshConfiguration: The only file of OpenSSH's configuration to be read; the user's and the machine's if nil.
    ///   - deadlines: How long each phase of a connection may take, where OpenSSH's configuration says nothing else.
    public init(
        database: RollcallDatabase, library: @escaping @Sendable () throws -> ManifestLibrary, asksProbes: Bool = true,
        catalogueDigest: [UInt8], operatorName: String, keys: LoginKeys, sshConfiguration: String? = nil, deadlines: Deadlines = Deadlines()
    ) {
        self.database = database
        reading = Reading(library)
        if asksProbes { _ = reading.task }
        self.catalogueDigest = catalogueDigest
        self.operatorName = operatorName
        self.keys = keys
        destinations = Destinations(
            configurations: ClientConfigurations(file: sshConfiguration), agentIdentities: keys.held, deadlines: deadlines)
    }

    /// The probes and rules of the catalogue in use, waited for where they are still being read.
    ///
    /// - Throws: `ProbesError`.
    public func library() async throws -> ManifestLibrary { try await reading.task.value }

    /// How the door of a device is reached: what OpenSSH's configuration says of its host, under what the inventory says, under the key that
    /// was named at this desk. Only its pinned host keys are accepted.
    ///
    /// - Throws: What `Destinations` throws.
    public func door(of device: Device) async throws(SSHError) -> Destination {
        var destination = try await destination(of: device, user: device.address.user)
        destination.hostKey = .pinned(
            Self.pinned(device), notRevokedBy: destination.knownHosts, alias: destination.configuration.hostKeyAlias)
        if let named = keys.named { destination.identities = named }
        return destination
    }

    /// How a device is reached as `user`, to be enrolled: its host key is judged by the fingerprint that is expected, or else by what is
    /// pinned already, or else by OpenSSH's known_hosts files; where they say nothing `confirm` decides.
    ///
    /// `StrictHostKeyChecking` of `accept-new` and `no` is taken as `ask`, for nothing is pinned in silence.
    ///
    /// - Parameters:
    ///   - fingerprint: As OpenSSH prints it, or nil.
    ///   - isReplaced: Whether the device has another key now than is pinned or known: only `confirm` decides then.
    ///   - confirm: Asks a person, with what is known of the host's key.
    /// - Throws: What `Destinations` throws.
    public func enrolment(
        of device: Device, user: String, fingerprint: String?, isReplaced: Bool = false,
        confirm: @escaping @Sendable (HostKey, String) async -> Bool
    ) async throws(SSHError) -> Destination {
        var destination = try await destination(of: device, user: user)
        let pinned = Self.pinned(device)
        if let fingerprint {
            destination.hostKey = .fingerprint(
                fingerprint, notRevokedBy: destination.knownHosts, alias: destination.configuration.hostKeyAlias)
        } else if isReplaced {
            destination.hostKey = .decide { await confirm($0, "it is to replace the pinned one") }
        } else if !pinned.isEmpty {
            destination.hostKey = .pinned(pinned, notRevokedBy: destination.knownHosts, alias: destination.configuration.hostKeyAlias)
        } else if case .knownHosts(let hosts, let alias, _) = destination.hostKey, destination.configuration.strictHostKeyChecking != .yes {
            destination.hostKey = .knownHosts(hosts, alias: alias, whenUnknown: .decide { await confirm($0.key, $0.facts) })
        }
        return destination
    }

    private static func pinned(_ device: Device) -> [HostKey] { device.hostKeys.compactMap { HostKey(openSSH: $0) } }

    private func destination(of device: Device, user: String) async throws(SSHError) -> Destination {
        var destination = try await destinations.destination(of: device.address.host, user: user, port: device.address.port)
        if keys.named == nil, let failure = keys.agentFailure { destination.unusedKeyFiles.append(failure) }
        return destination
    }
}

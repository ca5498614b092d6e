public import Fleet
internal import Foundation
public import SSH
public import Store

/// Takes the agent off a device over a root login, with everything that was its own, and proves that nothing is left.
public struct Removal: Sendable {
    /// What removal did, in the order in which it did it.
    public enum Step: Sendable {
        /// The root login worked, and the device said what it is.
        case surveyed(Installation.Survey)
        /// The agent and all that was its own are gone: the device looked, and found nothing.
        case removed
        /// The door does not let this desk in any more.
        case shut
    }

    private let desk: Desk
    private let report: @Sendable (Step) -> Void

    /// Removes from `desk`; each step is reported when it is done.
    public init(desk: Desk, report: @escaping @Sendable (Step) -> Void) {
        self.desk = desk
        self.report = report
    }

    /// Removes the agent from a device. The device stays in the inventory.
    ///
    /// - Parameters:
    ///   - destination: How root's login is reached, as ``Enrolment/install(_:over:package:trust:authorizedKeys:)`` takes it.
    ///   - packagingFolder: Of the agent, where `uninstall.sh` is.
    /// - Throws: ``Enrolment/Failure`` where something is left, `Installation.Failure`, and what connections and the store throw.
    public func purge(_ device: Device, over destination: Destination, packagingFolder: String) async throws {
        let items = try ["uninstall.sh", "setup.sh"].map { try Installation.Item(folder: packagingFolder, name: $0) }
        let connection = try await Connection.open(to: destination, attempts: 3)
        let left: [String]
        do {
            let installation = Installation(connection: connection)
            let survey = try await installation.survey()
            report(.surveyed(survey))
            guard survey.isRoot else {
                throw Enrolment.Failure(
                    sentence: "The login on \(device.name) is not root's.", next: "Give a key of root with --root-identity.")
            }
            try desk.database.recordPurgeStarted(device: device.id, operator: desk.operatorName)
            left = try await installation.uninstall(items)
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
        guard left.isEmpty else {
            throw Enrolment.Failure(
                sentence: "On \(device.name) something of the agent is left: \(left.joined(separator: ", ")).",
                next: "Remove that by hand on the device, then run `rollcall device remove \(device.name) --purge` again.")
        }
        report(.removed)
        try await proveShut(device)
        report(.shut)
    }

    /// Knocks at the door, as an operator would; having been told of the change, sshd starts anew and refuses connections until it has.
    private func proveShut(_ device: Device) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        let door = try await desk.door(of: device)
        while true {
            do throws(SSHError) {
                let connection = try await Connection.open(to: door, attempts: 1)
                await connection.close()
            } catch {
                if error.code == .authenticationRefused { return }
                guard [.refused, .resetBeforeBanner, .notReachedFromJumpHost].contains(error.code), ContinuousClock.now < deadline else {
                    throw error
                }
                try await Task.sleep(for: .milliseconds(200))
                continue
            }
            throw Enrolment.Failure(
                sentence: "The agent is gone from \(device.name), but its sshd still lets \(device.address.user) in.",
                next: "Look on the device for another place where keys of that user stand.")
        }
    }
}

internal import AgentClient
internal import Catalogue
internal import Diagnosis
public import Fleet
internal import Foundation
public import Probes
public import SSH
public import Store
internal import Wire

/// Brings a device under Rollcall's care: installs the agent over a root login, pins both keys, pushes the catalogue, and proves that the
/// door works by going through it.
public struct Enrolment: Sendable {
    /// What is installed.
    public struct Package: Sendable {
        /// `install.sh` and what it takes: name and content.
        public let files: [Installation.Item]

        /// Reads the package from a binary for the device's architecture and the folder of the agent's packaging.
        ///
        /// - Throws: Where a file cannot be read.
        public init(agentPath: String, packagingFolder: String) throws {
            let names = ["install.sh", "setup.sh", "rollcall-agent.service", "rollcall-sshd.conf", "agent.conf", "owner.conf"]
            let agent = [UInt8](try Data(contentsOf: URL(fileURLWithPath: agentPath)))
            files =
                try names.map { try Installation.Item(folder: packagingFolder, name: $0) } + [
                    Installation.Item(name: "rollcall-agent", bytes: agent, isExecutable: true)
                ]
        }

        /// Reads a Debian package, which dpkg installs on the device.
        ///
        /// - Throws: Where a file cannot be read.
        public init(debianPackage: String, packagingFolder: String) throws {
            let package = [UInt8](try Data(contentsOf: URL(fileURLWithPath: debianPackage)))
            files =
                try ["install.sh", "setup.sh"].map { try Installation.Item(folder: packagingFolder, name: $0) } + [
                    Installation.Item(name: "rollcall-agent.deb", bytes: package)
                ]
        }
    }

    /// What can go wrong beside connections and the store; more may be added.
    public struct Failure: Error, Sendable {
        /// One sentence for a person; what a device said in it is not yet escaped.
        public let sentence: String
        /// What to do next.
        public let next: String
    }

    /// What enrolment did, in the order in which it did it.
    public enum Step: Sendable {
        /// The root login worked, and the device said what it is.
        case surveyed(Installation.Survey)
        /// The agent was installed; what the installer said, not yet escaped.
        case installed(String)
        /// The key of the device's ledger was pinned.
        case pinned(ledgerKey: String)
        /// The catalogue is in force on the device.
        case pushed(version: UInt64)
        /// A session through the door answered this many probes.
        case proven(role: String, answers: Int)
    }

    private let desk: Desk
    private let catalogue: CatalogueFolder
    private let report: @Sendable (Step) -> Void

    /// Enrols from `desk`, pushing `catalogue`; each step is reported when it is done.
    public init(desk: Desk, catalogue: CatalogueFolder, report: @escaping @Sendable (Step) -> Void) {
        self.desk = desk
        self.catalogue = catalogue
        self.report = report
    }

    /// Installs the agent over a root login.
    ///
    /// - Parameters:
    ///   - destination: How root's login is reached, as ``Desk/enrolment(of:user:fingerprint:isReplaced:confirm:)`` says, with what root
    ///     logs in by; the host key that is accepted is the one to pin.
    ///   - package: For the device's architecture, as ``Installation/Survey/architecture`` names it.
    ///   - trust: Content of the device's trust file.
    ///   - agree: Is told whose signatures would not count any more, or not as before; it throws where that is not to be.
    ///   - authorizedKeys: Public keys in OpenSSH's form, with the name and role each stands for.
    /// - Returns: The host key to pin, and the verifier key of the device's ledger.
    public func install(
        _ device: Device, over destination: Destination, package: (Installation.Survey) throws -> Package, trust: [UInt8],
        agree: (TrustChange) throws -> Void, authorizedKeys: [(name: String, role: String, key: String)]
    ) async throws -> (hostKey: HostKey, ledgerKey: String) {
        let connection = try await Connection.open(to: destination, attempts: 3)
        do {
            let installation = Installation(connection: connection)
            let survey = try await installation.survey()
            report(.surveyed(survey))
            guard survey.isRoot else {
                throw Failure(sentence: "The login on \(device.name) is not root's.", next: "Give a key of root with --root-identity.")
            }
            guard survey.start != .other else {
                throw Failure(
                    sentence: "\(device.name) runs neither systemd nor BusyBox's init (\(survey.system)).",
                    next: "Install the agent by hand as docs/OWNERS.md says, then enrol with --no-install.")
            }
            let package = try package(survey)
            let trusted = try await installation.content(of: .trust)
            if let change = TrustChange(existing: trusted, new: String(decoding: trust, as: UTF8.self)) { try agree(change) }
            try desk.database.recordEnrolmentStarted(device: device.id, operator: desk.operatorName)
            // Where a roster is in force, the keys are its alone.
            let existing = try await installation.content(of: .keys)
            let keys =
                try await installation.hasRoster() && !existing.isEmpty
                ? existing : EnrolmentFiles.keys(existing: existing, entries: authorizedKeys)
            let desks = EnrolmentFiles.desks(
                existing: try await installation.content(of: .desks), verifierKey: desk.database.verifierKey)
            let items =
                package.files + [
                    Installation.Item(name: "trust", bytes: trust),
                    Installation.Item(name: "desks", bytes: Array(desks.utf8)),
                    Installation.Item(name: "authorized_keys", bytes: Array(keys.utf8)),
                ]
            report(.installed(try await installation.install(items)))
            let ledgerKey = try await installation.ledgerKey()
            let hostKey = connection.hostKey
            await connection.close()
            return (hostKey, ledgerKey)
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Pins the keys, goes through the door, pushes the catalogue and asks one round of questions.
    ///
    /// - Parameter ledgerKey: The verifier key of the device's ledger, as `rollcall-agent key` prints it.
    public func prove(_ device: Device, ledgerKey: String) async throws {
        let deviceID = ledgerKey.split(separator: "+").first?.split(separator: "/").last.map(String.init) ?? ""
        try desk.database.recordEnrolled(
            device: device.id, verifierKey: ledgerKey, deviceID: deviceID, operator: desk.operatorName)
        report(.pinned(ledgerKey: ledgerKey))
        try await onceReloaded { try await push(to: device, onlyIfOther: true) }
        let (result, parting) = try await DeviceSession.with(
            device, desk: desk, reason: "enrolment: proof of the door", questions: { try await DeviceDiagnosis.firstQuestions(desk) }
        ) { session in
            let answers = try await session.firstAnswers()
            let count = answers.count { answer in
                guard case .done = answer.ending else { return false }
                return true
            }
            return (session, count)
        }
        let (session, count) = result
        guard count > 0 else {
            throw Failure(
                sentence: "The agent of \(device.name) answers, but ran none of the probes it was asked for.",
                next: "`rollcall run \(device.name) load` says why; `rollcall-agent check` on the device may name what is missing.")
        }
        guard session.greeting.isQuiet, let parting, parting.judgement.isQuiet, parting.judgement.head == .verified else {
            throw Failure(
                sentence: "The agent of \(device.name) answers, but its ledger head is not signed by the key it was enrolled with.",
                next: "Run `rollcall device enroll \(device.name)` again; if it stays, treat the device as tampered with.")
        }
        report(.proven(role: session.opened.role.string, answers: count))
    }

    /// Works through the door as soon as sshd listens: having been told of the door it starts anew, and refuses connections until it has.
    private func onceReloaded(_ work: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            do {
                _ = try await work()
                return
            } catch let error as SSHError where [.refused, .resetBeforeBanner, .notReachedFromJumpHost].contains(error.code) {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// Pushes the catalogue through the door.
    ///
    /// - Parameter onlyIfOther: Whether a device that has this very catalogue is left alone.
    /// - Returns: Whether it was pushed.
    /// - Throws: ``PushRefusal``, and what opening a session throws.
    @discardableResult
    public func push(to device: Device, onlyIfOther: Bool) async throws -> Bool {
        let signed = try catalogue.signed()
        let header = try DocumentHeader(decoding: signed.header)
        let session = try await DeviceSession.open(device, desk: desk, reason: "catalogue \(header.version)")
        do {
            if onlyIfOther, session.hello.catalogueDigest == signed.digest {
                try await session.end()
                return false
            }
            let answer = try await session.push(.catalogue, signed.encoded, version: header.version, digest: signed.digest)
            // What kept the answer from coming says more than that the session then had no good end.
            if case .missing(let error) = answer.outcome { throw error }
            try await session.end()
            if case .refused(let refused) = answer.outcome {
                throw PushRefusal(kind: .catalogue, rule: refused.rule.string, sentence: refused.sentence.string)
            }
            report(.pushed(version: header.version))
            return true
        } catch {
            _ = try? await session.end()
            throw error
        }
    }

    /// The device would not take what was pushed.
    public struct PushRefusal: Error, Sendable {
        /// What it was.
        public let kind: PushKind
        /// The rule's stable name.
        public let rule: String
        /// The agent's sentence, not yet escaped.
        public let sentence: String
    }
}

internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Store
internal import Wire

/// A file on a device: `kiosk-1:/etc/hostname`. No name of a device has a colon in it.
private struct DevicePath {
    let device: String
    let path: String

    init(_ argument: String) throws(CommandFailure) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            // The usual slips: a blank in place of the colon, the ends the other way round, no name before the colon.
            let why =
                switch (parts.count, argument.contains("/")) {
                case (1, true): "there is no device and no colon before the path"
                case (1, false): "there is no colon and no path behind the device's name"
                default: parts[0].isEmpty ? "there is no device before the colon" : "there is no path behind the colon"
                }
            throw CommandFailure(
                .usage, kind: "usage", "\"\(displayed(argument))\" names no file of a device: \(why).",
                next: "Write DEVICE:PATH in one word, such as kiosk-1:/var/log/syslog; `get` has it first, `put` last.")
        }
        guard parts[0].allSatisfy({ $0 != "/" }), parts[1].hasPrefix("/") else {
            throw CommandFailure(
                .usage, kind: "usage", "\"\(displayed(argument))\" names no file of a device: the path does not begin at the root.",
                next: "Write DEVICE:PATH with an absolute path, such as kiosk-1:/var/log/syslog.")
        }
        (device, path) = (String(parts[0]), String(parts[1]))
    }
}

/// Fetches a file of a device.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Fetch a file of a device.",
        discussion: "What was cut off is gone on with the next time, where the device can prove that it is the same file.")

    @Argument(help: "The file on a device, as DEVICE:PATH with an absolute path.")
    var file: String

    @Argument(help: "Where it goes: a file or a folder; by default the file's own name, in this folder.")
    var local: String?

    @Flag(help: "Replace a local file that is there.")
    var force = false

    @OptionGroup var options: DeskOptions

    func run() async throws {
        let far = try DevicePath(file)
        let desk = try await options.desk(asksProbes: false)
        let found = try findDevice(far.device, desk.database)
        let path = far.path
        let place = try Self.place(of: path, local: local)
        let progress = TransferProgress(name: place, isQuiet: options.json)
        let call = try openCall(of: found, desk.database)
        let carriage = try await withDevice(found) {
            defer { progress.end() }
            return try await withFiles(path, found) {
                let fetched = try FetchedFile(path: place, replaces: force, progress: progress)
                return try await DeviceSession.with(found, desk: desk, call: call?.id, reason: "get \(path)") { session in
                    do {
                        let carriage = try await carrying(found) { try await session.get(path, into: fetched) }
                        try fetched.finish()
                        return carriage
                    } catch DeviceSession.CarriageError.digestDiffers {
                        fetched.discard()
                        throw DeviceSession.CarriageError.digestDiffers
                    }
                }.result
            }
        }
        try show(carriage, path: path, local: place, json: options.json)
    }

    /// The local file: never decided by what a device says, and by what the operator asked for only where that is a plain name.
    static func place(of path: String, local: String?) throws(CommandFailure) -> String {
        var isFolder: ObjCBool = false
        if let local, !(FileManager.default.fileExists(atPath: local, isDirectory: &isFolder) && isFolder.boolValue) { return local }
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        let isPlain = !name.isEmpty && name != "." && name != ".." && !name.hasPrefix("-") && name.unicodeScalars.allSatisfy(isDisplayable)
        guard path.hasPrefix("/"), isPlain else {
            throw CommandFailure(
                .usage, kind: "usage", "\"\(displayed(path))\" is not an absolute path that ends in a plain name.",
                next: "Name the file on the device from its root on, and where it goes as the last argument.")
        }
        return local.map { ($0 as NSString).appendingPathComponent(name) } ?? name
    }
}

/// Brings a file to a device.
struct PutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Bring a file to a device; takes the role shell.",
        discussion: "What was cut off is gone on with the next time. The file appears on the device only when it is whole.")

    @Argument(help: "The local file.")
    var local: String

    @Argument(help: "Where it goes, as DEVICE:PATH with the absolute path that it is to have.")
    var file: String

    @Flag(help: "Replace a file of the device that is there; its owner and permissions stay.")
    var force = false

    @Flag(help: "Do not ask before the device is changed.")
    var yes = false

    @OptionGroup var options: DeskOptions

    func run() async throws {
        let far = try DevicePath(file)
        let desk = try await options.desk(asksProbes: false)
        let found = try findDevice(far.device, desk.database)
        let path = far.path
        let progress = TransferProgress(name: path, isQuiet: options.json)
        if !yes { try confirm("\(displayed(path)) will be written on \(found.name). Do it?") }
        let call = try openCall(of: found, desk.database)
        let carriage = try await withDevice(found) {
            defer { progress.end() }
            return try await withFiles(path, found) {
                let sent = try SentFile(path: local, progress: progress)
                if sent.isLarge { _ = try await sent.whole() }
                return try await DeviceSession.with(found, desk: desk, call: call?.id, reason: "put \(path)") { session in
                    try await carrying(found) { try await session.put(sent, to: path, replaces: force) }
                }.result
            }
        }
        try show(carriage, path: path, local: local, json: options.json)
    }
}

private func show(_ carriage: DeviceSession.Carriage, path: String, local: String, json: Bool) throws {
    let digest = carriage.digest.map { String(format: "%02x", $0) }.joined()
    if json {
        return try printJSON(
            CarriageBody(path: path, local: local, bytes: carriage.byteCount, continuedAt: carriage.offset, sha256: digest))
    }
    let continued = carriage.offset > 0 ? ", gone on with at \(carriage.offset)" : ""
    Terminal.current.line("\(displayed(local)): \(carriage.byteCount) bytes\(continued), SHA-256 \(digest)")
}

/// A carried file for `--json`.
private struct CarriageBody: Encodable {
    let path: String
    let local: String
    let bytes: UInt64
    let continuedAt: UInt64
    let sha256: String
}

/// Says that a file that was cut off on its way is gone on with.
private func carrying<Result>(_ device: Device, _ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch let error as DeviceSession.CarriageError {
        throw error
    } catch {
        guard let failure = CommandFailure(error, device: device), [.connectionLost, .timedOut, .noAgent].contains(failure.status) else {
            throw error
        }
        // The agent had answered before, so that it is no device without one.
        let isBroken = failure.status == .noAgent
        throw CommandFailure(
            isBroken ? .connectionLost : failure.status, kind: isBroken ? "connection-lost" : failure.kind,
            isBroken ? "The session with \(device.name) broke before the file was carried to its end." : failure.sentence,
            next: "Run it again: it goes on where it stopped.")
    }
}

/// Says what kept a file from being carried.
private func withFiles<Result>(_ path: String, _ device: Device, _ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch let error as LocalFileError {
        throw CommandFailure(error)
    } catch let error as DeviceSession.CarriageError {
        switch error {
        case .refused(let refused) where refused.rule.string == "storage":
            throw CommandFailure(
                .deviceFile, kind: "refused-storage",
                "\(device.name) did not take \(displayed(path)): \(displayed(refused.sentence.string, limit: 600))",
                next: "Free some space on the device first; `rollcall diagnose \(device.name)` says which file system is full.")
        case .refused(let refused):
            throw CommandFailure(
                refusedBy: refused.rule.string, sentence: displayed(refused.sentence.string, limit: 600), what: displayed(path),
                device: device.name)
        case .ended:
            throw CommandFailure(
                .connectionLost, kind: "transfer-ended", "\(displayed(path)) was not carried to its end.",
                next: "Run it again: it goes on where it stopped.")
        case .digestDiffers:
            throw CommandFailure(
                .recordBroken, kind: "digest-differs",
                "What arrived of \(displayed(path)) is not what \(device.name) says it is, so it was not kept.",
                next: "Try again; if it stays, treat the device as faulty or hostile until somebody has looked at it.")
        }
    }
}

extension CommandFailure {
    init(_ error: LocalFileError) {
        let path = displayed(error.path)
        switch error.number {
        case EEXIST:
            self.init(.localFile, kind: "file-exists", "\(path) is there already.", next: "Name another file, or replace it with --force.")
        case EISDIR:
            self.init(.localFile, kind: "not-a-file", "\(path) is no regular file.", next: "Name a file.")
        case ENOSPC, EDQUOT:
            self.init(
                .localFile, kind: "disk-full", "This desk's disk has no room for \(path).",
                next: "Free some space and run it again: it goes on where it stopped.")
        default:
            self.init(
                .localFile, kind: "local-file", "\(path) cannot be used: \(String(cString: strerror(error.number))).",
                next: "Check the path and its permissions.")
        }
    }
}

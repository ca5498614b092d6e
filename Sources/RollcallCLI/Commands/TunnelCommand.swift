internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Store
internal import Synchronization
internal import Wire

/// Reaches a host and port through a device.
struct TunnelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tunnel", abstract: "Reach a host and port through a device, from this machine's loopback; takes the role shell.",
        discussion: "Ends with Control-C, or after 10 minutes in which nobody was connected.")

    @Argument(help: "The device's name.")
    var device: String

    @Argument(
        help: ArgumentHelp(
            "Local port (0: one that is free), numeric address and port, such as 8080:192.0.2.7:80.", valueName: "local:address:port"))
    var ends: String

    @OptionGroup var options: DeskOptions

    func run() async throws {
        guard let colon = ends.firstIndex(of: ":"), let local = UInt16(ends[..<colon]), ends[colon...].dropFirst().contains(":") else {
            throw CommandFailure(
                .usage, kind: "usage", "\"\(displayed(ends))\" does not say where from and where to.",
                next: "Write it as 8080:192.0.2.7:80, with 0 for any free port.")
        }
        let target = String(ends[colon...].dropFirst())
        let desk = try await options.desk(asksProbes: false)
        let found = try findDevice(device, desk.database)
        let listener: LocalListener
        do { listener = try await LocalListener.open(port: Int(local)) } catch {
            throw CommandFailure(
                .localFile, kind: "port-taken", "Port \(local) of this machine cannot be listened on.",
                next: "Name another one, or 0 for one that is free.")
        }
        let call = try openCall(of: found, desk.database)
        let isJSON = options.json
        let signals = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { listener.close() }
            source.resume()
            return source
        }
        defer { for source in signals { source.cancel() } }
        let refusal = Mutex<CommandFailure?>(nil)
        try await withDevice(found) {
            _ = try await DeviceSession.with(found, desk: desk, call: call?.id, reason: "tunnel \(target)") { session in
                // Said here already, before anybody is told of a tunnel that is none.
                guard session.opened.role == "shell" else {
                    throw CommandFailure(
                        refusedBy: "rights",
                        sentence: "The role \(displayed(session.opened.role.string, limit: 40)) opens no tunnel; it takes the role shell.",
                        what: "tunnel", device: found.name)
                }
                if isJSON {
                    try printJSON(Opened(port: listener.port, target: target))
                } else {
                    Terminal.current.line(
                        "127.0.0.1:\(listener.port) is open: what connects to it asks \(found.name) for \(displayed(target)); end with Control-C"
                    )
                }
                try await session.tunnel(to: target, listener: listener) { ending in
                    defer { Self.say(ending, isJSON: isJSON) }
                    // What the device does not allow at all it will not allow the next time.
                    guard let refused = ending.refused, ["path", "rights", "owner"].contains(refused.rule) else { return }
                    let failure = CommandFailure(
                        refusedBy: refused.rule, sentence: displayed(refused.sentence, limit: 600), what: "tunnel", device: found.name)
                    refusal.withLock { $0 = failure }
                    listener.close()
                }
            }
        }
        if let failure = refusal.withLock({ $0 }) { throw failure }
    }

    private static func say(_ ending: DeviceSession.TunnelEnding, isJSON: Bool) {
        if let refused = ending.refused {
            Terminal.current.complain("refused (\(displayed(refused.rule, limit: 40))): \(displayed(refused.sentence, limit: 600))")
        } else if !ending.digestAgrees {
            Terminal.current.complain(
                "a connection carried other bytes than the device says; look into it with `rollcall audit verify --device`.")
        } else if !isJSON {
            Terminal.current.line("a connection ended: \(ending.byteCount) bytes")
        }
    }

    private struct Opened: Encodable {
        let port: Int
        let target: String
    }
}

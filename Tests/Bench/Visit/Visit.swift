import Foundation
import SSH

/// visit USER PORT KEYFILE HOSTKEY CONCURRENCY COMMAND < ADDRESSES
///
/// What a sweep costs with this library, written as a user of it would: connect, check the host key, log in, run, close. Prints one line:
/// "ok N failed N". With `hold:FEW:MANY` for CONCURRENCY it opens FEW sessions, then MANY in all, keeps them open, prints its own memory at
/// each ("open N pss_kib N"), and closes them. With `further:N` it asks the first address one question, and then N more on the open
/// channel ("further_ms N", the median).
@main
struct Visit {
    let user: String
    let key: Ed25519Key
    let hostKey: HostKey
    let command: String
    let executor = LoopExecutor.next()
    /// A thousand at once keep a server that has two processors busy for longer than a device would be, and its queue of 128 overflows:
    /// what is dropped there comes again after 1, 2, 4 ... 64 s. Where it was the last packet of TCP's own opening, that is the handshake's
    /// time, and may end in a reset: hence the attempts.
    private static let deadlines = Deadlines(connect: .seconds(300), handshake: .seconds(300), authentication: .seconds(300))

    static func main() async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count == 6, let port = Int(words[1]), let hostKey = HostKey(openSSH: words[3]) else {
            print("usage: visit USER PORT KEYFILE HOSTKEY CONCURRENCY COMMAND < ADDRESSES")
            return
        }
        let visit = Visit(user: words[0], key: try Ed25519Key(contentsOfFile: words[2]), hostKey: hostKey, command: words[5])
        var addresses: [Address] = []
        while let line = readLine() { addresses.append(Address(host: line, port: port)) }
        let ok =
            if words[4].hasPrefix("hold:") {
                try await visit.hold(addresses, counts: words[4].split(separator: ":").compactMap { Int($0) })
            } else if words[4].hasPrefix("further:"), let count = Int(words[4].dropFirst(8)) {
                try await visit.ask(addresses[0], further: count)
            } else {
                await visit.sweep(addresses, concurrency: Int(words[4]) ?? 1)
            }
        print("ok \(ok) failed \(addresses.count - ok)")
    }

    private func sweep(_ addresses: [Address], concurrency: Int) async -> Int {
        var ok = 0
        var waiting = addresses[...]
        await withTaskGroup(of: Bool.self) { group in
            func start() {
                guard let address = waiting.popFirst() else { return }
                group.addTask(executorPreference: executor) { await isAnswered(at: address) }
            }
            for _ in 0..<concurrency { start() }
            for await isOK in group {
                if isOK { ok += 1 }
                start()
            }
        }
        return ok
    }

    private func open(_ address: Address) async throws(SSHError) -> Connection {
        try await Connection.open(
            to: address, user: user, hostKey: .pinned([hostKey]), identities: [.ed25519(key)], deadlines: Self.deadlines, on: executor,
            attempts: 5)
    }

    private func isAnswered(at address: Address) async -> Bool {
        do {
            return try await answers(at: address)
        } catch {
            FileHandle.standardError.write(Data("\(address): \(error)\n".utf8))
            return false
        }
    }

    private func answers(at address: Address) async throws -> Bool {
        let connection = try await open(address)
        let result = try await connection.run(command)
        await connection.close()
        return result.exit == .exited(0) && !result.standardOutput.isEmpty
    }

    /// Opens sessions whose commands wait for input, 64 at once, until `counts` of them are open.
    private func hold(_ addresses: [Address], counts: [Int]) async throws -> Int {
        var held: [(Connection, Channel)] = []
        for count in counts {
            while held.count < count {
                let batch = addresses[held.count..<min(count, held.count + 64)]
                held += try await withThrowingTaskGroup(of: (Connection, Channel).self) { group in
                    for address in batch {
                        group.addTask(executorPreference: executor) {
                            let connection = try await open(address)
                            return (connection, try await connection.exec("cat"))
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            print("open \(held.count) pss_kib \(try Self.pssInKiB())")
        }
        for (connection, channel) in held {
            await channel.close()
            await connection.close()
        }
        return held.count
    }

    /// A further question goes over a channel that is open, as a call's questions to an agent do.
    private func ask(_ address: Address, further count: Int) async throws -> Int {
        let connection = try await open(address)
        let channel = try await connection.exec("cat")
        var durations: [Duration] = []
        for number in 0...count {
            let start = ContinuousClock.now
            try await channel.write(Array("question \(number)\n".utf8))
            guard try await channel.read() != nil else { return 0 }
            // The first one may still wait for what the server says after a login.
            if number > 0 { durations.append(ContinuousClock.now - start) }
        }
        await channel.close()
        await connection.close()
        let median = durations.sorted()[count / 2]
        print("further_ms \(Double(median.components.attoseconds) / 1e15 + Double(median.components.seconds) * 1e3)")
        return 1
    }

    private static func pssInKiB() throws -> Int {
        let rollup = try String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8)
        let line = rollup.split(separator: "\n").first { $0.hasPrefix("Pss:") }
        return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }
}

import Catalogue
import Foundation
import Probes
import Subprocess
import Testing
import Wire

/// The shipped question for a name server, in a network and with a resolv.conf of its own.
struct LostPacketTests {
    private static let server = """
        import socket, subprocess, sys, threading
        lost = int(sys.argv[1])
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))
        def answer():
            number = 0
            while True:
                question, sender = server.recvfrom(512)
                number += 1
                if number > lost:
                    server.sendto(question[:2] + b"\\x81\\x83" + question[4:6] + bytes(6) + question[12:], sender)
        threading.Thread(target=answer, daemon=True).start()
        print(subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, text=True).stdout, end="")
        """

    @Test(
        "a question to a name server that is lost is asked again; one that is never answered is given up",
        .enabled(if: geteuid() == 0, "a network of its own needs root"), arguments: [(0, true), (2, true), (1_000, false)])
    func lost(_ count: Int, _ isAnswered: Bool) async throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let manifest = try ManifestLibrary(directory: root.path + "/probes").manifest("network.dns")
        guard case .run(let words)? = manifest.source else { throw CocoaError(.coderInvalidValue) }
        let command = words.compactMap { if case .literal(let word) = $0 { word.string } else { nil } }
        let configuration = FileManager.default.temporaryDirectory.appending(path: "resolv-\(UUID().uuidString)").path()
        try Data("nameserver 127.0.0.1\n".utf8).write(to: URL(filePath: configuration))
        defer { try? FileManager.default.removeItem(atPath: configuration) }
        let script = #"ip link set lo up && mount --bind "$0" /etc/resolv.conf && exec /usr/bin/python3 -c "$@""#
        let ended = try await Subprocess.run(
            .name("unshare"),
            arguments: Arguments(
                ["--net", "--mount", "--propagation", "private", "sh", "-c", script, configuration, Self.server, "\(count)"] + command),
            output: .string(limit: 4_096), error: .string(limit: 4_096))
        #expect(ended.standardOutput.contains("127.0.0.1       STREAM") == isAnswered, "\(ended.standardError)")
    }
}

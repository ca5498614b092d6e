extension Connection {
    /// Writes a file over there, whole or not at all: into a file beside it that takes its name once every byte has arrived.
    ///
    /// For first enrolment, where nothing but a POSIX shell can be counted on: no SFTP, no scp.
    ///
    /// - Parameters:
    ///   - path: Where it is to be; what stands there is replaced. Its folder must be there.
    ///   - permissions: As chmod(1) takes them.
    /// - Throws: `.uploadFailed` with what the server said, where the file could not be written; and what `run` throws.
    public func upload(_ bytes: [UInt8], to path: String, permissions: UInt16 = 0o600) async throws(SSHError) {
        // The size is said last: a channel that was cut off can look like one that ended well.
        let script =
            #"umask 077 && cat > "$1.part" && n=$(wc -c < "$1.part") && test "$n" -eq "$2" && chmod "$3" "$1.part" && "#
            + #"mv -f -- "$1.part" "$1" && echo "$2" || { n=$?; rm -f -- "$1.part"; exit "$n"; }"#
        // Whatever the login shell is, it can start another.
        let arguments = ["sh", path, String(bytes.count), String(permissions, radix: 8)]
        let command = (["exec", "sh", "-c", Self.quoted(script)] + arguments.map(Self.quoted)).joined(separator: " ")
        let result = try await run(command, input: bytes, outputLimit: 64 * 1024)
        let size = result.standardOutput.filter { !" \r\n".utf8.contains($0) }
        guard result.exit == .exited(0), size == Array(String(bytes.count).utf8) else {
            let said = result.standardError.isEmpty ? "it did not take all \(bytes.count) bytes" : Self.lastLine(result.standardError)
            throw SSHError(.uploadFailed, phase: .channel, detail: "\(printable(path.utf8)): \(said)")
        }
    }

    /// One word for a shell, whatever it holds.
    private static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    private static func lastLine(_ text: [UInt8]) -> String {
        text.split(whereSeparator: { $0 == UInt8(ascii: "\n") }).last.map { printable($0) } ?? "no reason given"
    }
}

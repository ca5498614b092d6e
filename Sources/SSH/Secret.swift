internal import CSodium

/// A password, a passphrase or an answer: bytes that appear in no description, and that are wiped when the last holder lets go.
///
/// They live in memory of libsodium's that is not swapped out where the system lets it lock memory, with unreadable pages around it.
public final class Secret: Sendable {
    /// What a server or an ssh-agent is sent at most; nobody types more.
    static let limitInBytes = 1024

    // Written in the initialisers, and only read afterwards.
    private nonisolated(unsafe) let memory: UnsafeMutableRawPointer
    let byteCount: Int

    /// Copies the UTF-8 of `text`, which itself stays in memory until Swift reuses its place: prefer ``init(wiping:)``.
    public convenience init(_ text: String) {
        var bytes = Array(text.utf8)
        self.init(wiping: &bytes)
    }

    /// Takes `bytes` over and overwrites them with zeros.
    public init(wiping bytes: inout [UInt8]) {
        precondition(Cryptography.isReady, "libsodium could not be initialised")
        guard let memory = sodium_malloc(max(bytes.count, 1)) else { preconditionFailure("there is no memory for a secret") }
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        self.memory = memory
        byteCount = bytes.count
        Cryptography.wipe(&bytes)
    }

    deinit {
        sodium_free(memory)
    }

    func withBytes<Value, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Value) throws(Failure) -> Value {
        try body(UnsafeRawBufferPointer(start: memory, count: byteCount))
    }
}

extension Secret: CustomStringConvertible, CustomReflectable {
    /// The same for every secret.
    public var description: String { "(secret)" }
    /// Empty, so that `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

internal import CSSH2
import Glibc
import Synchronization

/// What one call of libssh2 came to.
enum Step<Value> {
    case done(Value)
    /// Call again, with the same arguments, once bytes have come.
    case wantsInput
    case failed(LibraryFailure)
    /// Not asked of libssh2 at all, because of this.
    case refused(SSHError)
}

/// libssh2's number and words for what went wrong.
struct LibraryFailure: Error {
    let code: Int32
    let message: String
}

/// How many libssh2 objects are alive in this process; tests hold it to zero.
enum LiveObjects {
    static let sessions = Atomic<Int>(0)
    static let channels = Atomic<Int>(0)
}

/// A `LIBSSH2_SESSION`. Every call belongs on the loop of the connection that owns it.
final class Session {
    /// The library is set up once; sessions are independent of each other afterwards.
    private static let isReady = {
        cssh2_keep_locks_at_exit()
        return libssh2_init(0) == 0
    }()
    /// libssh2 calls fcntl(2) on the descriptor of a handshake and never anything else, so that all sessions share one.
    private static let descriptor = cssh2_idle_descriptor()

    /// Sets the library up, as the first session would.
    static func prepare() { _ = (isReady, descriptor) }

    private static let memoryInBytes = 8 << 20
    private static let memoryOfChannelInBytes = 4 << 20

    let buffers = SessionBuffers()
    private let context = UnsafeMutablePointer<cssh2_context>.allocate(capacity: 1)
    private var pointer: OpaquePointer?
    private var isShaken = false
    fileprivate var isFreed: Bool { pointer == nil }

    init?() {
        context.initialize(to: cssh2_context(buffers: Unmanaged.passUnretained(buffers).toOpaque(), is_guarded: false, used: 0, limit: 0))
        setMemoryLimit()
        guard Self.isReady, Self.descriptor >= 0, let session = cssh2_session_init(context) else { return nil }
        pointer = session
        libssh2_session_set_blocking(session, 0)
        cssh2_set_callbacks(session, SessionCallbacks.send, SessionCallbacks.receive, SessionCallbacks.disconnect)
        LiveObjects.sessions.add(1, ordering: .relaxed)
    }

    deinit {
        free()
        context.deallocate()
    }

    /// Frees the session and its channels, without a word to the peer. Any later call fails.
    func free() {
        guard let session = pointer else { return }
        buffers.isAbandoned = true
        endInterview()
        // With both callbacks failing at once there is nothing left for libssh2 to wait for; the bound is for a defect in it.
        var attempts = 0
        while libssh2_session_free(session) == LIBSSH2_ERROR_EAGAIN, attempts < 8 { attempts += 1 }
        pointer = nil
        LiveObjects.sessions.subtract(1, ordering: .relaxed)
        LiveObjects.channels.subtract(openChannels, ordering: .relaxed)
        openChannels = 0
    }

    /// Channels opened and not yet freed.
    fileprivate(set) var openChannels = 0 {
        didSet { setMemoryLimit() }
    }

    /// Lets libssh2 keep what windows allow a server to send, with room for small packets, and no more: it queues whatever packets nobody
    /// asks for.
    private func setMemoryLimit() {
        context.pointee.limit = Self.memoryInBytes + (openChannels + 1) * Self.memoryOfChannelInBytes
    }

    /// Gives back what libssh2 has allocated for its caller.
    fileprivate func release(_ memory: UnsafeMutableRawPointer) {
        if let pointer { libssh2_free(pointer, memory) }
    }

    func prefer(hostKeys: [String]) {
        // The server may have said enough already to have the session ended.
        guard let pointer else { return }
        let lists: [(Int32, [String])] = [
            (LIBSSH2_METHOD_KEX, AlgorithmPreference.keyExchange), (LIBSSH2_METHOD_HOSTKEY, hostKeys),
            (LIBSSH2_METHOD_CRYPT_CS, AlgorithmPreference.cipher), (LIBSSH2_METHOD_CRYPT_SC, AlgorithmPreference.cipher),
            (LIBSSH2_METHOD_MAC_CS, AlgorithmPreference.mac), (LIBSSH2_METHOD_MAC_SC, AlgorithmPreference.mac),
        ]
        for (method, names) in lists {
            libssh2_session_method_pref(pointer, method, names.joined(separator: ","))
        }
    }

    /// Offers compression that begins once the user is proven; to be called before the handshake.
    func offerCompression() {
        guard let pointer else { return }
        libssh2_session_flag(pointer, LIBSSH2_FLAG_COMPRESS, 1)
        // Compression from the start is not offered: what nobody has proven to be would reach the decompressor.
        for method in [LIBSSH2_METHOD_COMP_CS, LIBSSH2_METHOD_COMP_SC] {
            libssh2_session_method_pref(pointer, method, "zlib@openssh.com,none")
        }
    }

    /// Banner, key exchange, and the request for the authentication service.
    func handshake() -> Step<Void> {
        let outcome = step { libssh2_session_handshake($0, Self.descriptor) }
        if case .done = outcome { isShaken = true }
        return outcome
    }

    /// The key the server proved to hold; `nil` before the handshake.
    var hostKey: HostKey? {
        var length = 0
        var kind: Int32 = 0
        guard let pointer, let bytes = libssh2_session_hostkey(pointer, &length, &kind) else { return nil }
        return HostKey(blob: Array(UnsafeRawBufferPointer(start: bytes, count: length)))
    }

    var algorithms: NegotiatedAlgorithms {
        func name(_ method: Int32) -> String {
            pointer.flatMap { libssh2_session_methods($0, method) }.map { String(cString: $0) } ?? ""
        }
        return NegotiatedAlgorithms(
            keyExchange: name(LIBSSH2_METHOD_KEX), hostKey: name(LIBSSH2_METHOD_HOSTKEY), cipher: name(LIBSSH2_METHOD_CRYPT_CS),
            mac: name(LIBSSH2_METHOD_MAC_CS), compression: name(LIBSSH2_METHOD_COMP_SC))
    }

    /// Opens a session channel with a receive window of `windowInBytes`.
    func openChannel(windowInBytes: UInt32) -> Step<SessionChannel> {
        guard let pointer else { return .failed(Self.freed) }
        return opened(libssh2_channel_open_ex(pointer, "session", 7, windowInBytes, 32_768, nil, 0))
    }

    /// Opens a channel that the server connects to `host` and `port` (RFC 4254 section 7.2); libssh2 gives it a window of 2 MiB.
    func openTunnel(host: String, port: Int) -> Step<SessionChannel> {
        guard let pointer else { return .failed(Self.freed) }
        return opened(libssh2_channel_direct_tcpip_ex(pointer, host, Int32(port), "127.0.0.1", 22))
    }

    private func opened(_ channel: OpaquePointer?) -> Step<SessionChannel> {
        guard let pointer else { return .failed(Self.freed) }
        if let channel {
            openChannels += 1
            LiveObjects.channels.add(1, ordering: .relaxed)
            return .done(SessionChannel(pointer: channel, session: self))
        }
        let code = libssh2_session_last_errno(pointer)
        guard code != LIBSSH2_ERROR_EAGAIN else { return .wantsInput }
        return .failed(failure(code))
    }

    /// Sends a global request that every server answers, if only to say that it does not know it.
    func sendKeepalive() {
        guard let pointer, isShaken else { return }
        // An interval of a second, so that no call is left out for having come too early.
        libssh2_keepalive_config(pointer, 1, 1)
        var secondsToNext: Int32 = 0
        _ = libssh2_keepalive_send(pointer, &secondsToNext)
    }

    /// Tells the peer that this side is done, if there are keys to say it with; nothing is waited for.
    func disconnect() {
        // Before that, sending anything would take up a key exchange that may just have failed.
        guard let pointer, isShaken else { return }
        _ = libssh2_session_disconnect_ex(pointer, 11, "done", "")
    }

    fileprivate static let freed = LibraryFailure(code: LIBSSH2_ERROR_BAD_USE, message: "the session is closed")

    private func step(_ call: (OpaquePointer) -> Int32) -> Step<Void> {
        guard let pointer else { return .failed(Self.freed) }
        return classify(call(pointer)) {}
    }

    fileprivate func classify<Value>(_ code: Int32, _ value: () -> Value) -> Step<Value> {
        switch code {
        case 0: .done(value())
        case LIBSSH2_ERROR_EAGAIN: .wantsInput
        default: .failed(failure(code))
        }
    }

    /// libssh2's words point into the session, so they are copied before its next call.
    fileprivate func failure(_ code: Int32) -> LibraryFailure {
        var text: UnsafeMutablePointer<CChar>?
        var length: Int32 = 0
        guard let pointer else { return Self.freed }
        let last = libssh2_session_last_error(pointer, &text, &length, 0)
        let message = UnsafeRawBufferPointer(start: text, count: text == nil ? 0 : max(0, Int(length)))
        return LibraryFailure(code: last == LIBSSH2_ERROR_EAGAIN || last == 0 ? code : last, message: printable(message))
    }
}

/// Proving the user.
extension Session {
    /// Whether objects of libssh2 have room behind them and are wiped when freed; wanted from the first byte if questions may come.
    var isGuarded: Bool {
        get { context.pointee.is_guarded }
        set { context.pointee.is_guarded = newValue }
    }

    /// Public key authentication; wants input also while `request` waits for a signature made elsewhere.
    func authenticate(user: String, request: SignatureRequest) -> Step<Void> {
        var context: UnsafeMutableRawPointer? = Unmanaged.passUnretained(request).toOpaque()
        return step { session in
            user.withCString { name in
                libssh2_userauth_publickey(
                    session, name, request.publicKeyBlob, request.publicKeyBlob.count, SignatureRequest.callback, &context)
            }
        }
    }

    /// Password authentication (RFC 4252 section 8). After a request to change the password libssh2 takes no further one.
    func authenticate(user: String, password: Secret) -> Step<Void> {
        step { session in
            user.withCString { name in
                password.withBytes { bytes in
                    libssh2_userauth_password_ex(
                        session, name, UInt32(strlen(name)), bytes.bindMemory(to: CChar.self).baseAddress, UInt32(bytes.count)
                    ) { _, _, _, _ in
                        // No new password: libssh2 then says that the old one has expired.
                    }
                }
            }
        }
    }

    /// Keyboard-interactive authentication (RFC 4256), to be ended with ``endInterview()``; wants input also while there is a challenge to
    /// be answered.
    func authenticate(user: String, interview: Interview) -> Step<Void> {
        buffers.interview = interview
        return step { session in
            interview.proceed {
                user.withCString { libssh2_userauth_keyboard_interactive_ex(session, $0, UInt32(strlen($0)), Interview.callback) }
            } ?? LIBSSH2_ERROR_EAGAIN
        }
    }

    /// Ends the thread of the keyboard-interactive authentication, if there is one.
    func endInterview() {
        buffers.interview?.end()
        buffers.interview = nil
    }

    /// The methods the server would still accept, in its order, or `nil` if it lets the user in without any; a round trip, and to sshd a
    /// failed attempt unless it is the first.
    func authenticationMethods(user: String) -> Step<[String]?> {
        guard let pointer else { return .failed(Self.freed) }
        let list = user.withCString { libssh2_userauth_list(pointer, $0, UInt32(strlen($0))) }
        if let list { return .done(printable(String(cString: list).utf8).split(separator: ",").map(String.init)) }
        if libssh2_userauth_authenticated(pointer) == 1 { return .done(nil) }
        return classify(libssh2_session_last_errno(pointer)) { [] }
    }
}

/// A `LIBSSH2_CHANNEL`. Its memory belongs to the session and goes with it at the latest.
final class SessionChannel {
    private var channel: OpaquePointer?
    private let session: Session
    private var ahead = WriteAhead()
    /// The most bytes that the server had room for.
    private var widestRoom = 0
    /// `nil` once the channel is freed, by itself or with its session.
    private var pointer: OpaquePointer? { session.isFreed ? nil : channel }

    fileprivate init(pointer: OpaquePointer, session: Session) {
        channel = pointer
        self.session = session
    }

    /// Asks for `command` to be started; an empty one is sent as such, for servers that run a command of their own instead.
    func execute(_ command: [UInt8]) -> Step<Void> {
        // libssh2 takes a null pointer, which an empty array may have, for a request without a command.
        let outcome = (command + [0]).withUnsafeBytes { bytes in
            step { channel in
                libssh2_channel_process_startup(
                    channel, "exec", 4, bytes.bindMemory(to: CChar.self).baseAddress, UInt32(command.count))
            }
        }
        // A server that has closed the channel does not answer (RFC 4254 section 5.3), and libssh2 would wait for it.
        guard case .wantsInput = outcome, isAtEnd else { return outcome }
        let words = "the server closed the channel without starting the command"
        return .failed(LibraryFailure(code: LIBSSH2_ERROR_CHANNEL_FAILURE, message: words))
    }

    /// Bytes up to which a read passes over the stack: an array as long as the limit would stay that long around a few bytes.
    private static let stackLimit = 32 * 1024

    /// Takes what is there of stream `stream` (0 output, 1 errors), at most `limit` bytes; empty at its end.
    func read(stream: Int32, limit: Int) -> Step<[UInt8]> {
        guard let pointer else { return .failed(Session.freed) }
        if limit <= Self.stackLimit {
            return withUnsafeTemporaryAllocation(byteCount: max(limit, 1), alignment: 1) { target in
                let count = libssh2_channel_read_ex(pointer, stream, target.bindMemory(to: CChar.self).baseAddress, limit)
                guard count >= 0 else { return session.classify(Int32(count)) { [] } }
                return .done(Array(target.prefix(count)))
            }
        }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { target, filled in
            target.withMemoryRebound(to: CChar.self) { count = libssh2_channel_read_ex(pointer, stream, $0.baseAddress, limit) }
            filled = max(count, 0)
        }
        guard count >= 0 else { return session.classify(Int32(count)) { [] } }
        return .done(bytes)
    }

    /// Has libssh2 take in what has come, and answer what wants an answer, without reading of this channel.
    func takeInput() {
        _ = read(stream: 0, limit: 0)
    }

    /// Whether the server will send nothing more and all it sent has been read.
    var isAtEnd: Bool {
        pointer.map { libssh2_channel_eof($0) == 1 } ?? true
    }

    /// Sends as much of `bytes` as the window and one packet allow; none where ``isFarAhead``.
    func write(_ bytes: UnsafeRawBufferPointer) -> Step<Int> {
        guard let pointer else { return .failed(Session.freed) }
        if isFarAhead { return .done(0) }
        let count = libssh2_channel_write_ex(pointer, 0, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
        if count == 0 { return .wantsInput }
        guard count > 0 else { return session.classify(Int32(count)) { 0 } }
        return .done(count)
    }

    /// Whether as much is on its way to the command as is good for the server.
    var isFarAhead: Bool {
        if onTheWayCount < ahead.limitInBytes { return false }
        takeInput()
        return onTheWayCount >= ahead.limitInBytes
    }

    /// Sends further ahead from now on.
    func goFurtherAhead() { ahead.extend() }

    /// Bytes sent for which the server has not made room again.
    private var onTheWayCount: Int {
        guard let pointer else { return 0 }
        // What it was at first libssh2 does not tell of a channel that was opened here.
        let room = Int(clamping: libssh2_channel_window_write_ex(pointer, nil))
        widestRoom = max(widestRoom, room)
        return widestRoom - room
    }

    func sendEndOfFile() -> Step<Void> {
        step { libssh2_channel_send_eof($0) }
    }

    /// How the command ended, once the server has closed its side, which is after it has told; 0 also if it closed without saying so,
    /// which libssh2 does not tell apart.
    func awaitExitStatus() -> Step<ExitStatus> {
        switch awaitClosed() {
        case .done: .done(exitStatus)
        case .wantsInput: .wantsInput
        case .failed(let failure): .failed(failure)
        case .refused(let error): .refused(error)
        }
    }

    private func awaitClosed() -> Step<Void> {
        takeInput()
        return step { channel in
            let code = libssh2_channel_wait_closed(channel)
            // Called too early: the server has not sent its end of file yet.
            return code == LIBSSH2_ERROR_INVAL ? LIBSSH2_ERROR_EAGAIN : code
        }
    }

    private var exitStatus: ExitStatus {
        guard let pointer else { return .exited(0) }
        var name: UnsafeMutablePointer<CChar>?
        libssh2_channel_get_exit_signal(pointer, &name, nil, nil, nil, nil, nil)
        guard let name else { return .exited(Int(UInt32(bitPattern: libssh2_channel_get_exit_status(pointer)))) }
        defer { session.release(name) }
        return .signalled(printable(String(cString: name).utf8, limit: 32))
    }

    /// Closes the channel and frees it once the server has closed it too: it counts the channel as open, and
    /// what it still has to say to this one would reach the next, which gets its number.
    func free() -> Step<Void> {
        guard let channel = pointer else { return .done(()) }
        // By itself libssh2 waits for any packet, not for this one.
        let code = libssh2_channel_close(channel)
        if code == LIBSSH2_ERROR_EAGAIN { return .wantsInput }
        if code == 0, case .wantsInput = awaitClosed() { return .wantsInput }
        let outcome = session.classify(libssh2_channel_free(channel)) {}
        if case .done = outcome {
            self.channel = nil
            session.openChannels -= 1
            LiveObjects.channels.subtract(1, ordering: .relaxed)
        }
        return outcome
    }

    private func step(_ call: (OpaquePointer) -> Int32) -> Step<Void> {
        guard let pointer else { return .failed(Session.freed) }
        return session.classify(call(pointer)) {}
    }
}

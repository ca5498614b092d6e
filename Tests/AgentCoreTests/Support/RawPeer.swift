import Foundation
import Testing

/// Somebody at the daemon's socket who hands over what it likes.
final class RawPeer {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let socket = descriptor
        try #require(withUnixAddress(path) { connect(socket, $0, $1) } == 0)
    }

    deinit { close(descriptor) }

    /// Sends bytes with descriptors (SCM_RIGHTS in unix(7)): a cmsghdr of a size, a level and a kind, then the numbers.
    func send(_ bytes: [UInt8], passing descriptors: [Int32]) -> Int {
        var bytes = bytes
        var control: [UInt64] = [UInt64(16 + 4 * descriptors.count), UInt64(SOL_SOCKET) | 1 << 32]
        for start in stride(from: 0, to: descriptors.count, by: 2) {
            let second = start + 1 < descriptors.count ? UInt64(UInt32(bitPattern: descriptors[start + 1])) : 0
            control.append(UInt64(UInt32(bitPattern: descriptors[start])) | second << 32)
        }
        return bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var piece = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &piece) {
                    var message = msghdr()
                    (message.msg_iov, message.msg_iovlen) = ($0, 1)
                    if !descriptors.isEmpty { (message.msg_control, message.msg_controllen) = (control.baseAddress, control.count) }
                    return sendmsg(descriptor, &message, 0)
                }
            }
        }
    }

    /// Says that nothing more comes by the socket.
    func shutdown() { _ = Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    /// What it is sent next; nothing at the end, or where that does not come within ten seconds.
    func read() -> [UInt8] {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&item, 1, 10_000) == 1 else { return [] }
        var room = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &room, room.count, 0)
        return Array(room.prefix(max(count, 0)))
    }
}

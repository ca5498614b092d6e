internal import Catalogue

/// Where a tunnel leads.
struct TunnelTarget {
    let address: [UInt8]
    let port: UInt64

    /// Reads what ``SocketAddress`` reads; nil for anything else.
    init?(_ text: [UInt8]) {
        guard let target = SocketAddress(text) else { return nil }
        (address, port) = (target.address, target.port)
    }
}

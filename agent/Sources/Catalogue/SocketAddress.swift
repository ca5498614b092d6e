internal import Wire

/// A numeric address and a port, so that nothing waits for a name server.
public struct SocketAddress: Equatable, Sendable {
    /// Without the brackets of IPv6.
    public let address: [UInt8]
    /// From 1 to 65,535.
    public let port: UInt64

    /// Reads `ADDRESS:PORT`, or `[ADDRESS]:PORT`; nil for anything else. Whether the address is one, connecting tells.
    public init?(_ text: [UInt8]) {
        guard let colon = text.lastIndex(of: 58), text.count - colon <= 6 else { return nil }
        var port: UInt64 = 0
        for digit in text[(colon + 1)...] {
            guard digit >= 48, digit <= 57 else { return nil }
            port = port * 10 + UInt64(digit - 48)
        }
        var address = Array(text[..<colon])
        if address.first == 91, address.last == 93 { address = Array(address.dropFirst().dropLast()) }
        let digits: Text = "0123456789abcdefABCDEF.:"
        guard port > 0, port <= 65_535, !address.isEmpty, address.allSatisfy({ digits.bytes.contains($0) }) else { return nil }
        self.address = address
        self.port = port
    }
}

internal import Wire

/// Where a tunnel leads: a numeric address and a port, so that nothing waits for a name server.
struct TunnelTarget {
    /// Without the brackets of IPv6.
    let address: [UInt8]
    let port: UInt64

    /// Reads `ADDRESS:PORT`, or `[ADDRESS]:PORT`; nil for anything else. Whether the address is one, connecting tells.
    init?(_ text: [UInt8]) {
        guard let colon = text.lastIndex(of: 58), let port = Decimal.unsigned(text[(colon + 1)...]), (1...65_535).contains(port) else {
            return nil
        }
        var address = Array(text[..<colon])
        if address.first == 91, address.last == 93 { address = Array(address.dropFirst().dropLast()) }
        let digits: Text = "0123456789abcdefABCDEF.:"
        guard !address.isEmpty, address.allSatisfy({ digits.bytes.contains($0) }) else { return nil }
        self.address = address
        self.port = port
    }
}

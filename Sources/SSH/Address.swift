/// Where an SSH server listens.
public struct Address: Sendable, Hashable {
    /// A host name, or an IPv4 or IPv6 address without brackets.
    public var host: String
    /// A TCP port, 1 to 65535.
    public var port: Int

    /// Makes an address; nothing is looked up yet.
    public init(host: String, port: Int = 22) {
        self.host = host
        self.port = port
    }
}

extension Address: CustomStringConvertible {
    /// `host:port`, with an IPv6 address in brackets.
    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

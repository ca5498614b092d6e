/// A block as it lies in the ring's file: what tells it from remains of older ones and from what a power cut left.
///
/// Magic, length of the content (4 bytes), sequence number (8), CRC-32C of those two and the content (4); all little-endian.
public enum RingRecord {
    /// Bytes before the content.
    public static let headSize = 20
    private static let magic: [UInt8] = [0x52, 0x43, 0x54, 0x31]

    /// A record of a block.
    public static func encode(_ content: [UInt8], sequence: UInt64) -> [UInt8] {
        let middle = littleEndian(UInt64(content.count), byteCount: 4) + littleEndian(sequence, byteCount: 8)
        return magic + middle + littleEndian(UInt64(checksum([middle, content])), byteCount: 4) + content
    }

    /// Length of the content and sequence number, where a record may begin; nil where none does.
    public static func head(_ bytes: ArraySlice<UInt8>) -> (size: UInt64, sequence: UInt64)? {
        guard bytes.count >= headSize, bytes.starts(with: magic) else { return nil }
        let start = bytes.startIndex
        return (number(bytes[(start + 4)..<(start + 8)]), number(bytes[(start + 8)..<(start + 16)]))
    }

    /// The content of a record that is whole; nil where it is not.
    public static func content(_ bytes: [UInt8]) -> [UInt8]? {
        guard let head = head(bytes[...]), UInt64(bytes.count - headSize) >= head.size else { return nil }
        let content = Array(bytes[headSize..<headSize + Int(head.size)])
        guard UInt64(checksum([Array(bytes[4..<16]), content])) == number(bytes[16..<20]) else { return nil }
        return content
    }

    private static func littleEndian(_ value: UInt64, byteCount: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
        return bytes
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        return value
    }

    /// CRC-32C (Castagnoli; RFC 3720, appendix B.4), four bits at a time: the block that is open is copied every minute.
    static func checksum(_ pieces: [[UInt8]]) -> UInt32 {
        var crc: UInt32 = .max
        remainders.withUnsafeBufferPointer { remainders in
            for piece in pieces {
                piece.withUnsafeBufferPointer { bytes in
                    for index in 0..<bytes.count {
                        crc ^= UInt32(bytes[index])
                        crc = crc >> 4 ^ remainders[Int(crc & 15)]
                        crc = crc >> 4 ^ remainders[Int(crc & 15)]
                    }
                }
            }
        }
        return ~crc
    }

    /// What is left of four bits.
    private static let remainders: [UInt32] = [
        0x0000_0000, 0x105E_C76F, 0x20BD_8EDE, 0x30E3_49B1, 0x417B_1DBC, 0x5125_DAD3, 0x61C6_9362, 0x7198_540D,
        0x82F6_3B78, 0x92A8_FC17, 0xA24B_B5A6, 0xB215_72C9, 0xC38D_26C4, 0xD3D3_E1AB, 0xE330_A81A, 0xF36E_6F75,
    ]
}

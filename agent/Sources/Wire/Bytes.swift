// Copies of bytes, for the agent's build. Embedded Swift 6.3 compiles the copying of array elements to a loop over them, whatever they are,
// which takes 3 ns for each byte; these stand before the library's own for bytes, and copy memory.
#if hasFeature(Embedded)
    extension Array where Element == UInt8 {
        /// An array of the bytes of a buffer.
        public init(_ bytes: UnsafeBufferPointer<UInt8>) {
            self.init(unsafeUninitializedCapacity: bytes.count) { room, count in count = copy(bytes, into: room) }
        }

        /// An array of the bytes of a slice.
        public init(_ bytes: ArraySlice<UInt8>) { self = bytes.withUnsafeBufferPointer { [UInt8]($0) } }

        /// Adds bytes at the end.
        public mutating func append(contentsOf bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

        /// Adds bytes at the end.
        public mutating func append(contentsOf bytes: ArraySlice<UInt8>) { bytes.withUnsafeBufferPointer { append($0) } }

        private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
            if capacity - count < bytes.count {
                let old = self
                self = [UInt8](unsafeUninitializedCapacity: Swift.max(2 * old.count, old.count + bytes.count)) { room, count in
                    count = old.withUnsafeBufferPointer { copy($0, into: room) }
                }
            }
            append(addingCapacity: bytes.count) { span in
                span.withUnsafeMutableBufferPointer { room, count in
                    count += copy(bytes, into: UnsafeMutableBufferPointer(rebasing: room[count...]))
                }
            }
        }
    }

    private func copy(_ bytes: UnsafeBufferPointer<UInt8>, into room: UnsafeMutableBufferPointer<UInt8>) -> Int {
        guard let source = bytes.baseAddress, let target = room.baseAddress else { return 0 }
        UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: bytes.count)
        return bytes.count
    }

    /// Adds bytes at the end.
    public func += (left: inout [UInt8], right: [UInt8]) { left.append(contentsOf: right) }

    /// Adds bytes at the end.
    public func += (left: inout [UInt8], right: ArraySlice<UInt8>) { left.append(contentsOf: right) }
#endif

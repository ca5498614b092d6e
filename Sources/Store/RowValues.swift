internal import Foundation
internal import GRDB

/// Values of a row, checked: what stands in a file must not trap, whatever was done to the file.
extension Row {
    private func storage(_ column: String) -> DatabaseValue.Storage {
        let value: DatabaseValue = self[column]
        return value.storage
    }

    func optionalText(_ column: String) throws -> String? {
        switch storage(column) {
        case .string(let value): return value
        case .null: return nil
        default: throw StoreError(.corrupt, column)
        }
    }

    func optionalInteger(_ column: String) throws -> Int64? {
        switch storage(column) {
        case .int64(let value): return value
        case .null: return nil
        default: throw StoreError(.corrupt, column)
        }
    }

    func optionalBytes(_ column: String) throws -> [UInt8]? {
        switch storage(column) {
        case .blob(let value): return [UInt8](value)
        case .null: return nil
        default: throw StoreError(.corrupt, column)
        }
    }

    func text(_ column: String) throws -> String {
        guard let value = try optionalText(column) else { throw StoreError(.corrupt, column) }
        return value
    }

    func integer(_ column: String) throws -> Int64 {
        guard let value = try optionalInteger(column) else { throw StoreError(.corrupt, column) }
        return value
    }

    /// A number that is never negative where this program wrote it.
    func count(_ column: String) throws -> UInt64 {
        guard let value = UInt64(exactly: try integer(column)) else { throw StoreError(.corrupt, column) }
        return value
    }

    func optionalCount(_ column: String) throws -> UInt64? {
        try optionalInteger(column) == nil ? nil : try count(column)
    }

    func bytes(_ column: String) throws -> [UInt8] {
        guard let value = try optionalBytes(column) else { throw StoreError(.corrupt, column) }
        return value
    }

    /// One of the words of an enumeration.
    func word<Word: RawRepresentable>(_ column: String) throws -> Word where Word.RawValue == String {
        guard let word = Word(rawValue: try text(column)) else { throw StoreError(.corrupt, column) }
        return word
    }

    /// A list of texts, stored as JSON.
    func list(_ column: String) throws -> [String] {
        do {
            return try JSONDecoder().decode([String].self, from: Data(try text(column).utf8))
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.corrupt, column)
        }
    }
}

/// The JSON text of a value, as it is stored.
func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// Bytes as GRDB binds them.
func blob(_ bytes: [UInt8]) -> Data { Data(bytes) }

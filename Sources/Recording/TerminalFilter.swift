/// Lets through what a terminal only shows: text, SGR and cursor control (ECMA-48, and xterm's own). What it would do else, or answer to, is
/// left out: OSC with the clipboard and titles, DCS, APC, PM, SOS, reports, answer-back, mouse and function keys' definitions.
///
/// It takes the bytes as they come, cut anywhere, and gives the same for every way of cutting them. What it gives is well-formed UTF-8
/// without C1 controls; what is no UTF-8, and what turns text round, becomes U+FFFD.
public struct TerminalFilter: Sendable {
    private enum State {
        case ground
        /// After ESC.
        case escape
        /// After ESC and intermediate bytes.
        case designation
        /// In a control sequence.
        case sequence
        /// In an OSC, DCS, APC, PM or SOS, which ends with its terminator or its line.
        case string
    }

    private var state = State.ground
    /// Bytes of the sequence so far, without its introducer.
    private var collected: [UInt8] = []
    /// Whether the sequence is left out, whatever it is.
    private var isUnwanted = false
    /// The first bytes of a character.
    private var character: [UInt8] = []
    private var characterLength = 0
    /// What a shell that breaks off would leave the terminal in.
    private var privateModes: Set<Int> = []
    private var hasKeypad = false
    private var hasMargins = false
    private var isInserting = false

    private static let lengthLimit = 64
    /// What has no place in text that is to be read as it was meant: marks that turn it round.
    private static let turning: [ClosedRange<UInt32>] = [0x61C...0x61C, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069]
    /// Private modes: cursor keys, origin, autowrap, blinking, cursor, alternate screens, saved cursor, bracketed paste.
    private static let modes: Set<Int> = [1, 6, 7, 12, 25, 47, 1_047, 1_048, 1_049, 2_004]
    /// Those that are on in a terminal's usual state.
    private static let usualModes: Set<Int> = [7, 25]
    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    /// A filter at the beginning of what it filters.
    public init() { privateModes = Self.usualModes }

    /// Takes the next bytes, and gives what may be shown.
    public mutating func take(_ bytes: [UInt8]) -> [UInt8] {
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count)
        for byte in bytes { take(byte, &shown) }
        return shown
    }

    /// Ends it, and gives what brings a terminal back to its usual state.
    public mutating func finish() -> [UInt8] {
        var shown = character.isEmpty || state == .string ? [] : Self.replacement
        var changes = ""
        if hasMargins { changes += "\u{1B}7\u{1B}[r\u{1B}8" }
        if isInserting { changes += "\u{1B}[4l" }
        if hasKeypad { changes += "\u{1B}>" }
        for mode in privateModes.symmetricDifference(Self.usualModes).sorted() {
            changes += "\u{1B}[?\(mode)\(Self.usualModes.contains(mode) ? "h" : "l")"
        }
        shown += Array((changes + "\u{1B}[0m\u{1B}(B\u{0F}").utf8)
        self = TerminalFilter()
        return shown
    }

    // MARK: Characters

    private mutating func take(_ byte: UInt8, _ shown: inout [UInt8]) {
        if !character.isEmpty {
            if Self.isNext(byte, after: character) {
                character.append(byte)
                if character.count == characterLength { take(character: character, &shown) }
                return
            }
            character = []
            take(scalar: nil, [], &shown)
        }
        switch byte {
        case 0..<0x80: take(ascii: byte, &shown)
        // A C1 control in a single byte, as terminals without UTF-8 know it.
        case 0x80...0x9F: take(control: byte, &shown)
        case 0xC2...0xDF: (character, characterLength) = ([byte], 2)
        case 0xE0...0xEF: (character, characterLength) = ([byte], 3)
        case 0xF0...0xF4: (character, characterLength) = ([byte], 4)
        default: take(scalar: nil, [], &shown)
        }
    }

    /// Whether a byte continues a well-formed character (Unicode 15, table 3-7).
    private static func isNext(_ byte: UInt8, after start: [UInt8]) -> Bool {
        if start.count > 1 { return 0x80...0xBF ~= byte }
        switch start[0] {
        case 0xE0: return 0xA0...0xBF ~= byte
        case 0xED: return 0x80...0x9F ~= byte
        case 0xF0: return 0x90...0xBF ~= byte
        case 0xF4: return 0x80...0x8F ~= byte
        default: return 0x80...0xBF ~= byte
        }
    }

    private mutating func take(character bytes: [UInt8], _ shown: inout [UInt8]) {
        character = []
        var value = UInt32(bytes[0]) & (bytes.count == 2 ? 0x1F : bytes.count == 3 ? 0x0F : 0x07)
        for byte in bytes.dropFirst() { value = value << 6 | UInt32(byte & 0x3F) }
        if value < 0xA0 { return take(control: UInt8(value), &shown) }
        take(scalar: value, bytes, &shown)
    }

    /// A character beyond ASCII; nil for what is none.
    private mutating func take(scalar: UInt32?, _ bytes: [UInt8], _ shown: inout [UInt8]) {
        if state == .string { return }
        state = .ground
        let isText = scalar.map { value in !Self.turning.contains { $0.contains(value) } } ?? false
        shown += isText ? bytes : Self.replacement
    }

    /// A C1 control, which is left out with all that it introduces.
    private mutating func take(control: UInt8, _ shown: inout [UInt8]) {
        if state == .string, control != 0x9C { return }
        switch control {
        case 0x9B: (state, collected, isUnwanted) = (.sequence, [], true)
        case 0x90, 0x98, 0x9D, 0x9E, 0x9F: state = .string
        default: state = .ground
        }
    }

    // MARK: Sequences

    private mutating func take(ascii byte: UInt8, _ shown: inout [UInt8]) {
        if byte < 0x20 || byte == 0x7F { return take(c0: byte, &shown) }
        switch state {
        case .ground: shown.append(byte)
        case .string: break
        case .escape: escape(byte, &shown)
        case .designation:
            if byte < 0x30 {
                if collected.count < Self.lengthLimit { collected.append(byte) }
                return
            }
            state = .ground
            // ASCII, the United Kingdom's, and lines: what programs draw boxes with.
            let isPlain = collected == [0x28] || collected == [0x29]
            if isPlain, [0x30, 0x41, 0x42].contains(byte) { shown += [0x1B] + collected + [byte] }
        case .sequence:
            if byte < 0x40 {
                if collected.count < Self.lengthLimit { collected.append(byte) } else { isUnwanted = true }
                return
            }
            state = .ground
            if !isUnwanted, let sequence = allowed(byte) { shown += [0x1B, 0x5B] + sequence }
        }
    }

    private mutating func take(c0 byte: UInt8, _ shown: inout [UInt8]) {
        switch byte {
        case 0x1B: state = .escape
        case 0x07 where state == .string, 0x18, 0x1A: state = .ground
        case 0x07...0x0F:
            if state == .string, byte != 0x0A { return }
            // A control within a sequence is obeyed at once by terminals; here it ends the sequence.
            state = .ground
            shown.append(byte)
        default: if state != .string, byte != 0x7F { state = .ground }
        }
    }

    private mutating func escape(_ byte: UInt8, _ shown: inout [UInt8]) {
        state = .ground
        switch byte {
        case 0x5B: (state, collected, isUnwanted) = (.sequence, [], false)
        case 0x50, 0x58, 0x5D, 0x5E, 0x5F: state = .string
        case 0x20...0x2F: (state, collected) = (.designation, [byte])
        // Save and restore the cursor, index, next line, tabulator, reverse index, keypad.
        case 0x37, 0x38, 0x44, 0x45, 0x48, 0x4D, 0x3D, 0x3E:
            if byte == 0x3D || byte == 0x3E { hasKeypad = byte == 0x3D }
            shown += [0x1B, byte]
        default: break
        }
    }

    /// The sequence as it may be shown, without its introducer; nil where nothing of it may.
    private mutating func allowed(_ final: UInt8) -> [UInt8]? {
        let letter = Character(Unicode.Scalar(final))
        if collected.first == 0x3F, letter == "h" || letter == "l" { return privateMode(letter) }
        if collected == [0x21], letter == "p" {
            (privateModes, hasKeypad, hasMargins, isInserting) = (Self.usualModes, false, false, false)
            return collected + [final]
        }
        if collected.last == 0x20, letter == "q", Self.numbers(collected.dropLast())?.count == 1 { return collected + [final] }
        if letter == "m" {
            return Self.numbers(collected.map { $0 == 0x3A ? 0x3B : $0 }[...]) == nil ? nil : collected + [final]
        }
        guard let numbers = Self.numbers(collected[...]) else { return nil }
        switch letter {
        case "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "P", "S", "X", "Z", "@", "`", "a", "b", "d", "e", "f", "g":
            break
        // With five numbers this would follow the mouse.
        case "T": if numbers.count > 1 { return nil }
        case "r": hasMargins = true
        case "s", "u": if !collected.isEmpty { return nil }
        case "h", "l":
            guard numbers == [4] else { return nil }
            isInserting = letter == "h"
            return [0x34, final]
        default: return nil
        }
        return collected + [final]
    }

    /// Numbers between semicolons, 0 where there is none; nil where something else stands there, or one is too long for any terminal.
    private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int]? {
        var numbers: [Int] = []
        for part in bytes.split(separator: 0x3B, omittingEmptySubsequences: false) {
            guard part.count <= 5, part.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
            numbers.append(part.reduce(0) { $0 * 10 + Int($1 - 0x30) })
        }
        return numbers
    }

    private mutating func privateMode(_ letter: Character) -> [UInt8]? {
        guard let asked = Self.numbers(collected.dropFirst()) else { return nil }
        let modes = asked.filter { Self.modes.contains($0) }
        if modes.isEmpty { return nil }
        if letter == "h" { privateModes.formUnion(modes) } else { privateModes.subtract(modes) }
        return Array("?\(modes.map(String.init).joined(separator: ";"))\(letter)".utf8)
    }
}

/// Text of a device as it may be shown to people: on one line, without characters that move the cursor, hide, reverse or join text,
/// and not longer than `limit` characters.
///
/// Every text of a device passes here before a person sees it. Whatever Unicode calls control, format, private, unassigned or a line
/// separator is written as `\u{…}`, and of a heap of combining marks only the first four are kept.
///
/// - Parameters:
///   - text: What the device said.
///   - limit: Characters shown at most; an ellipsis stands for the rest.
public func displayed(_ text: String, limit: Int = 240) -> String {
    var shown = String.UnicodeScalarView()
    var count = 0
    var marks = 0
    for scalar in text.unicodeScalars {
        if count >= limit {
            shown.append("…")
            break
        }
        let isMark = [.nonspacingMark, .enclosingMark, .spacingMark].contains(scalar.properties.generalCategory)
        marks = isMark ? marks + 1 : 0
        if marks > 4 { continue }
        if isDisplayable(scalar) {
            shown.append(scalar)
            count += 1
        } else {
            let escape = "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            shown.append(contentsOf: escape.unicodeScalars)
            count += escape.unicodeScalars.count
        }
    }
    return String(shown)
}

/// Whether a character is only seen: it neither moves the cursor, nor hides, reverses or joins text.
public func isDisplayable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isDefaultIgnorableCodePoint { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return false
    default: return true
    }
}

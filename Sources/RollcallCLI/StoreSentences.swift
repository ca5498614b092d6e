internal import Diagnosis
internal import Store

extension CommandFailure {
    /// What went wrong in the store.
    ///
    /// - Parameter what: What was looked for, where that is a device or a call: "device kiosk-1".
    init(_ error: StoreError, what: String? = nil) {
        let subject = displayed(error.subject)
        switch error.code {
        case .locked:
            self.init(
                .storeLocked, kind: "store-locked", "The store \(subject) is locked by another process; nothing was recorded.",
                next: "Wait for the other rollcall to finish, then try again.")
        case .full:
            self.init(
                .storeFull, kind: "store-full", "The store \(subject) cannot be written, because its disk is full; nothing was recorded.",
                next: "Free some space, then try again; what was recorded before is whole.")
        case .readOnly:
            self.init(
                .storeFull, kind: "store-read-only", "The store \(subject) cannot be written; nothing was recorded.",
                next: "Check its permissions, or name another folder with ROLLCALL_DATA.")
        case .io:
            self.init(
                .storeFull, kind: "store-io", "The store \(subject) cannot be read or written.",
                next: "Check the disk and the folder's permissions.")
        case .corrupt:
            self.init(
                .storeUnusable, kind: "store-corrupt", "The store \(subject) is damaged.",
                next: "Keep the file, restore a backup, and compare with `rollcall audit verify`.")
        case .foreign:
            self.init(
                .storeUnusable, kind: "store-foreign", "\(subject) is a database of another program.",
                next: "Name another folder with ROLLCALL_DATA.")
        case .newerVersion:
            self.init(
                .storeUnusable, kind: "store-newer", "The store was written by a newer version of Rollcall (schema \(subject)).",
                next: "Use that version.")
        case .signingKey:
            self.init(
                .storeUnusable, kind: "signing-key", "The desk's signing key \(subject) is missing, unreadable, or not this store's.",
                next: "Restore the key file that belongs to the store, readable by you alone (mode 600).")
        case .notFound:
            self.init(
                .notFound, kind: "not-found", "There is no \(what ?? subject).",
                next: Self.listing(what ?? ""))
        case .duplicate:
            self.init(.badData, kind: "duplicate", "There is a \(what ?? subject) already.", next: "Choose another name.")
        case .wrongState:
            self.init(
                .badData, kind: "wrong-state", "\(what ?? subject) has ended already, or has not ended yet.",
                next: "`rollcall calls list` shows how calls stand.")
        case .invalid:
            self.init(
                .usage, kind: "invalid", "\"\(subject)\" may not be recorded\(what.map { " as \($0)" } ?? "").",
                next: "Write it shorter, and without control characters.")
        default:
            self.init(.internalError, kind: "store", "The store said: \(subject).", next: "Please report this.")
        }
    }

    /// Where to look for what there is.
    private static func listing(_ what: String) -> String {
        switch what.split(separator: " ").first {
        case "call": "`rollcall calls list` shows those there are."
        case "operator": "`rollcall operator list` shows those there are."
        case "entry": "`rollcall audit list` shows those there are."
        default: "`rollcall device list` shows those there are; `rollcall device add` adds one."
        }
    }
}

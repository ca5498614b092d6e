/// An error number of Linux.
public struct Errno: Error, Equatable, Sendable {
    /// The number, as errno(3) has it on every architecture the agent is built for.
    public let rawValue: Int32
    /// Makes an error of its number.
    public init(rawValue: Int32) { self.rawValue = rawValue }
    /// No such file or directory.
    public static let noEntry = Errno(rawValue: 2)
    /// Not permitted.
    public static let notPermitted = Errno(rawValue: 1)
    /// The permissions do not allow it.
    public static let access = Errno(rawValue: 13)
    /// The file is larger than it may be.
    public static let tooLarge = Errno(rawValue: 27)
    /// What arrived is not what was announced.
    public static let badMessage = Errno(rawValue: 74)
    /// The user's share of the disk is used up.
    public static let quota = Errno(rawValue: 122)
    /// It was cancelled.
    public static let cancelled = Errno(rawValue: 125)
    /// Input or output error.
    public static let inputOutput = Errno(rawValue: 5)
    /// Nothing ready now.
    public static let again = Errno(rawValue: 11)
    /// It is there already.
    public static let exists = Errno(rawValue: 17)
    /// Not a descriptor, or not of the kind that is wanted.
    public static let badDescriptor = Errno(rawValue: 9)
    /// Invalid argument; for a file, not a regular one.
    public static let invalid = Errno(rawValue: 22)
    /// No directory where one is wanted; a symbolic link where none is followed, too.
    public static let notDirectory = Errno(rawValue: 20)
    /// A directory.
    public static let isDirectory = Errno(rawValue: 21)
    /// No space left.
    public static let noSpace = Errno(rawValue: 28)
    /// The reader is gone.
    public static let brokenPipe = Errno(rawValue: 32)
    /// A symbolic link where none is followed.
    public static let symlink = Errno(rawValue: 40)
    /// It did not answer in time.
    public static let timedOut = Errno(rawValue: 110)
}

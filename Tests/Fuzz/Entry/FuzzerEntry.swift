import FuzzTargets

#if canImport(Glibc)
    import Glibc
#endif

/// The target that `ROLLCALL_FUZZ_TARGET` names; scripts/fuzz sets it.
private let target: FuzzTarget? = getenv("ROLLCALL_FUZZ_TARGET").flatMap { FuzzTarget.named(String(cString: $0)) }

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let target else { fatalError("ROLLCALL_FUZZ_TARGET names no target") }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    if !target.holds(input) { fatalError("a property of \(target.name) does not hold") }
    return 0
}

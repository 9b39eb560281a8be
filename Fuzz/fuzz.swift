/// libFuzzer's entry: the first byte chooses the parser, the others are what it reads.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let parser = EveryParser.allCases[Int(start[0]) % EveryParser.allCases.count]
    // A copy of exactly this size, so that the address sanitizer sees a read past the end.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count - 1, alignment: 1)
    defer { copy.deallocate() }
    copy.copyMemory(from: UnsafeRawBufferPointer(start: start + 1, count: count - 1))
    parser.run(UnsafeRawBufferPointer(copy))
    return 0
}

// Shared with the fuzzer, which compiles the parsers and this file into one module.
#if canImport(ProcFS)
    @testable import ProcFS
#endif

/// Every parser of ProcFS over any bytes, with what is derived from its results.
enum EveryParser: UInt8, CaseIterable {
    case threadStat, status, schedulerCounters, schedulerState, systemCall, kernelStack
    case fileLocks, descriptorInfo, memoryMap, messageQueues
    case controlGroupMounts, controlGroupMemberships, ioUring
    case unixTable, unixDiagnostics, internetDiagnostics, netlinkAttributes, unixName, cursor

    /// Parses; returns a number that depends on everything that was found, so that nothing is optimised away.
    @discardableResult func run(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch self {
        case .threadStat: return ThreadStat(bytes)?.hashValue ?? 0
        case .status:
            let status = Status(bytes)
            return status.hashValue ^ Int(status.innermostID ?? 0)
        case .schedulerCounters: return SchedulerCounters(bytes)?.hashValue ?? 0
        case .schedulerState: return SchedulerState(bytes).hashValue
        case .systemCall:
            guard let state = SystemCallState(bytes) else { return 0 }
            guard case .inside(let call) = state else { return state.hashValue }
            return (0..<6).reduce(Int(call.number)) { $0 ^ Int(truncatingIfNeeded: call[$1]) }
        case .kernelStack: return KernelStack.functions(bytes).hashValue
        case .fileLocks:
            let locks = FileLock.table(bytes)
            var result = locks.hashValue
            for a in locks.prefix(8) { for b in locks.prefix(8) where a.conflicts(with: b) { result ^= a.fileIdentity.utf8.count } }
            return result
        case .descriptorInfo:
            let info = DescriptorInfo(bytes)
            return info.hashValue ^ (info.canRead ? 1 : 0) ^ (info.canWrite ? 2 : 0) ^ (info.isNonBlocking ? 4 : 0)
        case .memoryMap:
            let table = MemoryMapping.table(bytes)
            return table.reduce(table.hashValue) { $0 ^ (table.mapping(at: $1.start)?.hashValue ?? 1) }
        case .controlGroupMounts: return ControlGroupMount.table(bytes).hashValue
        case .controlGroupMemberships: return ControlGroupMembership.table(bytes).hashValue
        case .ioUring: return IOUringInfo(bytes).hashValue
        case .messageQueues: return MessageQueue.table(bytes).hashValue
        case .unixTable: return UnixSocket.parseTable(bytes).hashValue
        case .unixDiagnostics:
            var sockets: [UnixSocket] = []
            let ended = UnixSocket.parseDiagnostics(bytes, into: &sockets)
            return sockets.hashValue ^ (ended ? 1 : 0)
        case .internetDiagnostics:
            var sockets: [InternetSocket] = []
            let ended = InternetSocket.parseDiagnostics(bytes, transport: 6, into: &sockets)
            return sockets.reduce(ended ? 1 : 0) { $0 ^ $1.local.description.utf8.count ^ $1.remote.description.utf8.count }
        case .netlinkAttributes:
            var sum = 0
            NetlinkMessages.forEachAttribute(in: bytes) { sum &+= Int($0) &+ $1.count }
            return sum
        case .unixName: return UnixSocket.name(bytes)?.utf8.count ?? -1
        case .cursor: return Self.walk(bytes)
        }
    }

    /// Calls every method of the cursor in an order that the bytes themselves choose.
    private static func walk(_ bytes: UnsafeRawBufferPointer) -> Int {
        var cursor = ByteCursor(bytes)
        var sum = 0
        while let choice = cursor.peek {
            let before = cursor.position
            switch choice & 7 {
            case 0: sum &+= Int(truncatingIfNeeded: cursor.unsigned() ?? 1)
            case 1: sum &+= Int(truncatingIfNeeded: cursor.unsigned(base: 16) ?? 1)
            case 2: sum &+= Int(truncatingIfNeeded: cursor.signed() ?? 1)
            case 3: sum &+= Int(cursor.int32() ?? 1)
            case 4: sum &+= cursor.word().count
            case 5: sum &+= cursor.until(choice ^ 1)?.count ?? 1
            case 6: sum &+= cursor.line()?.count ?? 1
            default: cursor.skipBlanks()
            }
            precondition(cursor.position >= before && cursor.position <= bytes.count, "a cursor never moves back or past the end")
            if cursor.position == before { _ = cursor.skip(choice) }
        }
        return sum
    }
}

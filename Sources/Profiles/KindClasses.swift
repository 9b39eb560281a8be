import WaitModel

/// Whether somebody usually wants a wait of this kind to end now: a lock, a full buffer, an unanswered call.
func isDemandKind(_ kind: String) -> Bool {
    guard let kind = WaitKind(rawValue: kind) else { return false }
    return switch kind {
    case .futexMutex, .futexRwlock, .futexOnce, .sysvMessageSend, .posixQueueSend, .pipeWrite, .fifoOpenWrite, .unixConnect, .unixSend,
        .tcpConnect, .tcpSend, .fileLockFlock, .fileLockPOSIX, .fileLockOFD, .fileLease, .inodeLock, .diskIO, .filesystemFrozen, .fuse,
        .nfs,
        .pageFault, .vfork, .execWait, .eventfdWrite, .ttyWrite, .memcgOOM, .memoryThrottled:
        true
    default: false
    }
}

/// Whether a thread of this kind is held by a stop, or dead.
func isStopKind(_ kind: String) -> Bool {
    switch WaitKind(rawValue: kind) {
    case .jobControlStop, .ptraceStop, .frozen, .zombie: true
    default: false
    }
}

/// Whether a wait of this kind takes what others put there; the answer's counterpart is the kind in which they wait for it.
func consumedKinds(_ kind: String) -> Set<String> {
    switch WaitKind(rawValue: kind) {
    case .sysvMessageReceive: [WaitKind.sysvMessageSend.rawValue]
    case .posixQueueReceive: [WaitKind.posixQueueSend.rawValue]
    case .pipeRead: [WaitKind.pipeWrite.rawValue]
    case .unixReceive: [WaitKind.unixSend.rawValue]
    case .unixAccept: [WaitKind.unixConnect.rawValue]
    case .tcpAccept: [WaitKind.tcpConnect.rawValue]
    default: []
    }
}

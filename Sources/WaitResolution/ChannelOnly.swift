import Evidence
import KernelFacts
import WaitModel

/// What the kernel function alone tells, where system call or descriptor may not be read or say no more. It names a kind only
/// where the function serves no other; parties only where they are public.
enum ChannelOnly: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, let family = WaitChannels.family(of: channel) else { return nil }
        if family == .child, thread.callName == nil { return Children.byChannel(thread, on: host) }
        let kind = kind(family, channel: channel, call: thread.callName)
        guard kind != .unknown else { return nil }
        let (outside, deadEnd, mobility) = ending(kind)
        return Wait(
            kind: kind,
            release: Release(
                .any,
                [
                    Party(
                        .outside(outside), role: "unknown", certainty: .possible,
                        because: "the kernel function \(channel) is all that is known")
                ]),
            mobility: mobility, deadEnd: deadEnd, isDemand: demands.contains(kind), description: text(kind, channel))
    }

    /// The kind that a channel stands for, with the system call where it is known.
    static func kind(_ family: WaitFamily, channel: String, call: String?) -> WaitKind {
        let sends = call.map { ["write", "writev", "send", "sendto", "sendmsg", "sendmmsg"].contains($0) } ?? channel.contains("send")
        switch family {
        case .futex: return .futexOther
        case .sysvMessages: return channel.contains("snd") ? .sysvMessageSend : .sysvMessageReceive
        case .sysvSemaphores: return .sysvSemaphore
        case .posixQueue: return call == "mq_timedsend" ? .posixQueueSend : call == "mq_timedreceive" ? .posixQueueReceive : .unknown
        case .pipe:
            if channel.hasSuffix("read") || channel.hasSuffix("readable") { return .pipeRead }
            if channel.hasSuffix("write") || channel.hasSuffix("writable") || channel == "wait_for_space" { return .pipeWrite }
            return call == "read" || call == "readv" ? .pipeRead : call == "write" || call == "writev" ? .pipeWrite : .unknown
        case .unix:
            // unix_wait_for_peer is a stream connect or a datagram send.
            if channel == "unix_wait_for_peer" { return call == "connect" ? .unixConnect : call == nil ? .socketOther : .unixSend }
            if channel.contains("accept") { return .unixAccept }
            return sends
                ? .unixSend
                : channel.contains("read") || channel.contains("recv") || channel.contains("data_wait") ? .unixReceive : .socketOther
        case .inet:
            if channel == "inet_csk_accept" { return .tcpAccept }
            if channel.contains("udp") { return .udpReceive }
            return .socketOther
        case .socket: return .socketOther
        case .fileLock:
            return channel.contains("flock") && !channel.contains("fcntl") ? .fileLockFlock : call == "flock" ? .fileLockFlock : .unknown
        case .lease: return .fileLease
        case .inodeLock: return .inodeLock
        case .child: return .childExit
        case .sleep: return .sleep
        case .pause: return .pause
        case .signalWait: return .signalWait
        case .poll: return channel.contains("select") ? .select : call == nil || call?.contains("poll") == true ? .poll : .select
        case .epoll: return .epoll
        case .ioUring: return .ioUring
        case .eventfd: return sends ? .eventfdWrite : .eventfdRead
        case .signalfd: return .signalfdRead
        case .timerfd: return .timerfdRead
        case .inotify: return .inotifyRead
        case .fanotify: return .fanotify
        case .seccomp: return .seccompNotify
        case .tty: return sends ? .ttyWrite : .ttyRead
        case .disk: return .diskIO
        case .fuse: return .fuse
        case .nfs: return .nfs
        case .kernelWorker: return .kernelWorker
        case .frozenFileSystem: return .filesystemFrozen
        case .vfork, .exec, .fifoOpen, .stop, .ptrace, .freezer, .pageFault, .memoryControl, .cpu, .exit, .device, .ambiguous:
            return .unknown
        }
    }

    private static let demands: Set<WaitKind> = [
        .sysvMessageSend, .pipeWrite, .unixConnect, .unixSend, .fileLockFlock, .inodeLock, .diskIO, .fuse, .nfs, .filesystemFrozen,
        .seccompNotify,
    ]

    private static func ending(_ kind: WaitKind) -> (Outside, Cause, Mobility) {
        switch kind {
        case .sleep: (.timer, .sleeping, .free(.sleeping))
        case .diskIO: (.device, .diskIO, .waiting)
        case .poll, .select, .epoll, .unixAccept, .tcpAccept, .pause, .signalWait, .signalfdRead, .inotifyRead, .kernelWorker,
            .sysvMessageReceive:
            (.newWork, .idle, .waiting)
        case .ttyRead: (.person, .idle, .waiting)
        case .udpReceive: (.network, .idle, .waiting)
        case .timerfdRead: (.timer, .timer, .waiting)
        default: (.unnamed, .unknown, .waiting)
        }
    }

    private static func text(_ kind: WaitKind, _ channel: String) -> String {
        switch kind {
        case .sleep: "sleeps"
        case .pipeRead: "reads from a pipe"
        case .pipeWrite: "writes to a full pipe"
        case .sysvMessageSend: "sends to a System V message queue"
        case .sysvMessageReceive: "waits for a message on a System V message queue"
        case .unixReceive: "waits for data on a Unix socket"
        case .unixAccept: "waits for a client on a Unix socket"
        case .fileLockFlock: "waits for a flock"
        case .poll, .select, .epoll: "waits for any of several descriptors (\(kind.rawValue))"
        case .futexOther: "waits on a futex"
        case .pause, .signalWait: "waits for a signal"
        case .diskIO: "waits for a disk or another block device (\(channel))"
        case .socketOther: "waits on a socket (\(channel))"
        case .ttyRead: "waits for input from a terminal"
        default: "waits in kernel function \(channel)"
        }
    }
}

@testable import Profiles

/// A thread of `statusd`, unless told otherwise.
func thread(
    _ name: String, _ kind: String, _ resource: String? = nil, pid: Int32 = 306, tid: Int32, process: String = "statusd",
    channel: String? = nil,
    call: String? = nil, seconds: Double? = nil, parties: [PartyNumbers] = [], looks: [String] = [], moved: Bool = false
) -> PictureThread {
    PictureThread(
        pid: pid, tid: tid, process: process, thread: name, executable: "/usr/sbin/" + process, kind: kind, channel: channel,
        systemCall: call,
        resource: resource, blockedSeconds: seconds, parties: parties,
        looks: looks.isEmpty
            ? [PictureLook(kind: kind, channel: channel, resource: resource, count: 5)]
            : looks.map { PictureLook(kind: $0, channel: nil, resource: resource, count: 2) },
        moved: moved)
}

func picture(_ threads: [PictureThread], targets: [String] = ["statusd"]) -> Picture {
    Picture(hostname: "device-17", kernelRelease: "6.1", observedAt: "2026-01-31T10:00:00.000Z", targets: targets, threads: threads)
}

func compare(_ healthy: [PictureThread], _ sick: [PictureThread]) -> Comparison {
    Comparison(healthy: picture(healthy), sick: picture(sick))
}

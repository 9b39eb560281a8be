import Evidence
import ProcFS
import Testing
import WaitModel

@testable import WaitResolution

private let id = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d0123"
private let pod = "6f1c2d3e-1111-2222-3333-444455556666"

private let slicePod = "6f1c2d3e_1111_2222_3333_444455556666"

@Suite struct ContainerNameTests {
    @Test(arguments: [
        ("/docker/\(id)", "docker:1a2b3c4d5e6f"),
        ("/system.slice/docker-\(id).scope", "docker:1a2b3c4d5e6f"),
        ("/docker/\(id)/init.scope", "docker:1a2b3c4d5e6f"),
        ("/machine.slice/libpod-\(id).scope/container", "podman:1a2b3c4d5e6f"),
        ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope", "podman:1a2b3c4d5e6f"),
        ("/libpod_parent/libpod-\(id)", "podman:1a2b3c4d5e6f"),
        ("/default/\(id)", "containerd:1a2b3c4d5e6f"),
        ("/system.slice/nerdctl-\(id).scope", "containerd:1a2b3c4d5e6f"),
        (
            "/system.slice/containerd.service/kubepods-burstable-pod\(slicePod).slice:cri-containerd:\(id)",
            "containerd:1a2b3c4d5e6f"
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod\(slicePod).slice/crio-\(id).scope",
            "cri-o:1a2b3c4d5e6f pod:\(pod)"
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(slicePod).slice/cri-containerd-\(id).scope",
            "containerd:1a2b3c4d5e6f pod:\(pod)"
        ),
        ("/kubepods.slice/kubepods-pod\(slicePod).slice/docker-\(id).scope", "docker:1a2b3c4d5e6f pod:\(pod)"),
        ("/kubepods/burstable/pod\(pod)/\(id)", "container:1a2b3c4d5e6f pod:\(pod)"),
        ("/kubepods/pod\(pod)/crio-\(id)", "cri-o:1a2b3c4d5e6f pod:\(pod)"),
        ("/lxc.payload.web/system.slice/nginx.service", "lxc:web"),
        ("/lxc/web", "lxc:web"),
        ("/machine.slice/systemd-nspawn@build.service/payload", "nspawn:build"),
        ("/machine.slice/machine-build\\x2done.scope", "nspawn:build-one"),
        ("/\(id)", "container:1a2b3c4d5e6f"),
    ])
    func containers(path: String, name: String) {
        #expect(ContainerName(cgroupPath: path)?.description == name)
    }

    @Test(arguments: [
        "/", "", "/system.slice/sshd.service", "/user.slice/user-1000.slice/session-4.scope", "/init.scope",
        "/system.slice/docker.service", "/machine.slice/libpod-conmon-\(id).scope", "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
        "/docker/1a2b3c", "/kubepods/burstable", "/process/41737c2aac2742910d6370488f664597", "/docker/\(id.uppercased())",
    ])
    func noContainers(path: String) { #expect(ContainerName(cgroupPath: path) == nil) }

    @Test func units() {
        #expect(ContainerName.systemdUnit(cgroupPath: "/system.slice/sshd.service") == "sshd.service")
        #expect(ContainerName.systemdUnit(cgroupPath: "/system.slice/system-getty.slice/getty@tty1.service") == "getty@tty1.service")
        #expect(ContainerName.systemdUnit(cgroupPath: "/user.slice/a\\x2db.scope/x") == "a-b.scope")
        #expect(ContainerName.systemdUnit(cgroupPath: "/") == nil)
    }
}

/// Recorded trees of cgroups: what a kernel shows of hangs that this machine may not be able to make.
@Suite struct ControlGroupTests {
    private func tree(_ mounts: String) throws -> RecordedTree {
        let tree = try RecordedTree()
        try tree.write("self/mountinfo", mounts)
        return tree
    }

    private let unified = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    private let old = "41 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"

    @Test func frozenAboveByTheUnifiedHierarchy() throws {
        let tree = try tree(unified)
        try tree.thread(300, channel: "do_freezer_trap", call: call(230, 0, 0))
        try tree.write("300/task/300/cgroup", "0::/a/b\n")
        try tree.write("sys/fs/cgroup/a/b/cgroup.events", "populated 1\nfrozen 1\n")
        try tree.write("sys/fs/cgroup/a/b/cgroup.freeze", "0\n")
        try tree.write("sys/fs/cgroup/a/cgroup.freeze", "1\n")
        let wait = try tree.wait(300)
        #expect(wait.kind == .frozen)
        #expect(wait.mobility == .held(.frozen))
        #expect(wait.isKillable)
        #expect(wait.description == "is frozen by cgroup /sys/fs/cgroup/a; it was in clock_nanosleep")
    }

    @Test func theSameChannelInAGroupThatIsNotFrozen() throws {
        let tree = try tree(unified)
        try tree.thread(300, channel: "get_signal", call: call(230, 0, 0))
        try tree.write("300/task/300/cgroup", "0::/a\n")
        try tree.write("sys/fs/cgroup/a/cgroup.events", "populated 1\nfrozen 0\n")
        try tree.write("sys/fs/cgroup/a/cgroup.freeze", "0\n")
        #expect(try tree.wait(300).kind != .frozen)
    }

    @Test(arguments: [
        ("FROZEN", "hrtimer_nanosleep", true), ("FREEZING", "hrtimer_nanosleep", false), ("FREEZING", "__refrigerator", true),
        ("THAWED", "hrtimer_nanosleep", false),
    ])
    func frozenByV1(state: String, channel: String, isFrozen: Bool) throws {
        let tree = try tree(old)
        try tree.thread(300, state: "D", channel: channel, call: call(230, 0, 0))
        try tree.write("300/task/300/cgroup", "6:freezer:/a\n0::/\n")
        try tree.write("sys/fs/cgroup/freezer/a/freezer.state", state + "\n")
        try tree.write("sys/fs/cgroup/freezer/a/freezer.self_freezing", state == "THAWED" ? "0\n" : "1\n")
        let wait = try tree.wait(300)
        #expect((wait.kind == .frozen) == isFrozen)
        if isFrozen { #expect(!wait.isKillable) }
    }

    @Test func groupsOfAContainerLieBelowItsMount() throws {
        let tree = try tree("30 25 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
        try tree.thread(300, channel: "get_signal", call: call(230, 0, 0))
        try tree.write("300/task/300/cgroup", "0::/docker/abc/job\n")
        try tree.write("sys/fs/cgroup/job/cgroup.events", "frozen 1\n")
        try tree.write("sys/fs/cgroup/job/cgroup.freeze", "1\n")
        #expect(try tree.wait(300).description.hasPrefix("is frozen by cgroup /sys/fs/cgroup/job"))
        // One outside it is not to be seen.
        try tree.thread(301, channel: "get_signal", call: call(230, 0, 0))
        try tree.write("301/task/301/cgroup", "0::/../other\n")
        #expect(try tree.wait(301).kind != .frozen)
    }

    @Test func slowedDownByMemoryHigh() throws {
        let tree = try tree(unified)
        try tree.thread(300, state: "D", channel: "mem_cgroup_handle_over_high", call: "-1 0x7ffd00001000 0x7f0000001234")
        try tree.write("300/task/300/cgroup", "0::/a/b\n")
        for (file, value) in [("a/memory.current", "11534336"), ("a/memory.high", "10485760"), ("a/memory.max", "max")] {
            try tree.write("sys/fs/cgroup/\(file)", value + "\n")
        }
        for (file, value) in [("b/memory.current", "1048576"), ("b/memory.high", "max"), ("b/memory.max", "max")] {
            try tree.write("sys/fs/cgroup/a/\(file)", value + "\n")
        }
        let wait = try tree.wait(300)
        #expect(wait.kind == .memoryThrottled)
        #expect(wait.mobility == .free(.memoryLimit))
        #expect(wait.resource?.name == "memory-limit:/sys/fs/cgroup/a")
        #expect(wait.description.contains("11 MiB, more than its memory.high of 10 MiB"))
    }

    @Test func executionWaitsForEveryOtherThread() throws {
        let tree = try RecordedTree()
        try tree.thread(300, state: "D", channel: "begin_new_exec", call: call(59))
        try tree.thread(300, 301, state: "D", channel: "folio_wait_bit", call: call(0, 3))
        try tree.thread(300, 302, state: "Z")
        let wait = try tree.wait(300)
        #expect(wait.kind == .execWait)
        #expect(wait.release.rule == .all)
        #expect(wait.partyPIDs == [300])
    }

    @Test func aWorkerOfAnIOUringIsInNoSystemCall() throws {
        let tree = try RecordedTree()
        try tree.thread(300, call: call(34))
        try tree.thread(300, 301, comm: "iou-wrk-300", channel: "io_wq_worker", call: call(425, 8), flags: 0x400010)
        #expect(try tree.wait(300, 301).kind == .kernelWorker)
    }

    @Test func kernelThreads() throws {
        let tree = try RecordedTree()
        try tree.thread(90, comm: "jbd2/sda1-8", state: "D", channel: "submit_bio_wait", call: "0", flags: 0x200040)
        try tree.thread(91, comm: "odd", state: "D", channel: "odd_driver_thread", call: "0", flags: 0x200040)
        try tree.thread(92, comm: "ksoftirqd/0", state: "S", channel: "smpboot_thread_fn", call: "0", flags: 0x200040)
        #expect(try tree.wait(90).deadEnd == .diskIO)
        #expect(try !tree.wait(91).isDemand)
        #expect(try tree.wait(92).deadEnd == .idle)
    }

    @Test func signalNames() {
        #expect(SignalName.words(1 << 9) == "SIGUSR1")
        #expect(SignalName.words(1 << 9 | 1 << 14) == "SIGUSR1 or SIGTERM")
        #expect(SignalName.words(~0) == "any signal")
        #expect(SignalName.words(0) == "no signal at all")
        #expect(SignalName.name(34) == "real-time signal 34")
    }
}

// swift-tools-version: 6.0
// The road runs from the kernel to the reader; every module knows only those above it in this list.
import PackageDescription

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "waitchain",
    products: [
        .executable(name: "waitchain", targets: ["waitchain"]),
        .executable(name: "waitchain-lab", targets: ["waitchain-lab"]),
        .executable(name: "lab-hangs", targets: ["lab-hangs"]),
        .executable(name: "statusd", targets: ["statusd"]),
        .executable(name: "sweep-bench", targets: ["sweep-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // The C lines that Swift's Glibc module cannot reach.
        .target(name: "CLinux"),
        // The words of the model: waits, parties, resources, causes. No I/O, no Linux.
        .target(name: "WaitModel"),
        // Readers of /proc, of socket diagnostics and of memory, into plain structs.
        .target(name: "ProcFS", dependencies: ["CLinux"]),
        // Tables as data files, embedded.
        .target(
            name: "KernelFacts",
            resources: [.embedInCode("system-calls.tsv"), .embedInCode("wait-channels.tsv"), .embedInCode("known-hangs.tsv")]),
        // What is known of a host at one moment, and where each fact came from.
        .target(name: "Evidence", dependencies: ["CLinux", "ProcFS", "KernelFacts", "WaitModel"]),
        // Call stacks of threads that nobody stopped: ELF files, call frame information, symbols, lines.
        .target(name: "UserStacks", dependencies: ["Evidence"], linkerSettings: [.linkedLibrary("stdc++")]),
        // One resolver a wait family: evidence in, a wait out.
        .target(name: "WaitResolution", dependencies: ["Evidence", "UserStacks"]),
        // Reduction, chains, roots, remedies: pure values.
        .target(name: "WaitGraph", dependencies: ["WaitModel"]),
        // Walks the road: observes, resolves, connects, reduces, verifies.
        .target(name: "Diagnosis", dependencies: ["CLinux", "KernelFacts", "WaitResolution", "WaitGraph", "UserStacks"]),
        // What each role usually waits for; two pictures compared.
        .target(name: "Profiles", dependencies: ["Diagnosis"]),
        // Text and JSON from findings.
        .target(name: "Reports", dependencies: ["Diagnosis", "Profiles", "CLinux"]),
        .executableTarget(name: "waitchain", dependencies: ["Reports", "CLinux", argumentParser]),
        // Hangs on purpose: C where the C library matters, and the runner that knows the truth about each.
        .executableTarget(name: "lab-hangs", linkerSettings: [.linkedLibrary("pthread")]),
        .executableTarget(name: "waitchain-lab", dependencies: ["CLinux", argumentParser]),
        // One sweep and nothing else, for the benchmark.
        .executableTarget(name: "sweep-bench", dependencies: ["Evidence"], path: "Benchmarks/Sweep"),
        // The device of the story.
        .target(name: "StatusDevice", dependencies: ["CLinux"], path: "Examples/StatusDevice/StatusDevice"),
        .executableTarget(
            name: "statusd", dependencies: ["StatusDevice", argumentParser], path: "Examples/StatusDevice/statusd"),
        .testTarget(name: "StatusDeviceTests", dependencies: ["StatusDevice"]),
        .testTarget(name: "KernelFactsTests", dependencies: ["KernelFacts"]),
        .testTarget(name: "ProcFSTests", dependencies: ["ProcFS"]),
        .testTarget(name: "UserStacksTests", dependencies: ["UserStacks"], exclude: ["Programs"]),
        .testTarget(name: "WaitGraphTests", dependencies: ["WaitGraph"]),
        .testTarget(name: "ProfilesTests", dependencies: ["Profiles"]),
        .testTarget(name: "ReportsTests", dependencies: ["Reports", "Diagnosis", "WaitGraph"], exclude: ["Golden"]),
        .testTarget(
            name: "WaitResolutionTests", dependencies: ["WaitResolution", "Diagnosis", "Reports"], exclude: ["Recordings"]),
    ],
    swiftLanguageModes: [.v6]
)

import Testing

@testable import UserStacks

@Suite struct DemanglingTests {
    @Test(arguments: [
        ("poll", "poll"),
        ("_ZN3app7Blocker12wait_for_it2Ei", "app::Blocker::wait_for_it2(int)"),
        ("_ZNSt6thread4joinEv", "std::thread::join()"),
        ("_ZN3app3BoxIiE3runEi.isra.0.cold", "app::Box<int>::run(int) [cold]"),
        ("_ZN32_$LT$r..A$u20$as$u20$r..Work$GT$2go17h65637452813eb33aE", "<r::A as r::Work>::go"),
        ("_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17ha86af84d9cc65291E", "std::rt::lang_start::{{closure}}"),
        ("_RNvCs6GmmlP4bgsG_1r4main", "r::main"),
        ("_RNvMs0_NtNtNtCsjrHSEGnQ3l9_3std3sys6thread4unixNtB5_6Thread4join", "<std::sys::thread::unix::Thread>::join"),
        ("_RINvCs6GmmlP4bgsG_1r3runNtB2_1AEB2_", "r::run::<r::A>"),
        ("_RNvXCs6GmmlP4bgsG_1rNtB2_1ANtB2_4Work2go", "<r::A as r::Work>::go"),
        ("$s2s29swiftLeafyS2iF", "s2.swiftLeaf(Int) -> Int"),
        ("$s2s26WorkerV4workyS2iKF", "s2.Worker.work(Int) throws -> Int"),
        ("_Znonsense", "_Znonsense"), ("_Rnonsense", "_Rnonsense"), ("$snonsense", "$snonsense"), ("", ""),
    ])
    func names(symbol: String, readable: String) {
        #expect(Demangling.readable(symbol) == readable)
    }

    @Test func anyTextEnds() {
        var generator = SystemRandomNumberGenerator()
        let letters = Array("_RZNvMXYICBbstuTFEGKLpn0123456789aAQOPDS$.hE".utf8)
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0..<60, using: &generator)).map { _ in letters.randomElement(using: &generator) ?? 0 }
            let tail = String(decoding: text, as: UTF8.self)
            for prefix in ["_R", "_RNv", "_ZN", "$s"] { _ = Demangling.readable(prefix + tail) }
        }
    }
}

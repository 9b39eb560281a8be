/// Names of kernel functions, as `wchan` and `stack` spell them.
public enum KernelSymbols {
    /// The name that one function has on every kernel.
    ///
    /// Cuts what compilers append to clones of a function (`.isra.0`, `.constprop.0`, `.part.0`, `.cold`, `.llvm.N`), and gives the
    /// entry of a system call, which was renamed several times (`SyS_` until Linux 4.16, `__x64_sys_` since 4.17), the one name `sys_X`.
    /// Other names stay as they are.
    public static func normalised(_ symbol: String) -> String {
        let bare = cloneSuffix(of: symbol).map { symbol[..<$0] } ?? symbol[...]
        for prefix in entryPrefixes where bare.utf8.starts(with: prefix.utf8) && bare.utf8.count > prefix.utf8.count {
            return "sys_" + bare.dropFirst(prefix.utf8.count)
        }
        return bare.utf8.count == symbol.utf8.count ? symbol : String(bare)
    }

    /// Whether the function only puts threads to sleep for others, so that the next frame outwards says what is waited for.
    ///
    /// These are what the kernel keeps in `.sched.text` and leaves out of `wchan` by itself, and the inlines that some builds
    /// put elsewhere. Takes any spelling.
    public static func isScheduler(_ symbol: String) -> Bool {
        let name = normalised(symbol)
        return schedulers.contains(name) || schedulerPrefixes.contains { name.utf8.starts(with: $0.utf8) }
    }

    /// Where `.isra.0` and its kind begin; nil when there is none.
    private static func cloneSuffix(of symbol: String) -> String.Index? {
        var rest = symbol.utf8[...]
        while let dot = rest.firstIndex(of: 0x2E) {
            let after = rest[rest.index(after: dot)...]
            let word = after.prefix { $0 != 0x2E }
            if dot > symbol.startIndex, cloneWords.contains(where: { word.elementsEqual($0.utf8) }) { return dot }
            rest = after
        }
        return nil
    }

    private static let cloneWords = ["isra", "constprop", "part", "cold", "llvm", "lto_priv", "localalias"]

    private static let entryPrefixes = [
        "__x64_sys_", "__ia32_sys_", "__arm64_sys_", "__do_sys_", "__se_sys_", "SyS_", "SYSC_", "ksys_",
        "__ia32_compat_sys_", "__x64_compat_sys_", "__arm64_compat_sys_", "__do_compat_sys_", "__se_compat_sys_", "compat_sys_",
        "compat_SyS_",
    ]

    private static let schedulers: Set<String> = [
        "schedule", "__schedule", "schedule_idle", "schedule_user", "schedule_preempt_disabled", "schedule_rtlock", "freezable_schedule",
        "io_schedule", "io_schedule_timeout", "io_schedule_prepare", "yield", "yield_to", "preempt_schedule", "preempt_schedule_common",
        "preempt_schedule_irq", "preempt_schedule_notrace", "__cond_resched", "_cond_resched", "__switch_to", "__switch_to_asm",
        "do_nanosleep", "rt_mutex_schedule", "rt_mutex_wait_proxy_lock", "__rt_mutex_slowlock", "rt_mutex_slowlock", "rt_mutex_lock",
        "wait_for_common", "do_wait_for_common", "__wait_for_common", "__down", "__down_common", "__down_interruptible", "__down_killable",
        "__down_timeout", "__mutex_lock", "mutex_lock", "ww_mutex_lock", "bit_wait", "bit_wait_io", "bit_wait_timeout",
        "bit_wait_io_timeout",
        "__wait_on_bit", "__wait_on_bit_lock", "out_of_line_wait_on_bit", "out_of_line_wait_on_bit_lock", "out_of_line_wait_on_bit_timeout",
        "down_read", "down_write", "down_read_killable", "down_write_killable", "down_read_interruptible",
        "ldsem_down_read", "ldsem_down_write",
    ]

    private static let schedulerPrefixes = [
        "schedule_timeout", "schedule_hrtimeout", "wait_for_completion", "__mutex_lock_", "mutex_lock_", "__ww_mutex_lock",
        "rwsem_down_", "__rwsem_down_", "call_rwsem_down_", "__down_read", "__down_write", "rtmutex_", "freezable_schedule", "rwbase_",
    ]
}

# The main job: the story, made and explained. Sourced by ./run after setup.sh, stage.sh and failures.sh.

# The tool, with root's sight where that costs no question: some kernels show a process's waits to its parents and root only.
look() {
    if [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then sudo -n "$waitchain" "$@"; else "$waitchain" "$@"; fi
}

heading() { printf '\n=== %s\n\n' "$*"; }

tell_story() {
    open_stage
    say "Starting snmpd and the device statusd in $stage …"
    make_healthy stopped
    say "All is well: snmpget says that the device is $(ask_snmpd "$status_oid"). Keeping a picture of its threads."
    look list "$device_pid" --json --samples 3 >"$stage/healthy.json"

    say "Stopping snmpd ($snmpd_pid), and waiting until the device hangs …"
    break_stopped
    say "The device ($device_pid) shows \"$(cat "$stage/display")\"; its log no longer grows."

    heading "waitchain explain $device_pid"
    look explain "$device_pid"
    heading "waitchain compare healthy.json $device_pid"
    look compare "$stage/healthy.json" "$device_pid"
}

# show_failure MODE: another way to fail, live.
show_failure() {
    describe_failure "$1" >/dev/null || fail "no such failure mode: $1 (there are: $failure_modes)"
    open_stage
    say "Making the failure: $(describe_failure "$1") …"
    make_failure "$1"
    heading "waitchain explain $device_pid"
    look explain "$device_pid"
}

#!/usr/bin/env bash
# Makes every failure of the device, waits until the kernel shows it, and checks what `waitchain explain --json` says.
#
#   scripts/device-check.sh [MODE]...     default: all, and the controls
#
# WAITCHAIN and STATUSD name the programs; without them, the release build. Ends with "N passed, N failed, N skipped".
set -eu -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/scripts/stage.sh"
. "$root/scripts/failures.sh"
waitchain=${WAITCHAIN:-$root/.build/release/waitchain}
statusd=${STATUSD:-$root/.build/release/statusd}
check="$root/scripts/check_diagnosis.py"
control_modes="healthy repaired"
passed=0 failed=0 skipped=0

[ -x "$statusd" ] || fail "there is no $statusd: ./run setup, or set STATUSD"

describe_control() {
    case $1 in
        healthy) echo "nothing is wrong" ;;
        repaired) echo "snmpd is stopped, but the device uses one session and limits every wait" ;;
    esac
}

make_control() {
    case $1 in
        healthy) make_healthy stopped ;;
        repaired)
            start_snmpd
            start_device --agentx persistent
            wait_until 15 "snmpget gets the device's status" snmp_answers
            kill -STOP "$snmpd_pid"
            wait_until 30 "the display shows that nobody monitors the device" display_shows unmonitored
            ;;
    esac
}

# What the checker needs to know beside the mode.
facts() {
    printf 'device=%s snmpd=%s master=%s script=%s reader=%s' \
        "$device_pid" "$snmpd_pid" "$master_pid" "${cycle_script_pid-}" "${log_reader_pid-}"
}

# check_mode MODE MAKE: in a subshell, so that its stage goes with it. Exit status 0 right, 1 wrong, 3 not made.
check_mode() (
    open_stage
    "$2" "$1" >&2 || { show_threads "$device_pid" >&2; exit 3; }
    if [ ! -x "$waitchain" ]; then
        show_threads "$device_pid" ${snmpd_pid:+"$snmpd_pid"} ${master_pid:+"$master_pid"}
        exit 4
    fi
    timeout 20 "$waitchain" explain "$device_pid" --json >"$stage/answer.json" 2>"$stage/answer.err" || {
        head -n 20 "$stage/answer.err"
        exit 1
    }
    # shellcheck disable=SC2046  # a list of words
    python3 "$check" "$1" "$stage/answer.json" $(facts) || {
        timeout 20 "$waitchain" explain "$device_pid" || true
        exit 1
    }
)

for mode in ${*:-$failure_modes $control_modes}; do
    if describe_failure "$mode" >/dev/null; then
        what=$(describe_failure "$mode") make=make_failure
    else
        what=$(describe_control "$mode") make=make_control
    fi
    status=0
    output=$(check_mode "$mode" "$make") || status=$?
    case $status in
        0) passed=$((passed + 1)); printf 'pass  %-18s %s\n' "$mode" "$what" ;;
        4) skipped=$((skipped + 1)); printf 'skip  %-18s made, but there is no %s\n' "$mode" "$waitchain" ;;
        3) failed=$((failed + 1)); printf 'FAIL  %-18s could not be made: %s\n' "$mode" "$what" ;;
        *) failed=$((failed + 1)); printf 'FAIL  %-18s %s\n' "$mode" "$what" ;;
    esac
    if [ "$status" != 0 ] && [ -n "$output" ]; then printf '%s\n' "$output" | sed 's/^/      /'; fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

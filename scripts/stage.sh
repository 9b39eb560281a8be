# The stage: a private directory with an snmpd and a device of its own, and everything removed again at the end.
# Sourced by ./run and by scripts/device-check.sh. Needs $statusd, the path of the built device.

stage=            # the private directory
snmpd_pid=        # our own snmpd
master_pid=       # our own fake master
device_pid=       # our own statusd
device_queue=     # its message queue
snmp_port=

status_oid=.1.3.6.1.4.1.8072.9999.9999.7.2.0     # the device's state, as a word
cycle_oid=.1.3.6.1.4.1.8072.1.3.2.3.1.2.5.99.121.99.108.101     # nsExtendOutputFull."cycle"
slow_oid=.1.3.6.1.4.1.8072.1.3.2.3.1.2.4.115.108.111.119     # nsExtendOutputFull."slow"

say() { printf '%s\n' "$*" >&2; }
fail() { say "run: $*"; exit 1; }

# Root's commands: directly as root, else through sudo where there is one.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else "$@"; fi
}

# wait_until SECONDS WHAT COMMAND...: until COMMAND succeeds. The state is awaited, never a time.
wait_until() {
    local seconds=$1 what=$2 deadline
    shift 2
    deadline=$((SECONDS + seconds))
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            say "run: this did not come about within $seconds s: $what"
            return 1
        fi
        sleep 0.1
    done
}

open_stage() {
    stage=$(mktemp -d "${TMPDIR:-/tmp}/waitchain-stage.XXXXXX")
    trap close_stage EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Kills only what was started here, and waits for it.
end_process() {
    local pid=$1 signal=${2:-TERM}
    [ -n "$pid" ] || return 0
    kill -"$signal" "$pid" 2>/dev/null || return 0
    kill -CONT "$pid" 2>/dev/null || true
    local deadline=$((SECONDS + 8))
    while kill -0 "$pid" 2>/dev/null && [ "$(process_state "$pid")" != Z ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then kill -KILL "$pid" 2>/dev/null || true; fi
        sleep 0.05
    done
    wait "$pid" 2>/dev/null || true
}

strike_stage() {
    # The script of snmpd's extend, and whatever else snmpd started, before snmpd itself.
    local child
    if [ -n "$snmpd_pid" ]; then
        for child in $(children_of "$snmpd_pid"); do kill -KILL "$child" 2>/dev/null || true; done
    fi
    end_process "$device_pid"
    end_process "$snmpd_pid"
    end_process "$master_pid"
    # A device that had to be killed leaves its queue behind.
    if [ -n "$device_queue" ]; then ipcrm -q "$device_queue" 2>/dev/null || true; fi
    snmpd_pid= master_pid= device_pid= device_queue=
}

close_stage() {
    trap - EXIT
    trap '' INT TERM HUP
    strike_stage
    [ -z "$stage" ] || rm -rf "$stage"
    stage=
}

# --- what /proc says ---------------------------------------------------------------------------------------------------

process_state() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1; }

children_of() { cat /proc/"$1"/task/*/children 2>/dev/null || true; }

# thread_of PID NAME: the id of the thread with that name.
thread_of() {
    local comm
    for comm in /proc/"$1"/task/*/comm; do
        if [ "$(cat "$comm" 2>/dev/null)" = "$2" ]; then basename "$(dirname "$comm")"; return 0; fi
    done
    return 1
}

# thread_waits PID NAME CHANNEL...: the thread sleeps in one of these wait channels (glob patterns: kernels name them differently).
thread_waits() {
    local pid=$1 name=$2 tid channel wanted
    shift 2
    tid=$(thread_of "$pid" "$name") || return 1
    channel=$(cat "/proc/$pid/task/$tid/wchan" 2>/dev/null)
    # shellcheck disable=SC2053  # the right side is a pattern
    for wanted in "$@"; do [[ $channel == $wanted ]] && return 0; done
    return 1
}

# thread_runs PID NAME: the thread is on a CPU, or could be.
thread_runs() {
    local tid
    tid=$(thread_of "$1" "$2") || return 1
    [ "$(process_state "$1/task/$tid")" = R ]
}

# --- snmpd -------------------------------------------------------------------------------------------------------------

write_snmpd_configuration() {
    cat >"$stage/snmpd.conf" <<CONFIGURATION
agentaddress  udp:127.0.0.1:$snmp_port
rocommunity   public 127.0.0.1
master        agentx
agentXSocket  $stage/agentx.sock
agentXPerms   0660 0770
agentXTimeout 5
agentXRetries 1
extend        cycle $statusd agentx-open --close-output --socket $stage/agentx.sock
extend        slow $statusd agentx-open --socket $stage/agentx.sock
CONFIGURATION
}

snmpd_serves() { kill -0 "$snmpd_pid" 2>/dev/null && [ -S "$stage/agentx.sock" ]; }

# Starts an snmpd of our own, on a port of 127.0.0.1 that nobody has.
start_snmpd() {
    local program attempt
    program=$(PATH=$PATH:/usr/sbin:/sbin command -v snmpd) || fail "snmpd is not installed: ./run setup"
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        snmp_port=$((10161 + (RANDOM % 4000)))
        write_snmpd_configuration
        rm -f "$stage/agentx.sock"
        SNMP_PERSISTENT_DIR=$stage SNMPCONFPATH=$stage MIBS='' "$program" -f -Lf "$stage/snmpd.log" -C -c "$stage/snmpd.conf" \
            -p "$stage/snmpd.pid" -I -smux >"$stage/snmpd.out" 2>&1 &
        snmpd_pid=$!
        if wait_until 10 "snmpd listens" snmpd_listens_or_ended && snmpd_serves; then return 0; fi
        end_process "$snmpd_pid"
    done
    cat "$stage/snmpd.log" "$stage/snmpd.out" >&2
    fail "snmpd did not start (attempt $attempt)"
}

snmpd_listens_or_ended() { snmpd_serves || ! kill -0 "$snmpd_pid" 2>/dev/null; }

ask_snmpd() { MIBS='' SNMPCONFPATH=$stage snmpget -v2c -c public -t 1 -r 0 -Oqv "127.0.0.1:$snmp_port" "$1" 2>/dev/null; }

snmp_answers() { ask_snmpd "$status_oid" | grep -q normal; }

# --- the device --------------------------------------------------------------------------------------------------------

device_is_ready() { grep -q '^statusd: ready' "$stage/statusd.out" 2>/dev/null || ! kill -0 "$device_pid" 2>/dev/null; }

# start_device OPTION...: statusd on our master's socket.
start_device() {
    : >"$stage/statusd.out"
    "$statusd" --socket "$stage/agentx.sock" --log-to "$stage/statusd.log" --display "$stage/display" --pid-file "$stage/statusd.pid" \
        "$@" >"$stage/statusd.out" 2>"$stage/statusd.err" &
    device_pid=$!
    wait_until 10 "statusd is ready" device_is_ready
    device_queue=$(sed -n 's/^statusd: ready.* queue=\([0-9]*\).*/\1/p' "$stage/statusd.out")
    if [ -z "$device_queue" ]; then
        cat "$stage/statusd.err" >&2
        fail "statusd did not start"
    fi
}

display_shows() { [ "$(cat "$stage/display" 2>/dev/null)" = "$1" ]; }

start_fake_master() {
    "$statusd" fake-master --socket "$stage/agentx.sock" --misbehave "$1" >"$stage/master.out" 2>&1 &
    master_pid=$!
    wait_until 10 "the master listens" test -S "$stage/agentx.sock"
}

# show_threads PID...: how every thread waits, as the kernel says.
show_threads() {
    local pid task
    for pid in "$@"; do
        for task in /proc/"$pid"/task/*; do
            printf '%-8s %-12s %s  %-24s %s\n' "${task##*/}" "$(cat "$task/comm")" "$(sed 's/.*) //' "$task/stat" | cut -c1)" \
                "$(cat "$task/wchan")" "$(cut -d' ' -f1-4 "$task/syscall" 2>/dev/null)"
        done
    done
}

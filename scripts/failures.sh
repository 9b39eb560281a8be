# The ways in which the device fails, each made and then awaited until the kernel shows it. Sourced after stage.sh.

failure_modes="stopped extend-cycle extend-select shutdown-listener deadlock spin log-pipe"

describe_failure() {
    case $1 in
        stopped) echo "snmpd is stopped (SIGSTOP)" ;;
        extend-cycle) echo "snmpd waits for a script of its own 'extend', which waits for snmpd" ;;
        extend-select) echo "as extend-cycle, while snmpd still looks at the script's output, once a second" ;;
        shutdown-listener) echo "the master accepts no more, then shuts its listener down" ;;
        deadlock) echo "the sensors send with the calibration lock held, and the dispatcher wants that lock" ;;
        spin) echo "a module inside the dispatcher retries without end" ;;
        log-pipe) echo "the process that should read the log does not read" ;;
        *) return 1 ;;
    esac
}

senders_sleep_in_full_queue() { thread_waits "$device_pid" logger do_msgsnd && thread_waits "$device_pid" sensors do_msgsnd; }

dispatcher_connects() { thread_waits "$device_pid" dispatcher unix_wait_for_peer; }

# make_failure MODE: builds the stage for it, waits until all is well, breaks it, and waits until it is broken.
make_failure() {
    make_healthy "$1"
    break_"${1//-/_}"
}

make_healthy() {
    case $1 in
        stopped) start_snmpd; start_device --block-sigquit ;;
        extend-cycle | extend-select) start_snmpd; start_device ;;
        shutdown-listener) start_fake_master shutdown; start_device ;;
        deadlock | spin) start_snmpd; start_device --fail "$1" --fail-on-signal ;;
        log-pipe) start_snmpd; start_device --rate 1000 --log-to 'pipe:exec sleep 1000000' ;;
        *) fail "no such failure mode: $1 (there are: $failure_modes)" ;;
    esac
    if [ -n "$snmpd_pid" ]; then wait_until 15 "snmpget gets the device's status" snmp_answers; fi
    wait_until 15 "the display shows normal" display_shows normal
}

break_stopped() {
    kill -STOP "$snmpd_pid"
    wait_until 30 "the dispatcher sleeps in connect" dispatcher_connects
    wait_until 30 "logger and sensors sleep in msgsnd" senders_sleep_in_full_queue
    wait_until 30 "the display shows oops" display_shows oops
}

script_waits_for_snmpd() {
    local child
    for child in $(children_of "$snmpd_pid"); do
        if thread_waits "$child" agentx-open 'unix_stream_*'; then cycle_script_pid=$child; return 0; fi
    done
    return 1
}

break_extend_cycle() {
    ask_snmpd "$cycle_oid" >/dev/null || true
    wait_until 10 "the script waits for snmpd" script_waits_for_snmpd
    wait_until 10 "snmpd waits for the script's end" thread_waits "$snmpd_pid" snmpd do_wait
    wait_until 30 "the dispatcher sleeps in connect" dispatcher_connects
    wait_until 30 "logger and sensors sleep in msgsnd" senders_sleep_in_full_queue
}

# The same, while snmpd still looks at the script's output: once a second, a hundred times, in a select that ends by itself.
break_extend_select() {
    ask_snmpd "$slow_oid" >/dev/null || true
    wait_until 10 "the script waits for snmpd" script_waits_for_snmpd
    wait_until 10 "snmpd looks at the script's output" thread_waits "$snmpd_pid" snmpd 'poll_schedule_timeout*' do_select
    wait_until 30 "the dispatcher sleeps in connect" dispatcher_connects
    wait_until 30 "logger and sensors sleep in msgsnd" senders_sleep_in_full_queue
}

break_shutdown_listener() {
    kill -USR1 "$master_pid"
    wait_until 30 "the dispatcher sleeps in connect" dispatcher_connects
    kill -USR1 "$master_pid"
    wait_until 10 "the listener is shut down" grep -q 'shut down' "$stage/master.out"
    wait_until 30 "logger and sensors sleep in msgsnd" senders_sleep_in_full_queue
    wait_until 1 "the dispatcher still sleeps in connect" dispatcher_connects
}

break_deadlock() {
    kill -USR1 "$device_pid"
    wait_until 30 "the dispatcher waits for the lock" thread_waits "$device_pid" dispatcher 'futex_*'
    wait_until 30 "logger and sensors sleep in msgsnd" senders_sleep_in_full_queue
}

break_spin() {
    kill -USR1 "$device_pid"
    wait_until 30 "logger and sensors sleep in msgsnd" senders_sleep_in_full_queue
    wait_until 5 "the dispatcher runs" thread_runs "$device_pid" dispatcher
}

break_log_pipe() {
    wait_until 60 "the logger sleeps in a full pipe" thread_waits "$device_pid" logger pipe_write anon_pipe_write pipe_wait
    log_reader_pid=$(sed -n 's/^statusd: ready.* log-reader=\([0-9]*\).*/\1/p' "$stage/statusd.out")
}

#!/usr/bin/env bash
# Healthy programs in other languages, all at once, give no finding when nobody asks about them by name: their pools, event loops and
# service threads are at rest. Needs the programs of scripts/lab-programs.sh; what is not built is skipped by name.
# WAITCHAIN names the tool. Ends with "N passed, N failed, N skipped".
set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
waitchain=${WAITCHAIN:-$root/.build/release/waitchain}
stage=$(mktemp -d "${TMPDIR:-/tmp}/waitchain-healthy.XXXXXX")
trap 'rm -rf "$stage"' EXIT
inputs=() played=() skipped=0

for name in go-idle go-accept go-channel java-executor-idle java-service-threads java-queue node-idle node-worker-idle node-exec-sync \
    swift-worker-idle swift-task-idle rust-pool-idle rust-park c++-pool-idle python-executor-idle python-asyncio-idle python-pool-idle \
    python-process-queue python-subprocess python-gil-busy; do
    program=$root/.build-lab/lab-${name%%-*}
    if [ ! -x "$program" ]; then
        echo "skip  $name: needs ${program##*/} (scripts/lab-programs.sh --all)"
        skipped=$((skipped + 1))
        continue
    fi
    # Its standard input ends, and with it the program, when this script does.
    exec {input}> >(exec "$program" "$name" >"$stage/$name" 2>/dev/null)
    inputs+=("$input")
    played+=("$name")
done
for name in ${played[@]+"${played[@]}"}; do
    deadline=$((SECONDS + 30))
    until grep -q '^ready$' "$stage/$name" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "FAIL  $name does not get ready"; break; }
        sleep 0.05
    done
done
"$waitchain" explain --json >"$stage/findings.json"
passed=0 failed=0
for name in ${played[@]+"${played[@]}"}; do
    pids=$(sed -n 's/^role [^ ]* \([0-9]*\) .*/\1/p' "$stage/$name" | sort -u)
    found=''
    for pid in $pids; do grep -qE "\"pid\": ?$pid[,} ]" "$stage/findings.json" && found=$pid; done
    if [ -z "$pids" ] || [ -n "$found" ]; then
        echo "FAIL  $name: process ${found:-?} is in a finding"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
for input in ${inputs[@]+"${inputs[@]}"}; do exec {input}>&-; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

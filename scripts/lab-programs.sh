#!/usr/bin/env bash
# Builds the lab's programs in other languages (Lab/programs) into .build-lab: `lab-programs.sh` those whose toolchain is cheap,
# `lab-programs.sh --all` the rest too, `lab-programs.sh FOLDER…` some. What it cannot build it skips by name; `waitchain-lab` then
# skips the scenarios that need it. `lab-programs.sh --packages [--all]` prints the packages that are missing for it.
#
# Each folder has an executable `build OUT`, whose head says what it makes and with what:
#   # makes: lab-go
#   # tool: go golang-go       a command that must be there, and the package that has it
#   # file: /usr/lib32/libc.a gcc-multilib   the same for what is no command
#   # cost: dear               built only with --all; `cheap` otherwise
#   # sources: Sources/lab-hangs   further sources, by which it is known whether what was built is old
set -u -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/.build-lab
all='' packages='' chosen=()
for word in "$@"; do
    case $word in
        --all) all=yes ;;
        --packages) packages=yes ;;
        -*) echo "lab-programs: no such option: $word" >&2; exit 64 ;;
        *) chosen+=("$word") ;;
    esac
done

head_of() { sed -n "s/^# $2: //p" "$root/Lab/programs/$1/build"; }

# The packages of the commands and files that a folder's build misses.
missing_for() {
    local needed package
    {
        head_of "$1" tool | while read -r needed package; do command -v "$needed" >/dev/null 2>&1 || echo "$package"; done
        head_of "$1" file | while read -r needed package; do [ -e "$needed" ] || echo "$package"; done
    } | sort -u | xargs
}

is_new() { # FOLDER PROGRAM: it is there, and no source is newer
    # shellcheck disable=SC2046  # a list of words
    [ -x "$out/$2" ] && [ -z "$(cd "$root" && find "$root/Lab/programs/$1" $(head_of "$1" sources) -type f -newer "$out/$2" -print -quit)" ]
}

built=0 failed=0 skipped=0
mkdir -p "$out"
for script in "$root"/Lab/programs/*/build; do
    folder=$(basename "$(dirname "$script")")
    if [ ${#chosen[@]} -gt 0 ]; then
        case " ${chosen[*]} " in *" $folder "*) ;; *) continue ;; esac
    elif [ "$(head_of "$folder" cost)" = dear ] && [ -z "$all" ]; then
        for program in $(head_of "$folder" makes); do
            [ -x "$out/$program" ] || echo "--all builds it" >"$out/$program.missing"
        done
        [ -n "$packages" ] || echo "skip   $folder: only with --all"
        skipped=$((skipped + 1))
        continue
    fi
    missing=$(missing_for "$folder")
    if [ -n "$packages" ]; then
        [ -z "$missing" ] || echo "$missing"
        continue
    fi
    if [ -n "$missing" ]; then
        for program in $(head_of "$folder" makes); do echo "builds it, with $missing" >"$out/$program.missing"; done
        echo "skip   $folder: needs $missing"
        skipped=$((skipped + 1))
        continue
    fi
    stale=''
    for program in $(head_of "$folder" makes); do is_new "$folder" "$program" || stale=yes; done
    if [ -n "$stale" ] && ! "$script" "$out" >"$out/$folder.log" 2>&1; then
        for program in $(head_of "$folder" makes); do rm -f "$out/$program"; echo "could not build it: $folder.log" >"$out/$program.missing"; done
        echo "FAILED $folder:"
        tail -n 20 "$out/$folder.log" | sed 's/^/    /'
        failed=$((failed + 1))
        continue
    fi
    for program in $(head_of "$folder" makes); do rm -f "$out/$program.missing"; touch "$out/$program"; done
    echo "built  $folder"
    built=$((built + 1))
done
[ -n "$packages" ] || echo "$built built, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

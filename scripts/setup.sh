# What the programs need to be built and shown: packages, and the build. Sourced by ./run; needs $root, the checkout.

built=$root/.build/release
statusd=$built/statusd
waitchain=$built/waitchain

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

missing_packages() {
    have gcc || echo gcc libc6-dev
    have g++ || echo g++
    have git || echo git ca-certificates
    have ipcrm || echo util-linux
    have snmpd || echo snmpd
    have snmpget || echo snmp
    # What the benchmarks compare with.
    if [ "${for_benchmarks-}" ]; then
        have ps || echo procps
        have gdb || echo gdb
        have eu-stack || echo elfutils
    fi
    # A toolchain that cannot run its package manager lacks some of the libraries that swift.org lists.
    swift build --version >/dev/null 2>&1 ||
        echo binutils libcurl4-openssl-dev libedit-dev libncurses-dev libsqlite3-dev libxml2-dev zlib1g-dev
}

# Debian starts and enables a service when its package is installed. What was not there before must not stay.
install_packages() {
    local policy=/usr/sbin/policy-rc.d had_snmpd=yes
    have apt-get || fail "please install these yourself, there is no apt-get here: $*"
    have snmpd || had_snmpd=no
    say "Installing: $*"
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    local ok=yes
    { as_root apt-get -qq update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } \
        >"$install_log" 2>&1 </dev/null || ok=no
    if [ "$(trap -p EXIT)" ]; then
        as_root rm -f "$policy"
        trap - EXIT
    fi
    if [ "$had_snmpd" = no ] && have snmpd; then keep_snmpd_off; fi
    if [ "$ok" = no ]; then
        cat "$install_log" >&2
        rm -f "$install_log"
        fail "the packages could not be installed (as root or with sudo: apt-get install $*)"
    fi
    rm -f "$install_log"
}

keep_snmpd_off() {
    if [ -d /run/systemd/system ]; then as_root systemctl --quiet disable --now snmpd.service snmpd.socket 2>/dev/null || true; fi
    if have update-rc.d; then as_root update-rc.d snmpd disable >/dev/null 2>&1 || true; fi
}

set_up() {
    have swift || fail "the Swift toolchain (6.1 or later) is missing: https://www.swift.org/install/"
    local missing
    missing=$(missing_packages | xargs)
    if [ -n "$missing" ]; then
        install_log=$(mktemp)
        # shellcheck disable=SC2086  # a list of words
        install_packages $missing
    fi
    local product
    for product in "$@"; do build "$product"; done
}

# True when the program exists and no source is newer.
is_built() {
    [ -x "$built/$1" ] && [ -z "$(find "$root/Package.swift" "$root/Sources" "$root/Examples" -newer "$built/$1" -print -quit)" ]
}

# build PRODUCT: one static executable; quiet unless it fails.
build() {
    is_built "$1" && return
    say "Building $1 (a first build takes some minutes) …"
    local output
    output=$(cd "$root" && swift build -c release -Xswiftc -static-executable --product "$1" 2>&1) ||
        { say "$output"; fail "building $1 failed"; }
    # The linker leaves a program alone that would not change; its age must still say that it was looked at.
    touch "$built/$1"
}

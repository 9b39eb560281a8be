#!/usr/bin/env bash
# Boots Debian's kernels in virtual machines and plays the lab in each: the tool must be right on kernels other than this one.
#
#   scripts/kernels.sh [RELEASE]...      bullseye (5.10), bookworm (6.1), trixie (6.12); all of them by default
#   LAB_ARGUMENTS="all --family pipes" scripts/kernels.sh bookworm
#
# Nothing is installed: kernel and busybox packages are downloaded from the Debian mirror that this system uses and unpacked below
# .build-kernels. Needs qemu-system-x86, cpio and kmod. ACCELERATOR=kvm is faster where it works; inside other virtual machines it often
# does not. Exit status 77: skipped.
set -eu -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
built=$root/.build/release
work=$root/.build-kernels
releases=${*:-bullseye bookworm trixie}
# What the lab and the tool use and Debian builds as modules.
modules="unix_diag inet_diag tcp_diag udp_diag netlink_diag af_packet_diag fuse loop ext4 crc32c_generic crc32c crc32c_intel veth dummy tun"

skip() { echo "skipped: $*"; exit 77; }
have() { command -v "$1" >/dev/null 2>&1; }
have qemu-system-x86_64 || skip "needs qemu-system-x86"
have cpio || skip "needs cpio"
PATH=$PATH:/sbin:/usr/sbin
have depmod || skip "needs kmod"
for program in waitchain waitchain-lab lab-hangs; do [ -x "$built/$program" ] || skip "needs the release build of $program: ./test release"; done

# A package of one Debian release, unpacked: `package RELEASE NAME` prints the directory.
apt_options() {
    local state=$work/apt-$1
    echo "-o Dir::Etc::SourceList=$state/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$state/lists" \
        "-o Dir::Cache=$state -o APT::Sandbox::User=$(id -un) -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
}

update() {
    local state=$work/apt-$1 mirror
    [ -e "$state/updated" ] && return
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -v security | head -n 1)
    [ -n "$mirror" ] || skip "no Debian mirror is configured here"
    mkdir -p "$state/lists/partial" "$state/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$state/sources.list"
    # shellcheck disable=SC2046  # options are words
    apt-get $(apt_options "$1") -qq update >"$state/update.log" 2>&1 || { cat "$state/update.log"; skip "the mirror has no $1"; }
    touch "$state/updated"
}

package() {
    local place=$work/$1/$2
    if [ ! -e "$place/unpacked" ]; then
        mkdir -p "$place/tree"
        # shellcheck disable=SC2046
        (cd "$place" && apt-get $(apt_options "$1") -qq download "$2" >download.log 2>&1) || return 1
        dpkg-deb -x "$place"/*.deb "$place/tree"
        rm -f "$place"/*.deb
        touch "$place/unpacked"
    fi
    echo "$place/tree"
}

newest_kernel() {
    # shellcheck disable=SC2046
    apt-cache $(apt_options "$1") depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

# The first programs of the machine: mount what is needed, play the lab, say how it ended, and switch off.
write_init() {
    cat >"$1" <<INIT
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /etc
/bin/busybox --install -s /bin
export PATH=/bin:/programs
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts /dev/mqueue
mount -t tmpfs tmp /tmp; mount -t tmpfs tmp /run; mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts; mount -t mqueue mqueue /dev/mqueue
mount -t cgroup2 cgroup /sys/fs/cgroup
chmod 1777 /tmp /dev/shm
for module in \$(cat /modules.order); do insmod "\$module" 2>/dev/null; done
ip link set lo up
echo "root:x:0:0::/:/bin/sh" >/etc/passwd
echo 1 >/proc/sys/kernel/printk
echo "kernel \$(uname -r)"
/programs/waitchain explain >/tmp/idle.txt 2>&1
if head -n 1 /tmp/idle.txt | grep -q "^Nothing is held up"; then echo "idle host: nothing held up"; else echo "IDLE HOST: FALSE ALARM"; cat /tmp/idle.txt; fi
/programs/waitchain-lab $LAB_ARGUMENTS
echo "lab ended with \$?"
poweroff -f
INIT
    chmod 755 "$1"
}

LAB_ARGUMENTS=${LAB_ARGUMENTS:-all}
failed=0
for release in $releases; do
    update "$release"
    name=$(newest_kernel "$release")
    [ -n "$name" ] || skip "no kernel found in $release"
    kernel=$(package "$release" "$name") || skip "cannot download $name"
    busybox=$(package "$release" busybox-static) || skip "cannot download busybox-static of $release"
    tree=$work/$release/initramfs
    rm -rf "$tree" && mkdir -p "$tree/bin" "$tree/programs" "$tree/modules"
    cp "$(find "$busybox" -path '*/bin/busybox' -type f | head -n 1)" "$tree/bin/busybox"
    cp "$built/waitchain" "$built/waitchain-lab" "$built/lab-hangs" "$tree/programs/"
    # Modules with what they need before them, as modules.dep lists it (dependencies last to first).
    base=$(dirname "$(find "$kernel" -name modules.builtin | head -n 1)")
    # Where the package has them below /usr/lib, depmod is told so by its own layout.
    [ -e "$base/modules.dep" ] || depmod -b "${base%/lib/modules/*}" "$(basename "$base")"
    for module in $modules; do
        line=$(grep -E "/$module\.ko[.a-z]*:" "$base/modules.dep" || true)
        [ -n "$line" ] || continue
        for file in $(echo "$line" | tr ':' ' ' | tr ' ' '\n' | tac); do
            copy=$tree/modules/$(basename "$file")
            [ -e "${copy%.xz}" ] || { cp "$base/$file" "$copy"; case $copy in *.xz) xz -d "$copy"; copy=${copy%.xz} ;; esac; echo "/modules/$(basename "$copy")" >>"$tree/modules.order"; }
        done
    done
    write_init "$tree/init"
    (cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/$release/initramfs.gz"
    log=$work/$release/console.log
    timeout 900 qemu-system-x86_64 -machine "accel=${ACCELERATOR:-tcg}" -cpu max -m 2048 -smp 2 -nographic -no-reboot -nodefaults -serial stdio \
        -kernel "$(find "$kernel" -name 'vmlinuz-*' | head -n 1)" -initrd "$work/$release/initramfs.gz" \
        -append "console=ttyS0 quiet panic=-1" </dev/null >"$log" 2>&1 || true
    tr -d '\r' <"$log" >"$log.txt"
    grep -aE '^kernel |^idle host|^IDLE HOST' "$log.txt" || true
    grep -aE 'WRONG|FAILED' "$log.txt" || true
    if grep -qa '^lab ended with 0' "$log.txt" && ! grep -qa '^IDLE HOST' "$log.txt"; then
        grep -aE '^[0-9]+ passed' "$log.txt" | sed "s/^/$release: /"
    else
        echo "$release: FAILED, see ${log#"$root/"}.txt"; tail -n 5 "$log.txt"
        failed=1
    fi
done
exit $failed

#!/bin/bash
# Runs the run-time tests, or any command, on another kernel: boots it under QEMU from an initramfs made
# for the occasion.
#
#   vm.sh --kernel VMLINUZ --zeektrace BIN --targets DIR --runner RUN --tests 'FILES' [OPTION…]
#   vm.sh --kernel VMLINUZ --command 'SHELL COMMAND' [OPTION…]
#
#   --add FILE       also put FILE at its own path in the guest, with the libraries it needs (may be repeated)
#   --memory MB      the guest's memory, beside what the initramfs takes (512)
#   --timeout S      kill a guest that runs for longer (480)
#   --no-tracefs     leave tracefs unmounted
#   -- ARGUMENT…     for the runner
#
# The guest's output appears as it comes. Exits with the status of the runner or command; 124 if the guest
# hung, 125 if it died (both with the kernel's last messages), 77 if no VM can be run here, with the
# reason. It needs no root, no KVM and no network, and gives the guest none.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)

kernel='' zeektrace='' targets='' runner='' tests='' command='' memory=512 limit=480 tracefs=yes extra=()
fail() { echo "vm.sh: $*" >&2; exit 125; }
skip() { echo "skip vm: $*"; exit 77; }

while [ $# -gt 0 ]; do
  case $1 in
    --no-tracefs) tracefs=no; shift; continue ;;
    --) shift; break ;;
  esac
  [ $# -ge 2 ] || fail "$1 wants a value"
  case $1 in
    --kernel) kernel=$2 ;;
    --zeektrace) zeektrace=$2 ;;
    --targets) targets=$2 ;;
    --runner) runner=$2 ;;
    --tests) tests=$2 ;;
    --command) command=$2 ;;
    --add) extra+=("$2") ;;
    --memory) memory=$2 ;;
    --timeout) limit=$2 ;;
    *) fail "unknown option $1" ;;
  esac
  shift 2
done

for tool in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio strip:binutils; do
  command -v "${tool%:*}" >/dev/null || skip "${tool%:*} is not installed (package ${tool#*:})"
done
[ -r "$kernel" ] || skip "no kernel at '$kernel' (tests/vm/kernels.sh fetches them)"

# Copies the libraries and the loader that ldd names for a program to their own paths in the guest.
install_libraries() {
  local library
  ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    [ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"
  done
}

# Copies a program to a path in the guest, with its libraries.
install_binary() {
  install -D -m 755 "$1" "$root$2" || fail "cannot copy $1"
  install_libraries "$1"
}

# The skeleton of a merged-/usr system, with busybox, the C library and its loader even if all else is
# static.
make_root() {
  local directory
  mkdir -p "$root"/{usr/{bin,sbin,lib,lib64},proc,sys,dev,tmp,root,etc,vm}
  for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done
  echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
  echo root:x:0: >"$root/etc/group"
  cp /etc/ld.so.cache "$root/etc/" 2>/dev/null
  install -m 755 "$here/init" "$root/init"
  install_binary "$(command -v busybox)" /usr/bin/busybox
  install_libraries "$BASH"
  [ $tracefs = yes ] || : >"$root/vm/no-tracefs"
}

# zeektrace, the runner, the targets and the tests with all that lies beside them; writes the
# command.
add_tests() {
  local file guest_files=()
  install_binary "$runner" /usr/bin/run
  install_binary "$zeektrace" /usr/bin/zeektrace
  strip --strip-all "$root/usr/bin/zeektrace" 2>/dev/null  # not an ELF file when it is a stand-in
  for file in "$targets"/*; do
    if [ -f "$file" ] && [ -x "$file" ]; then install_binary "$file" "/vm/targets/${file##*/}"; fi
  done
  mkdir -p "$root/vm/tests"
  for file in $tests; do
    cp "$(dirname "$file")"/* "$root/vm/tests/" 2>/dev/null
    [ -f "$root/vm/tests/${file##*/}" ] || fail "cannot copy $file"
    guest_files+=("/vm/tests/${file##*/}")
  done
  printf '%q ' exec run --zeektrace /usr/bin/zeektrace --targets /vm/targets "$@" "${guest_files[@]}" \
    >"$root/vm/command"
}

# The kernel's messages go to a file, the command's output to stdout, its status to another file. Measured
# with QEMU 7.2: Linux 6.12 died in half of its boots on a processor that has cmpxchg16b (its flags seem to
# come out wrong), so this one has none; on a busy machine Linux waits in vain for the timer that it tests at boot; and with a thread for each processor one boot of 72 failed, so one
# thread emulates both in turn, at about the same speed.
boot() {
  timeout --kill-after=5 "$limit" qemu-system-x86_64 -nodefaults -no-user-config -no-reboot \
    -display none -net none -machine pc -accel tcg,thread=single -cpu max,-cx16 -smp 2 -m "$memory" \
    -chardev file,id=log,path="$work/log" -serial chardev:log \
    -chardev stdio,id=output,signal=off -serial chardev:output \
    -chardev file,id=status,path="$work/status" -serial chardev:status \
    -kernel "$kernel" -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet no_timer_check oops=panic panic=-1 mitigations=off" </dev/null &
  guest=$!
  wait "$guest"
}

work=$(mktemp -d) || fail "no temporary directory"
root=$work/root
guest=
trap '[ -z "$guest" ] || kill "$guest" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

make_root
for file in ${extra[@]+"${extra[@]}"}; do install_binary "$file" "$file"; done
if [ -n "$command" ]; then
  echo "$command" >"$root/vm/command"
else
  for value in zeektrace targets runner tests; do [ -n "${!value}" ] || fail "--$value is missing"; done
  add_tests "$@"
fi
(cd "$root" && find . | cpio --create --format=newc --quiet --owner=0:0) >"$work/initramfs" ||
  fail "cpio could not make the initramfs"
# Twice the initramfs: it lies there packed and unpacked at first, and a root in memory may fill half of it.
memory=$((memory + 2 * $(stat -c %s "$work/initramfs") / 1048576))

: >"$work/status"
boot
ended=$?
guest=
status=$(tr -dc 0-9 <"$work/status")
if [ -z "$status" ]; then
  tail -n 100 "$work/log" | tr -d '\r' >&2
  case $ended in
    124 | 137) echo "vm.sh: the guest was killed after $limit s" >&2; exit 124 ;;
  esac
  fail "the guest died before the tests ended (qemu's status: $ended)"
fi
exit "$status"

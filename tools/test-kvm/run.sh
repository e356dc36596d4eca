#!/bin/sh
# Runs the VM tests under KVM: this host's where that is usable, else that of an emulated machine (docs/design/kvm.md).
#   tools/test-kvm/run.sh [TEST_FILE...]
set -eu
cd "$(dirname "$0")/../.."

if refusal=$(PYRO_ACCEL=kvm bin/pyro run --quiet debian:12 -- true 2>&1); then
  echo "test-kvm: on this host's KVM"
  export PYRO_ACCEL=kvm
  exec npx --no-install vitest run --project vm "$@"
fi
echo "$refusal"
case $refusal in *kvm_unavailable:*) ;; *) exit 1 ;; esac
echo "test-kvm: in an emulated machine that has KVM"
if [ $# = 0 ]; then
  echo "test-kvm: left out: tests/vm/environments.test.ts (needs the archive), tests/vm/host-compat.test.ts (boots no guest)"
  set -- --exclude tests/vm/environments.test.ts --exclude tests/vm/host-compat.test.ts
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/pyro-test-kvm
mkdir -p "$cache"
exec 9> "$cache/lock"
flock --nonblock 9 || { echo "test-kvm: another run uses $cache" >&2; exit 1; }
machine=$(tools/test-kvm/build-machine.sh "$cache")

# The disk: this checkout as it is built, the host's Node, and a cache of pyro's, so that nothing has to be fetched.
PYRO_HOME=$cache/pyro bin/pyro env pull --quiet debian:12
rm -rf "$cache/run"
mkdir -p "$cache/run/disk/bin" "$cache/run/disk/home" "$cache/run/disk/project" "$cache/run/disk/tmp"
trap 'rm -rf "$cache/run"' EXIT
trap 'exit 130' INT TERM HUP
cp tools/test-kvm/init.sh "$cache/run/disk/init"
cp "$(node -p process.execPath)" "$cache/run/disk/bin/node"
cp -a "$cache/pyro" "$cache/run/disk/pyro"
tar -c --exclude=./.git --exclude=./guest/agent/target . | tar -x -C "$cache/run/disk/project"
echo "$@" > "$cache/run/disk/tests"
truncate --size=32G "$cache/run/disk.img"
/sbin/mke2fs -q -t ext4 -O ^has_journal -d "$cache/run/disk" "$cache/run/disk.img"
: > "$cache/run/status"

# First serial line: the kernel's console; second: the output of the tests; third: their exit status. The machine dies with
# this shell, which waits for it in the background so that a signal ends both.
bwrap --unshare-all --die-with-parent --ro-bind "$machine/vmm" / --dev /dev --proc /proc \
  --tmpfs /tmp --ro-bind "$machine" /machine --bind "$cache/run" /run -- \
  /usr/bin/qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
  -machine q35 -accel tcg,thread=multi,tb-size=1024 -cpu max -smp 2 -m 6G \
  -serial file:/run/console -serial stdio -serial file:/run/status \
  -kernel /machine/vmlinuz -initrd /machine/initrd.img \
  -append 'console=ttyS0 panic=-1 mitigations=off root=/dev/vda rootfstype=squashfs ro init=/bin/sh -- -c "mount -t ext4 /dev/vdb /mnt && exec sh /mnt/init"' \
  -drive if=none,id=root,file=/machine/root.img,format=raw,read-only=on -device virtio-blk-pci,drive=root \
  -drive if=none,id=disk,file=/run/disk.img,format=raw,cache=unsafe -device virtio-blk-pci,drive=disk \
  -device virtio-rng-pci < /dev/null &
wait $! || true

status=$(tr -d '\r\n' < "$cache/run/status")
if [ -z "$status" ]; then
  tail -n 40 "$cache/run/console"
  echo "test-kvm: the emulated machine ended before the tests did; above is the end of its console" >&2
  exit 1
fi
echo "test-kvm: exit status $status"
exit "$status"

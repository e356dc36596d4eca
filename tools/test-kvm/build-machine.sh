#!/bin/sh
# Builds the emulated machine of tools/test-kvm/run.sh once: a QEMU whose SVM is good enough for KVM, of Debian 13's backports, and
# a Debian 12 with all that pyro needs and a kernel of its backports. Prints the directory: build-machine.sh CACHE_DIRECTORY.
set -eu
here=$(dirname "$0")
cache=$1
packages="$("$here/../host-packages.sh" --list) linux-image-cloud-amd64/bookworm-backports kmod iproute2 libstdc++6"
machine=$cache/machine-$({ cat "$0"; echo "$packages"; } | sha256sum | cut -c1-12)
if [ -d "$machine" ]; then
  echo "$machine"
  exit 0
fi

echo "test-kvm: building the emulated machine, once" >&2
mirror=${PYRO_DEBIAN_MIRROR:-http://deb.debian.org/debian}
security_mirror=${PYRO_DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
eval "$(apt-config shell host_proxy Acquire::http::Proxy)"
[ "${host_proxy:-DIRECT}" = DIRECT ] || export http_proxy="${http_proxy:-$host_proxy}"

# bootstrap SUITE VARIANT PACKAGES TAR [OPTION...]
bootstrap() {
  suite=$1 variant=$2 include=$3 tar=$4
  shift 4
  mmdebstrap --quiet --variant="$variant" --architectures=amd64 --format=tar --include="$include" \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg --aptopt='Acquire::Languages "none"' "$@" "$suite" "$tar" \
    "deb $mirror $suite main" "deb $mirror $suite-updates main" "deb $mirror $suite-backports main" \
    "deb $security_mirror $suite-security main" >&2
}

new=$cache/machine.new
rm -rf "$new" "$cache"/machine-*
mkdir -p "$new/vmm/dev" "$new/vmm/proc" "$new/vmm/machine" "$new/vmm/run"

bootstrap trixie extract qemu-system-x86 "$new/tar" --aptopt='APT::Default-Release "trixie-backports"'
tar -x --no-same-owner --exclude='./dev/*' -C "$new/vmm" -f "$new/tar"
ln -s usr/lib64 "$new/vmm/lib64"

bootstrap bookworm minbase "$(echo $packages | tr ' ' ,)" "$new/tar" \
  --customize-hook='echo squashfs >> "$1/etc/initramfs-tools/modules" && chroot "$1" update-initramfs -u'
tar -x -C "$new" -f "$new/tar" --wildcards --transform='s:.*/\(vmlinuz\|initrd.img\)-.*:\1:' './boot/vmlinuz-*' './boot/initrd.img-*'
sqfstar -comp lz4 -quiet -no-progress "$new/root.img" 'dev/*' < "$new/tar" >&2

rm "$new/tar"
mv "$new" "$machine"
echo "$machine"

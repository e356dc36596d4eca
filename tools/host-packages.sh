#!/bin/sh
# Installs the host programs that pyro needs and that are missing, where it may; otherwise prints the one command to run.
# With --runtime leaves out what only building needs; with --tests adds what tests compare with; with --list names the packages and installs nothing.
set -eu

# package:program that shows it is there
needed="qemu-system-x86:/usr/bin/qemu-system-x86_64 qemu-utils:/usr/bin/qemu-img bubblewrap:/usr/bin/bwrap
squashfs-tools:/usr/bin/sqfstar mmdebstrap:/usr/bin/mmdebstrap uidmap:/usr/bin/newuidmap
e2fsprogs:/sbin/mke2fs util-linux:/usr/bin/flock apt:/usr/bin/apt-get dpkg:/usr/bin/dpkg-deb
debian-archive-keyring:/usr/share/keyrings/debian-archive-keyring.gpg zstd:/usr/bin/zstd"
if [ "${1:-}" = --list ]; then
  for entry in $needed; do echo "${entry%%:*}"; done
  exit 0
fi
# what building from a checkout needs beside them
[ "${1:-}" = --runtime ] || needed="$needed gcc:/usr/bin/gcc libc6-dev:/usr/lib/x86_64-linux-gnu/libc.a"
# what tests compare with: a real registry, real clients, small images; the tests that need them say so and are skipped where they are not there
[ "${1:-}" != --tests ] || needed="$needed docker-registry:/usr/bin/docker-registry skopeo:/usr/bin/skopeo openssl:/usr/bin/openssl
umoci:/usr/bin/umoci busybox-static:/bin/busybox musl-tools:/usr/bin/musl-gcc"

missing=""
for entry in $needed; do
  [ -e "${entry#*:}" ] || missing="$missing ${entry%%:*}"
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
echo "pyro: host packages that are missing:$missing" >&2
if ! command -v apt-get >/dev/null; then
  echo "pyro: this is no Debian-like system; install the packages above by its own means, then run make again" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  run=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  run="sudo -n"
else
  echo "pyro: run this once, then make again:" >&2
  echo "  sudo apt-get update && sudo $command" >&2
  exit 1
fi
$run apt-get update -q
DEBIAN_FRONTEND=noninteractive $run $command

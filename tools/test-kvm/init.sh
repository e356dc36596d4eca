#!/bin/sh
# First process of the emulated machine (tools/test-kvm/run.sh): brings up KVM, runs the tests, reports their exit status, powers off.
# The disk is on /mnt. Output goes to the second serial line, the status to the third.
export PATH=/mnt/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/mnt/home PYRO_HOME=/mnt/pyro

prepare() {
  mkdir -p /dev/pts /dev/shm
  mount -t tmpfs tmpfs /run
  mount -t tmpfs tmpfs /dev/shm
  mount --bind /mnt/tmp /tmp
  mount --bind /mnt/tmp /var/tmp
  mount -t devpts devpts /dev/pts
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  ip link set lo up
  modprobe kvm-amd
  chown -R 0:0 "$PYRO_HOME"
}

# Everything takes ten to a hundred times as long here, and the archive cannot be reached.
run_tests() {
  cd /mnt/project
  export PYRO_ACCEL=kvm PYRO_TEST_OFFLINE=1 PYRO_TEST_PATIENCE=20 NO_COLOR=1
  bin/pyro doctor --quiet || return
  node_modules/.bin/vitest run --project vm --reporter=verbose $(cat /mnt/tests)
}

stty -F /dev/ttyS1 raw
{
  prepare
  run_tests
  echo $? > /mnt/status
} < /dev/null 2>&1 | cat > /dev/ttyS1
cat /mnt/status > /dev/ttyS2
sleep 1
echo o > /proc/sysrq-trigger
sleep 60

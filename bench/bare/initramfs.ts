/** The bare machine's initramfs: pyro's own without its agent, and a shell script as its first process. */
import { type CpioEntry, cpioArchive } from "../../src/environments/cpio.ts";
import { diskSerial } from "../../src/vmm/machine.ts";

const HEADER_BYTES = 110;
const MODULES = "modules/";
const KIND_MASK = 0o170000;
const REGULAR_FILE = 0o100000;

/** Loads pyro's modules in pyro's order, mounts the root image read-only, and gives the console a shell in it. */
const init = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read module; do /bin/busybox insmod /modules/$module; done </modules/load-order
for disk in /sys/block/vd*; do
  serial=
  read serial <$disk/serial
  [ "$serial" = ${diskSerial.root} ] && /bin/busybox mount -t squashfs -o ro /dev/\${disk##*/} /root
done
exec /bin/busybox chroot /root /bin/sh -i
`;

/** The archive, from the content of pyro's initramfs and a static busybox. */
export function bareInitramfs(pyroInitramfs: Buffer, busybox: Buffer): Buffer {
  const directory = (path: string): CpioEntry => ({ kind: "directory", path, mode: 0o755 });
  return cpioArchive([
    ...["proc", "sys", "dev", "root", "bin", "modules"].map(directory),
    { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "file", path: "bin/busybox", mode: 0o755, content: busybox },
    { kind: "file", path: "init", mode: 0o755, content: Buffer.from(init) },
    ...filesOf(pyroInitramfs).filter(({ path }) => path.startsWith(MODULES)),
  ]);
}

/** The regular files of a newc archive. */
function filesOf(archive: Buffer): Extract<CpioEntry, { kind: "file" }>[] {
  const files: Extract<CpioEntry, { kind: "file" }>[] = [];
  for (let at = 0; at + HEADER_BYTES <= archive.length; ) {
    const start = at;
    const field = (index: number) =>
      Number.parseInt(archive.toString("latin1", start + 6 + index * 8, start + 14 + index * 8), 16);
    const mode = field(1);
    const name = at + HEADER_BYTES;
    const content = padded(name + field(11));
    const end = content + field(6);
    if ((mode & KIND_MASK) === REGULAR_FILE) {
      const path = archive.toString("utf8", name, name + field(11) - 1);
      files.push({ kind: "file", path, mode: mode & 0o777, content: archive.subarray(content, end) });
    }
    at = padded(end);
  }
  return files;
}

function padded(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}

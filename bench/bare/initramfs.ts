/** The bare machine's initramfs: pyro's own without its agent, and a shell script as its first process. */
import { type CpioEntry, cpioArchive } from "../../src/environments/cpio.ts";
import { diskSerial } from "../../src/vmm/machine.ts";

const HEADER_BYTES = 110;
const KIND_MASK = 0o170000;
const REGULAR_FILE = 0o100000;
/** Where pyro's initramfs has its modules, and the file there that lists those to load, in order. */
const MODULES = "modules/";
const LOAD_ORDER = "modules/load-order";

/** Loads the modules in one process, mounts the root image read-only, and gives the console a shell in it. */
const init = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
read modules </load-order
/bin/busybox modprobe -a $modules
for disk in /sys/block/vd*; do
  serial=
  read serial <$disk/serial
  [ "$serial" = ${diskSerial.root} ] && /bin/busybox mount -t squashfs -o ro /dev/\${disk##*/} /root
done
exec /bin/busybox chroot /root /bin/sh -i
`;

/** What a bare machine with a network card does beside that: the program runs in the root image, with these arguments, in the shell's place. */
export interface NetworkedProgram {
  readonly modules: readonly { readonly name: string; readonly content: Buffer }[];
  /** A Python program */
  readonly text: string;
  readonly args: readonly string[];
}

/** The addresses are those of QEMU's user network. */
function networkedInit({ args }: NetworkedProgram): string {
  const start = `/bin/busybox ifconfig lo 127.0.0.1 up
/bin/busybox ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
/bin/busybox route add default gw 10.0.2.2
/bin/busybox chroot /root /usr/bin/python3 - ${args.join(" ")} </program.py
`;
  return init.replace(/^exec /m, `${start}exec `);
}

/** The archive, from the content of pyro's initramfs, the kernel's release, and a static busybox. */
export function bareInitramfs(
  pyroInitramfs: Buffer,
  release: string,
  busybox: Buffer,
  program?: NetworkedProgram,
): Buffer {
  const modules = (program?.modules ?? []).map(({ name, content }) => ({ path: `${MODULES}${name}`, content }));
  const files = [...filesOf(pyroInitramfs), ...modules];
  const home = `lib/modules/${release}`;
  const names =
    files
      .find(({ path }) => path === LOAD_ORDER)
      ?.content.toString("utf8")
      .split("\n")
      .filter(Boolean)
      .concat(program?.modules.map(({ name }) => name) ?? []) ?? [];
  const directories = ["proc", "sys", "dev", "root", "bin", "lib", "lib/modules", home];
  return cpioArchive([
    ...directories.map((path): CpioEntry => ({ kind: "directory", path, mode: 0o755 })),
    { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "file", path: "bin/busybox", mode: 0o755, content: busybox },
    textFile("init", program === undefined ? init : networkedInit(program)),
    ...(program === undefined ? [] : [textFile("program.py", program.text)]),
    textFile("load-order", `${names.map((name) => name.replace(/\.ko$/, "")).join(" ")}\n`),
    // The order is given, so that modprobe has no dependencies to follow.
    textFile(`${home}/modules.dep`, names.map((name) => `${name}:\n`).join("")),
    ...files
      .filter(({ path }) => path.endsWith(".ko"))
      .map(({ path, content }): CpioEntry => {
        return { kind: "file", path: `${home}/${path.slice(MODULES.length)}`, mode: 0o644, content };
      }),
  ]);
}

function textFile(path: string, text: string): CpioEntry {
  return { kind: "file", path, mode: 0o755, content: Buffer.from(text) };
}

interface ArchivedFile {
  readonly path: string;
  readonly content: Buffer;
}

/** The regular files of a newc archive. */
function filesOf(archive: Buffer): ArchivedFile[] {
  const files: ArchivedFile[] = [];
  for (let at = 0; at + HEADER_BYTES <= archive.length; ) {
    const start = at + "070701".length;
    const field = (index: number) =>
      Number.parseInt(archive.toString("latin1", start + index * 8, start + index * 8 + 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = at + HEADER_BYTES;
    const content = padded(name + nameSize);
    if ((mode & KIND_MASK) === REGULAR_FILE) {
      const path = archive.toString("utf8", name, name + nameSize - 1);
      files.push({ path, content: archive.subarray(content, content + size) });
    }
    at = padded(content + size);
  }
  return files;
}

function padded(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}

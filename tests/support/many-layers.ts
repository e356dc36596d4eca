/** Twelve layers that hold every case in which one layer changes another, and every name and attribute that is hard to keep. */
import { layerOf, type MadeLayer } from "./oci-layout.ts";
import { pax, type TarPart, tarOf } from "./tar-maker.ts";

const MTIME = 1_700_000_000;

const file = (name: string | Buffer, content: string | Buffer, more: Partial<TarPart> = {}): TarPart => ({
  name,
  content,
  mtime: MTIME,
  ...more,
});
const directory = (name: string, more: Partial<TarPart> = {}): TarPart => ({
  name: `${name}/`,
  type: "5",
  mode: 0o755,
  mtime: MTIME + 1,
  ...more,
});
const symlink = (name: string, link: string | Buffer): TarPart => ({
  name,
  type: "2",
  link,
  mode: 0o777,
  mtime: MTIME + 2,
});
const hardLink = (name: string, link: string): TarPart => ({ name, type: "1", link, mtime: MTIME + 3 });
const whiteout = (name: string): TarPart => file(name, "", { mode: 0 });
const longName = (name: Buffer): TarPart => ({
  name: "././@LongLink",
  type: "L",
  content: Buffer.concat([name, Buffer.of(0)]),
  magic: "ustar  \0",
});
const xattr = (name: string, value: Buffer | string) => pax({ [`SCHILY.xattr.${name}`]: value });
/** `cap_net_raw=ep`, as the kernel has it */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** A sparse file in GNU's old form: 8 KiB of which two blocks are stored. */
export function oldSparse(name: string): Buffer {
  const made = tarOf(
    [
      {
        name,
        type: "S",
        content: Buffer.concat([Buffer.alloc(512, "A"), Buffer.alloc(512, "B")]),
        magic: "ustar  \0",
        mtime: MTIME,
      },
    ],
    Buffer.alloc(0),
  );
  const octal = (value: number, at: number) => made.write(`${value.toString(8).padStart(11, "0")}\0`, at);
  for (const [at, value] of [1024, 512, 4096, 512, 8192, 0].entries()) octal(value, 386 + at * 12);
  octal(8192, 483);
  made.fill(" ", 148, 156);
  const sum = made.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  made.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return made;
}

const sparseMap = "2\n1024\n512\n4096\n512\n";
const stored = Buffer.concat([Buffer.alloc(512, "A"), Buffer.alloc(512, "B")]);

const base: readonly TarPart[] = [
  directory("./", { mode: 0o751 }),
  directory("etc"),
  file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
  file("etc/hosts", "127.0.0.1 image\n"),
  file("etc/hostname", "image\n"),
  file("etc/machine-id", ""),
  file("etc/resolv.conf", ""),
  ...["proc", "sys", "dev", "run", "workspace"].map((name) => directory(name)),
  directory("tmp", { mode: 0o1777 }),
  directory("root", { mode: 0o700 }),
  directory("usr"),
  directory("usr/lib"),
  directory("usr/bin"),
  symlink("lib", "usr/lib"),
  symlink("abs", "/usr/bin"),
  file("usr/bin/su", "su", { mode: 0o4755 }),
  file("usr/bin/wall", "wall", { mode: 0o2755, owner: [0, 5] }),
  directory("gone"),
  file("gone/a", "a"),
  directory("gone/deep"),
  file("gone/deep/b", "b"),
  directory("opaque"),
  file("opaque/lower", "lower"),
  directory("opaque/sub"),
  file("opaque/sub/x", "x"),
  directory("again"),
  file("again/old", "old"),
  file("victim", "victim"),
  file("becomes-directory", "file"),
  directory("becomes-file"),
  file("becomes-file/inner", "inner"),
  directory("link-becomes-directory-target"),
  file("link-becomes-directory-target/kept", "kept"),
  symlink("link-becomes-directory", "link-becomes-directory-target"),
  file("one", "shared content"),
  hardLink("two", "one"),
  file("lower-original", "lower content that stays"),
  file("cut-original", "content whose first name goes"),
  directory("metadata", { mode: 0o700, owner: [1000, 1000] }),
  file("metadata/kept", "kept"),
];

const layers: readonly (readonly (TarPart | Buffer)[])[] = [
  base,
  [whiteout(".wh.victim"), directory("gone"), whiteout("gone/.wh.a"), file("gone/new", "new")],
  [directory("opaque", { mode: 0o711 }), whiteout("opaque/.wh..wh..opq"), file("opaque/upper", "upper")],
  [whiteout(".wh.again"), directory("again"), file("again/new", "new")],
  [
    directory("becomes-directory"),
    file("becomes-directory/inner", "inner"),
    file("becomes-file", "file"),
    directory("link-becomes-directory"),
    file("link-becomes-directory/own", "own"),
  ],
  [
    file("./lib/through-symlink", "through"),
    file("/abs/absolute", "absolute"),
    file(".//dotted/./name", "dotted"),
    file("implied/parents/are/made", "made"),
  ],
  [hardLink("linked-low", "lower-original"), hardLink("linked-cut", "cut-original")],
  [whiteout(".wh.cut-original"), file("one", "replaced, which leaves the other name alone"), hardLink("three", "two")],
  [
    directory("metadata", { mode: 0o2775, owner: [7, 8], mtime: MTIME + 50 }),
    file("twice", "first of them"),
    file("twice", "second"),
    file("owned", "owned", { owner: [0o7777777, 65_534] }),
    pax({ uid: "4000000000", gid: "3000000", mtime: "1600000000.75" }),
    file("far-owned", "far"),
  ],
  [
    file("a name with spaces", "spaces"),
    file("new\nline", "newline"),
    file(Buffer.from([0x62, 0xff, 0xfe, 0x80]), "bytes"),
    pax({ path: `${"long/".repeat(60)}ünïcödé\n`, mtime: "1650000000" }),
    file("short", "long path"),
    longName(Buffer.concat([Buffer.from("gnu/".repeat(40)), Buffer.from([0xe9, 0x0a, 0x20])])),
    file("gnu", "long name"),
    pax({ linkpath: "t".repeat(300) }),
    symlink("long-target", "t"),
    symlink("odd-target", Buffer.from([0xff, 0x20, 0x0a])),
    symlink("dangling", "/nowhere/at/all"),
    file("back\\slash", "backslash"),
    file("-dash", "dash"),
  ],
  [
    xattr("security.capability", CAPABILITY),
    file("capable", "capable", { mode: 0o755 }),
    pax({ "SCHILY.xattr.user.text": "value=with\nlines", "SCHILY.xattr.user.zero": Buffer.from([0, 1, 0, 255]) }),
    file("attributed", "attributed"),
    xattr("user.directory", "yes"),
    directory("attributed-directory"),
    xattr("trusted.overlay.opaque", "y"),
    directory("overlay-trick"),
    { name: "fifo", type: "6", mode: 0o640, mtime: MTIME },
    { name: "a-device", type: "3", mode: 0o660, device: [1, 3], mtime: MTIME },
    { name: "a-block", type: "4", mode: 0o660, device: [7, 0], mtime: MTIME },
    { name: "dev/null", type: "3", mode: 0o666, device: [1, 3], mtime: MTIME },
    { name: "deleted-by-overlay", type: "3", device: [0, 0] },
  ],
  [
    pax({
      "GNU.sparse.major": "1",
      "GNU.sparse.minor": "0",
      "GNU.sparse.name": "sparse-1.0",
      "GNU.sparse.realsize": "8192",
    }),
    file("GNUSparseFile.0/sparse-1.0", Buffer.concat([Buffer.from(sparseMap.padEnd(512, "\0")), stored])),
    pax({
      "GNU.sparse.size": "8192",
      "GNU.sparse.numblocks": "2",
      "GNU.sparse.map": "1024,512,4096,512",
      "GNU.sparse.name": "sparse-0.1",
    }),
    file("GNUSparseFile.0/sparse-0.1", stored),
    file("large", Buffer.alloc(3_000_000, "0123456789abcdef")),
    file("empty", ""),
    file("block", Buffer.alloc(512, 1)),
  ],
];

/** The layers, lowest first. */
export function manyLayers(): MadeLayer[] {
  return layers.map((parts, at) => layerOf(tarWith(parts), at % 3 === 1 ? "none" : "gzip"));
}

function tarWith(parts: readonly (TarPart | Buffer)[]): Buffer {
  const pieces = parts.map((part) => (Buffer.isBuffer(part) ? part : tarOf([part], Buffer.alloc(0))));
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

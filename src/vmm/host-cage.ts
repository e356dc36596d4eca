/** The machine of `--allow-host-compat`: the agent in a bubblewrap cage over an environment's files, on the host's own kernel. */
import { PyroError } from "../contract/errors.ts";
import { startChild } from "../platform/child.ts";
import { innermostChild } from "../platform/process-facts.ts";
import { walls } from "./cage.ts";
import type { Machine, MachineEnd } from "./machine.ts";
import { Ring, shownTail, VMM_LOG_BYTES } from "./ring.ts";

/** Where the cage keeps what it needs to fill itself; nothing of it is writable. */
const TOOLS = "/.pyro";
const LOADER = `${TOOLS}/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path ${TOOLS}/lib/x86_64-linux-gnu`;
/** Directories that the cage provides itself. */
const ownDirectories = "proc dev sys .pyro";

/** Descriptor numbers inside the cage. */
const cageFile = { channel: 3, image: 4 } as const;

export interface HostCageSpec {
  readonly programs: { readonly bwrap: string; readonly unsquashfs: string };
  /** Absolute path of the agent */
  readonly agent: string;
  /** The environment's root image, open for reading */
  readonly image: number;
}

/**
 * Starts a cage. The environment is unpacked into the cage's own memory, which ends with it: no file of it has a name on the host.
 * unsquashfs answers 2 where it may not give a file the owner or device number it has in the image, which a cage never may.
 */
export function startHostCage(spec: HostCageSpec): Machine {
  const fill = `${LOADER} ${TOOLS}/unsquashfs -q -n -f -no-xattrs -d / -excludes ${TOOLS}/image ${ownDirectories} >/dev/null 2>&1`;
  const script = `${fill}; [ $? -le 2 ] || exit 1; exec ${TOOLS}/agent --stdin <&${cageFile.channel} ${cageFile.channel}<&- ${cageFile.image}<&-`;
  const child = startChild({
    launcher: spec.agent,
    program: spec.programs.bwrap,
    args: hostCageArgs(spec, script),
    files: ["stream", spec.image],
  });
  const log = new Ring(VMM_LOG_BYTES);
  child.stdout.on("data", (chunk: Buffer) => log.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => log.push(chunk));
  const channel = child.stream(cageFile.channel);
  let killed = false;
  const ended = child.ended.then((): MachineEnd => {
    return {
      reason: killed ? "killed" : "vmm_failed",
      cause: null,
      console_tail: "",
      vmm_tail: shownTail(log.text()),
    };
  });
  const kill = async () => {
    killed = true;
    child.kill();
    await ended;
    channel.destroy();
  };
  const addLayer = async () => {
    throw new PyroError("not_available", "A cage on the host's own kernel has no disk to put a layer on");
  };
  const pid = () => innermostChild(child.pid ?? 0);
  return { execution_mode: "host_compat", channel, ended, addLayer, kill, pid };
}

function hostCageArgs(spec: HostCageSpec, script: string): string[] {
  const tools = [
    ["/usr/lib", "lib"],
    ["/bin/sh", "sh"],
    [spec.programs.unsquashfs, "unsquashfs"],
    [spec.agent, "agent"],
    [`/proc/self/fd/${cageFile.image}`, "image"],
  ];
  return [
    ...walls,
    ...["--uid", "0", "--gid", "0"],
    ...tools.flatMap(([path = "", name]) => ["--ro-bind", path, `${TOOLS}/${name}`]),
    ...["--dir", "/workspace", "--perms", "1777", "--dir", "/tmp"],
    ...["--chdir", "/", "--", ...LOADER.split(" "), `${TOOLS}/sh`, "-c", script],
  ];
}

/** Fetches Debian's guest kernel package and picks the kernel and its modules out of it, unpacking nothing on disk. */
import { basename } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { PyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import { requirePrograms } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";
import { hostProxy } from "./archive.ts";
import { buildError } from "./archive-log.ts";
import { runGuarded, scratch } from "./guard.ts";
import { type KernelModule, moduleName } from "./modules.ts";
import { archiveKeyring, mirrorsOf, proxySettings, sourceLines, type Variables } from "./sources.ts";

const SUITE = "bookworm";
const META_PACKAGE = "linux-image-cloud-amd64";
const SCRATCH_MIB = 384;
const MAX_ENTRY_BYTES = 64 * 1024 * 1024;
const MAX_TOTAL_BYTES = 512 * 1024 * 1024;

const script = `
build() {
  local sources=$1 meta=$2 package file
  ${hostProxy}
  mkdir -p etc/preferences.d etc/apt.conf.d etc/sources.list.d lists/partial archives/partial
  : > status
  printf '%s' "$sources" > etc/sources.list
  cat > apt.conf <<END
Dir "/";
Dir::State "$PWD"; Dir::State::status "$PWD/status"; Dir::State::lists "$PWD/lists";
Dir::Cache "$PWD"; Dir::Cache::archives "$PWD/archives";
Dir::Etc "$PWD/etc"; Dir::Etc::sourcelist "sources.list"; Dir::Etc::sourceparts "sources.list.d";
Dir::Etc::parts "apt.conf.d"; Dir::Etc::preferencesparts "preferences.d";
APT::Architecture "amd64"; APT::Architectures { "amd64"; }; APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none"; Acquire::Retries "2"; Acquire::http::Timeout "20"; Acquire::https::Timeout "20";
END
  export APT_CONFIG=$PWD/apt.conf
  apt-get update >&2 || return 100
  package=$(apt-cache depends "$meta" | sed -n 's/^ *Depends: \\(linux-image-[0-9].*\\)$/\\1/p' | head -n 1)
  [ -n "$package" ] || { echo "E: $meta depends on no kernel" >&2; return 1; }
  echo "pyro: package $package" >&2
  apt-get download "$package" >&2 || return 100
  file=$(echo "$package"_*.deb)
  echo "pyro: version $(dpkg-deb --field "$file" Version)" >&2
  dpkg-deb --fsys-tarfile "$file"
}
`;

/** What the package holds. */
export interface KernelPackage {
  readonly package: string;
  readonly package_version: string;
  readonly release: string;
  readonly mirror: string;
  readonly bz_image: Buffer;
  readonly modules: ReadonlyMap<string, KernelModule>;
  readonly built_in: ReadonlySet<string>;
}

/** What fetching needs. */
export interface FetchOptions {
  readonly env: Variables;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Fetches the kernel package that the archive's meta package depends on today. */
export async function fetchKernelPackage(paths: StatePaths, options: FetchOptions): Promise<KernelPackage> {
  requirePrograms(["apt-get", "dpkg-deb"]);
  const mirrors = mirrorsOf(options.env);
  const sources = sourceLines(SUITE, mirrors, `[signed-by=${archiveKeyring()}] `);
  const marks = new Map<string, string>();
  const content = new PackageContent();
  void options.emit({ type: "progress", stage: "updating", message: "Reading the package lists for the guest kernel" });
  const result = await runGuarded({
    script,
    args: [sources.map((line) => `${line}\n`).join(""), META_PACKAGE],
    ...scratch(SCRATCH_MIB, paths),
    env: proxySettings(options.env),
    signal: options.signal,
    onMark: (words) => {
      const [name = "", value = ""] = words.split(" ");
      marks.set(name, value);
      if (name === "package")
        void options.emit({ type: "progress", stage: "downloading", message: `Downloading ${value}` });
    },
    onOutput: (stream) => content.read(stream),
  });
  if (result.exit_code !== 0) throw buildError(result.log, "the guest kernel", paths.cache);
  return {
    package: marks.get("package") ?? "",
    package_version: marks.get("version") ?? "",
    mirror: mirrors.mirror,
    ...content.finish(),
  };
}

/** Collects the entries of the package that matter. */
class PackageContent {
  #image: { release: string; content: Buffer } | undefined;
  readonly #modules = new Map<string, KernelModule>();
  #builtIn: string[] = [];
  #total = 0;
  #refused: string | undefined;

  async read(stream: Readable): Promise<void> {
    const tar = extract();
    const taking = this.#takeAll(tar);
    taking.catch(() => undefined);
    // A package that is cut off fails with apt's or dpkg's own reason, so the pipe's failure says nothing more.
    await pipeline(stream, tar).catch(() => undefined);
    tar.destroy();
    await taking.catch((thrown: unknown) => {
      if (thrown instanceof PyroError) throw thrown;
    });
  }

  async #takeAll(tar: ReturnType<typeof extract>): Promise<void> {
    for await (const entry of tar) {
      const { name, size, type } = entry.header;
      if (type === "file") await this.#take(name, size ?? 0, entry as AsyncIterable<Uint8Array>);
      entry.resume();
    }
  }

  async #take(path: string, size: number, entry: AsyncIterable<Uint8Array>): Promise<void> {
    const file = basename(path);
    const isModule = /\/lib\/modules\/.*\.ko$/.test(path);
    if (/\.ko\.(xz|zst|gz)$/.test(file)) this.#refused ??= file;
    if (!isModule && !/\/boot\/vmlinuz-/.test(path) && file !== "modules.builtin") return;
    this.#total += size;
    if (size > MAX_ENTRY_BYTES || this.#total > MAX_TOTAL_BYTES)
      throw new PyroError("environment_build_failed", `the kernel package's entry "${path}" is too large`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    if (isModule) this.#modules.set(moduleName(file), { name: moduleName(file), file, content });
    else if (file === "modules.builtin") this.#builtIn = content.toString("utf8").split("\n");
    else this.#image = { release: file.slice("vmlinuz-".length), content };
  }

  finish(): Pick<KernelPackage, "release" | "bz_image" | "modules" | "built_in"> {
    if (this.#image === undefined)
      throw new PyroError("environment_build_failed", "the kernel package holds no kernel image");
    if (this.#refused !== undefined)
      throw new PyroError("environment_build_failed", `the kernel module "${this.#refused}" is compressed`, {
        hint: "This version of pyro reads uncompressed modules, as Debian 12 has them",
      });
    const built_in = new Set(this.#builtIn.map((path) => moduleName(basename(path))));
    return { release: this.#image.release, bz_image: this.#image.content, modules: this.#modules, built_in };
  }
}

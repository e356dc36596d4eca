/** A repository on its server: what a name stands for there, and the one commit that is fetched of it. */
import { type Advertisement, readAdvertisement, readRef } from "./advertisement.ts";
import type { CloneLimits } from "./limits.ts";
import { type PackAnswer, readPack } from "./pack.ts";
import { DELIMITER, FLUSH, inconsistent, PacketReader, packet } from "./packets.ts";
import { type Choice, chooseRef, type ObjectFormat, prefixesOf, type RemoteRef } from "./repo-ref.ts";
import type { RepoServer } from "./repo-server.ts";

/** Abilities of an old server that are made use of where it has them. */
const used = ["side-band-64k", "ofs-delta", "no-progress", "shallow"];

export class Remote {
  readonly choice: Choice;
  readonly #server: RepoServer;
  readonly #advertised: Advertisement;
  readonly #limits: CloneLimits;

  private constructor(server: RepoServer, advertised: Advertisement, choice: Choice, limits: CloneLimits) {
    this.#server = server;
    this.#advertised = advertised;
    this.#limits = limits;
    this.choice = choice;
  }

  get format(): ObjectFormat {
    return this.#advertised.format;
  }

  /** Asks the server what `ref` stands for; raises `repo_ref_not_found`, `repo_ref_ambiguous`, `repo_inconsistent` and what the server is not reached for. */
  static async find(server: RepoServer, ref: string | undefined, limits: CloneLimits): Promise<Remote> {
    const advertised = await readAdvertisement(await server.discover(), limits.refs_bytes);
    const refs = advertised.version === 0 ? advertised.refs : await listRefs(server, advertised.format, ref, limits);
    return new Remote(server, advertised, chooseRef(ref, refs, advertised.format), limits);
  }

  /** Fetches the commit, without its history where the server can do that. */
  async fetch(): Promise<PackAnswer> {
    const { version, format, can_be_shallow: is_cut } = this.#advertised;
    const answer = await this.#server.ask(version === 2 ? this.#newerRequest() : this.#olderRequest());
    return readPack(answer, { version, format, is_cut, limits: this.#limits });
  }

  #newerRequest(): string {
    const { format, can_be_shallow } = this.#advertised;
    return [
      packet("command=fetch\n"),
      ...formatLines(format),
      DELIMITER,
      packet("no-progress\n"),
      packet("ofs-delta\n"),
      ...(can_be_shallow ? [packet("deepen 1\n")] : []),
      packet(`want ${this.choice.id}\n`),
      packet("done\n"),
      FLUSH,
    ].join("");
  }

  #olderRequest(): string {
    const { format, can_be_shallow, abilities } = this.#advertised;
    if (!abilities.includes("side-band-64k")) throw inconsistent("speaks a version of Git's protocol that is too old");
    const asked = used.filter((ability) => abilities.includes(ability));
    if (format !== "sha1") asked.push(`object-format=${format}`);
    return [
      packet(`want ${this.choice.id} ${asked.join(" ")}\n`),
      ...(can_be_shallow ? [packet("deepen 1\n")] : []),
      FLUSH,
      packet("done\n"),
    ].join("");
  }
}

/** The refs that a name may stand for, from a server of the newer protocol. */
async function listRefs(
  server: RepoServer,
  format: ObjectFormat,
  ref: string | undefined,
  { refs_bytes }: CloneLimits,
): Promise<RemoteRef[]> {
  const wanted = prefixesOf(ref);
  const prefixes = wanted.map((prefix) => packet(`ref-prefix ${prefix}\n`));
  const head = [packet("command=ls-refs\n"), ...formatLines(format), DELIMITER, packet("peel\n"), packet("symrefs\n")];
  const answer = await server.ask([...head, ...prefixes, FLUSH].join(""));
  const reader = new PacketReader(answer, refs_bytes);
  const found: RemoteRef[] = [];
  try {
    // A prefix may be that of many, and a server need not keep to it.
    for await (const line of reader.lines()) {
      const one = readRef(line, format);
      if (one !== undefined && wanted.includes(one.name)) found.push(one);
    }
  } finally {
    await reader.close();
  }
  return found;
}

function formatLines(format: ObjectFormat): string[] {
  return format === "sha1" ? [] : [packet(`object-format=${format}\n`)];
}

/** The names that a guest connected to under each rule that stands for many: so many, and so many within a while, as each carries bits to whoever runs their name servers. */

export interface NamesBelowLimits {
  /** Different names under one rule */
  readonly names_below: number;
  /** Different names under one rule that may come at once; as many come back within `names_ms` */
  readonly names_at_once: number;
  readonly names_ms: number;
}

/** What is known of one rule. */
interface Under {
  readonly names: Set<string>;
  /** Names that may still come, and when that was counted */
  left: number;
  counted_at: number;
}

export class NamesBelow {
  readonly #limits: NamesBelowLimits;
  readonly #now: () => number;
  readonly #rules = new Map<string, Under>();

  constructor(limits: NamesBelowLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Notes a name under a rule; false where there were too many. One that was noted before may come at any time. */
  note(rule: string, name: string): boolean {
    const under = this.#under(rule);
    if (under.names.has(name)) return true;
    if (under.names.size >= this.#limits.names_below || under.left < 1) return false;
    under.left -= 1;
    under.names.add(name);
    return true;
  }

  #under(rule: string): Under {
    const { names_at_once, names_ms } = this.#limits;
    const now = this.#now();
    const under = this.#rules.get(rule) ?? { names: new Set(), left: names_at_once, counted_at: now };
    const come_back = ((now - under.counted_at) * names_at_once) / names_ms;
    under.left = Math.min(names_at_once, under.left + come_back);
    under.counted_at = now;
    this.#rules.set(rule, under);
    return under;
  }
}

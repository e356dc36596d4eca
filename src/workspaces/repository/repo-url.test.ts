/** Addresses of repositories: what is cloned from, what is refused, and what is never shown (GIT-02, GIT-03). */
import { describe, expect, it } from "vitest";
import { toPyroError } from "../../contract/errors.ts";
import { readRepoUrl } from "./repo-url.ts";

describe("an address", () => {
  it.each([
    ["https://github.com/a/b", "https://github.com/a/b", "github.com", 443, "/a/b"],
    ["HTTPS://GitHub.com.:443/a/b.git/", "https://github.com/a/b.git", "github.com", 443, "/a/b.git"],
    ["https://h.example:8443/", "https://h.example:8443/", "h.example", 8443, ""],
    ["https://h.example/a%20b/~c/_git/d", "https://h.example/a%20b/~c/_git/d", "h.example", 443, "/a%20b/~c/_git/d"],
    ["https://2130706433/x", "https://127.0.0.1/x", "127.0.0.1", 443, "/x"],
    ["https://0x7f.1/x", "https://127.0.0.1/x", "127.0.0.1", 443, "/x"],
    ["https://[::FFFF:10.0.0.1]/x", "https://10.0.0.1/x", "10.0.0.1", 443, "/x"],
    ["https://[2606:4700:0::1]:9/x", "https://[2606:4700::1]:9/x", "2606:4700::1", 9, "/x"],
  ])("%s is read as it is meant", (text, shown, host, port, path) => {
    const url = readRepoUrl(text);
    expect([url.shown, url.host.name, url.port, url.path, url.authorization]).toEqual([
      shown,
      host,
      port,
      path,
      undefined,
    ]);
  });

  it("is shown without a name and a password, which go into a header", () => {
    const url = readRepoUrl("https://user:t%3Aok%40en@h.example/a");
    expect(url.shown).toBe("https://h.example/a");
    expect(Buffer.from(url.authorization?.slice("Basic ".length) ?? "", "base64").toString()).toBe("user:t:ok@en");
    expect(readRepoUrl("https://tok@h.example/a").authorization).toBe(
      `Basic ${Buffer.from("tok:").toString("base64")}`,
    );
    expect(readRepoUrl("https://@h.example/a").authorization).toBeUndefined();
  });

  it.each([
    "",
    "ext::sh -c id",
    "EXT::sh",
    "fd::17",
    "file:///etc",
    "/local/path",
    "../up",
    "-oProxyCommand=x",
    "--upload-pack=touch",
    "ssh://-oProxyCommand=x/",
    "ssh://git@h.example/a",
    "git@-x:y",
    "git@github.com:a/b.git",
    "git://h.example/a",
    "http://h.example/a",
    "http://127.0.0.1/a",
    "https:/evil.com/x",
    "https:///evil.com/x",
    "https:evil.com/x",
    "https://h.example",
    "https://h.example?x",
    "https://h.example/a?b",
    "https://h.example/a#b",
    "https://h.example/a\nb",
    "https://h.example/a%0ab",
    "https://h.example/a%00b",
    "https://h.example/a%2fb",
    "https://h.example/a%zzb",
    "https://h.example/a/../b",
    "https://h.example/a/%2E%2e/b",
    "https://h.example//a",
    "https://h.example/a\\b",
    "https://h.example\\x@evil.com\\a/b",
    "https://h.example/a b",
    "https://user:secret-token@a@b/x",
    "https://user:secret-token%0a@h.example/x",
    "https://user:secret-token%ff@h.example/x",
    "https://h_x.example/a",
    "https://-h.example/a",
    "https://.example/a",
    "https://h..example/a",
    "https://exämple.com/a",
    "https://1.2.3.4.5/a",
    "https://[::1/a",
    "https://[fe80::1%25eth0]/a",
    "https://h.example:0/a",
    "https://h.example:99999/a",
    "https://h.example:/a",
    "https://h.example\0.github.com/a",
    `https://h.example/${"a".repeat(2_048)}`,
  ])("%j is refused, and not quoted", (text) => {
    let thrown: unknown;
    try {
      readRepoUrl(text);
    } catch (error) {
      thrown = error;
    }
    const error = toPyroError(thrown);
    expect(error.code).toBe("repo_url_invalid");
    expect(JSON.stringify(error)).not.toMatch(/secret-token/);
  });
});

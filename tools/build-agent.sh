#!/bin/sh
# Builds the guest agent and describes the build, so that host and guest can tell that they belong together.
set -eu
cd "$(dirname "$0")/.."

crate=guest/agent
build=$(find "$crate/src" "$crate/Cargo.toml" "$crate/Cargo.lock" "$crate/.cargo" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
(cd "$crate" && PYRO_AGENT_BUILD=$build cargo build --release --locked --quiet)
mkdir -p dist/guest
cp "$crate/target/x86_64-unknown-linux-gnu/release/pyro-agent" dist/guest/pyro-agent.new
mv dist/guest/pyro-agent.new dist/guest/pyro-agent
version=$(dist/guest/pyro-agent --version | cut -d' ' -f2)
sha256=$(sha256sum dist/guest/pyro-agent | cut -d' ' -f1)
printf '{"schema_version":1,"version":"%s","build":"%s","sha256":"%s"}\n' "$version" "$build" "$sha256" > dist/guest/agent.json

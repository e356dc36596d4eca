# Two commands are enough: make demo, make test. The rest is their parts.
.DELETE_ON_ERROR:
.PHONY: help demo test test-kvm test-mcp-tools test-hosts check build setup bench publish-environments generate package-files package clean

sources := $(shell find src tools bench -name '*.ts' 2>/dev/null) package.json tsconfig.json tsconfig.build.json tsdown.config.ts
agent_sources := $(shell find guest/agent/src guest/agent/.cargo -type f 2>/dev/null) guest/agent/Cargo.toml guest/agent/Cargo.lock

help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: build ## From a fresh checkout to a command in a microVM
	bin/pyro run debian:12 -- git --version

test: build ## All tests; ends with "N passed, N failed"
	@tools/host-packages.sh --tests || echo "pyro: going on without; tests that need these programs are skipped" >&2
	@node dist/tools/run-tests.js

test-kvm: build ## The VM tests under KVM, emulated where the host has none; TESTS=FILE for some
	@tools/test-kvm/run.sh $(TESTS)

test-mcp-tools: build ## The MCP Inspector and the conformance suite against the server; gets them from npm
	@tools/test-mcp-tools/run.sh

test-hosts: build ## Real chat hosts from npm (1.1 GB), scripted model; TESTS=FILE for some; "N passed, N failed"
	@node dist/tools/run-host-tests.js $(TESTS)

check: build ## Format, lint, types, unit and contract tests: under a minute, before every commit
	@npx --no-install biome check .
	@npx --no-install tsc -p tsconfig.json --noEmit
	@npx --no-install vitest run --project unit --project contract --project scenarios

build: dist/cli.js dist/guest/agent.json ## The command and the guest agent, from source

setup: node_modules/.package-lock.json ## Host packages and Node dependencies

bench: build ## Measure; prints a table and writes bench/results.json
	@node dist/bench/main.js

publish-environments: build ## Push the catalog as images; REGISTRY=HOST/PATH
	@test -n "$(REGISTRY)" || { echo "make publish-environments REGISTRY=localhost:5000/pyro" >&2; exit 2; }
	@node dist/tools/publish-environments.js "$(REGISTRY)"

generate: build ## Write protocol/ and docs/reference/ anew
	@node dist/tools/generate.js

package-files: build
	@:

package: build ## The npm package as a tarball
	npm pack --ignore-scripts

clean: ## Remove what was built
	rm -rf dist guest/agent/target node_modules

node_modules/.package-lock.json: package.json package-lock.json
	@tools/toolchain.sh
	@tools/host-packages.sh
	npm ci --no-fund --no-audit
	@touch $@

dist/cli.js: node_modules/.package-lock.json $(sources)
	@npx --no-install tsdown --logLevel warn
	@npx --no-install tsc -p tsconfig.build.json
	@touch $@

dist/guest/agent.json: node_modules/.package-lock.json $(agent_sources) tools/build-agent.sh
	tools/build-agent.sh

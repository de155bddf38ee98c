#!/usr/bin/env bash
# Installs the coding agents that `make agents` runs, exactly as locked, into target/agents:
# `claude` and `codex` are then found in target/agents/bin. Does nothing when that is done.
# Claude Code is proprietary; npm downloads it for whoever runs this, under the terms in its package.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
agents=$here/../../target/agents
mkdir -p "$agents"
agents=$(cd "$agents" && pwd)

inputs=("$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/setup.sh")
[ -f "$agents/stamp" ] && [ "$(cat "$agents/stamp")" = "$(cat "${inputs[@]}" | sha256sum)" ] && exit

echo "installing the coding agents: 800 MB" >&2
rm -rf "$agents/bin" "$agents/node_modules"
mkdir -p "$agents/bin"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$agents/"
(cd "$agents" && npm ci --silent --ignore-scripts)
# The packages' own commands need node, or a script that npm does not run here; the programs themselves need neither.
claude=("$agents"/node_modules/@anthropic-ai/claude-code-*/claude)
codex=("$agents"/node_modules/@openai/codex-*/vendor/*/bin/codex)
ln -s "${claude[0]}" "${codex[0]}" "$agents/bin/"
test -x "$agents/bin/claude"
test -x "$agents/bin/codex"
cat "${inputs[@]}" | sha256sum > "$agents/stamp"

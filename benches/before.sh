#!/usr/bin/env bash
# before.sh COMMIT: builds an earlier commit with its own benches, so that
# `make bench BEFORE=COMMIT` can measure it in turn with what is here: target/before/COMMIT.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
commit=$1
id=$(git rev-parse --verify --quiet "$commit^{commit}") || {
  echo "there is no commit $commit" >&2
  exit 2
}
git show "$id:benches/figures/main.rs" 2>/dev/null | grep -q -- --measure || {
  echo "the benches of $commit do not measure one group of questions alone, so it cannot be compared with" >&2
  exit 2
}
# Not below this folder: cargo would add this .cargo/config.toml to the settings of that commit.
work=${XDG_CACHE_HOME:-$HOME/.cache}/wxmcp-before/$id
if ! [ -e "$work/tree/Makefile" ]; then
  echo "building $commit to compare with: as long as the first build" >&2
  rm -rf "$work"
  git worktree prune
  git worktree add --force --detach "$work/tree" "$id" >&2
fi
rm -rf "target/before/$commit"
mkdir -p "$(dirname "target/before/$commit")"
ln -s "$work" "target/before/$commit"
cd "$work/tree"
host=$(rustc -vV | sed -n 's/^host: //p')
make build >&2
cargo build -j2 --workspace --bins --config ship.toml >&2
built=target/$host/debug
ln -sfn "tree/$built/wxmcp" "$work/wxmcp"
ln -sfn "tree/$built/figures" "$work/figures"

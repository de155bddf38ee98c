#!/usr/bin/env bash
# before.sh COMMIT: builds an earlier commit into target/before/COMMIT, with the benches of today,
# so that `make bench BEFORE=COMMIT` can measure it in turn with what is here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
commit=$1
work=$PWD/target/before/$commit
[ -x "$work/figures" ] && exit
echo "building $commit to compare with: as long as the first build" >&2
rm -rf "$work"
git worktree prune
git worktree add --force --detach "$work/tree" "$commit" >&2
rm -rf "$work/tree/benches"
cp -r benches "$work/tree/benches"
cd "$work/tree"
host=$(rustc -vV | sed -n 's/^host: //p')
make build >&2
if [ -f ship.toml ]; then
  cargo build -j2 --workspace --bins --config ship.toml >&2
  built=target/$host/debug
else
  # Before there was one profile.
  RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
    cargo build -j2 --release --target "$host" -p wxmcp -p wxmcp-benches >&2
  built=target/$host/release
fi
ln -s "tree/$built/wxmcp" "$work/wxmcp"
ln -s "tree/$built/figures" "$work/figures"

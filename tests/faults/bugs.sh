#!/usr/bin/env bash
# Puts known bugs back, one after the other, and says which seed catches each: bash tests/faults/bugs.sh [NAME...]
#
# Each patch in tests/faults/bugs/ is applied to a copy of HEAD in target/bugs, with a target directory of its own. The
# results go to tests/faults/bugs/caught.tsv. FAULT_SEEDS is how many seeds are tried: 2000 unless it is set.
set -euo pipefail
cd "$(dirname "$0")/../.."
checkout=$PWD bugs=$PWD/tests/faults/bugs copy=$PWD/target/bugs/tree caught=$PWD/tests/faults/bugs/caught.tsv

if [ ! -d "$copy" ]; then
  git worktree prune
  git worktree add --quiet --detach "$copy" HEAD
fi
git -C "$copy" checkout --quiet --force --detach "$(git rev-parse HEAD)"
if [ ! -d "$copy/target/debug" ]; then
  mkdir -p "$copy/target/debug"
  cp -a "$checkout"/target/debug/{deps,build,.fingerprint} "$copy/target/debug/"
fi
touch "$caught"

names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(cd "$bugs" && ls -- *.patch | sed 's/\.patch$//')
missed=0
for name in "${names[@]}"; do
  git -C "$copy" checkout --quiet --force
  git -C "$copy" apply "$bugs/$name.patch"
  told=$(cd "$copy" && FAULT_FIRST=1 FAULT_SEEDS=${FAULT_SEEDS:-2000} CARGO_TARGET_DIR="$copy/target" CARGO_INCREMENTAL=1 \
    cargo test --workspace --locked --test faults no_day -- --nocapture 2>&1) || true
  first=$(grep --max-count 1 '^first: ' <<<"$told" || true)
  if [ -z "$first" ]; then
    grep --quiet '^violations: 0' <<<"$told" || { echo "$told" >&2; exit 1; }
    first="first: none" missed=$((missed + 1))
  fi
  row=$(printf '%s\t%s' "$name" "${first#first: }")
  { grep --invert-match "^$name	" "$caught" || true; echo "$row"; } | sort >"$caught.new"
  mv "$caught.new" "$caught"
  echo "$row"
done
git -C "$copy" checkout --quiet --force
[ "$missed" -eq 0 ]

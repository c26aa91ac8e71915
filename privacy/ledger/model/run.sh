#!/bin/sh
# Checks release.pml with Spin: the protocol holds in every state, and every way
# to break it is caught. Needs spin and a C compiler; without them it says so and
# ends well. LONG=1 also tries more crashes with room for both keys.
set -eu
for tool in spin gcc; do
  command -v "$tool" > /dev/null || { echo "model: skipped, $tool is not installed"; exit 0; }
done
model=$(cd "$(dirname "$0")" && pwd)/release.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

# try holds|breaks NAMES... : searches all states with these definitions.
try() {
  want=$1; shift
  flags=; for name in "$@"; do flags="$flags -D$name"; done
  # shellcheck disable=SC2086
  spin -a $flags "$model" > spin.out 2>&1 || { cat spin.out; exit 1; }
  gcc -O1 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=4096 -o pan pan.c
  ./pan -m200000 > pan.out 2>&1 || true
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.out)
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
  seconds=$(sed -n 's/.*elapsed time \([0-9.e+-]*\).*/\1/p' pan.out)
  why=$(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' pan.out)
  # A search that was cut short proves nothing, and a deadlock or a crash of pan is no caught claim.
  got=broken
  if [ "$errors" = 0 ] && ! grep -q 'not completed\|too small\|out of memory' pan.out; then got=holds; fi
  case $why in 'assertion violated'*) got=breaks ;; esac
  printf '%-7s %-32s %10s states %7s s  %s\n' "$got" "${*:-(the protocol)}" "$states" "$seconds" "$why"
  if [ "$got" != "$want" ]; then echo "model: want $want"; cat pan.out; failed=1; fi
}

try holds
try holds B=2
try holds CRASHES=4
try holds NO_LOCK NO_RESTORE
try holds LEASE NO_RESTORE
if [ -n "${LONG:-}" ]; then
  try holds B=2 CRASHES=4
fi
for name in CHARGE_LATE NO_SEAL NO_WITNESS STALE_HANDLE NO_LOCK LEASE REFUND_ON_CRASH UNLOCK_FORGETS; do
  try breaks "$name" SHOWN_ONLY
done
try breaks SEAL_OVER NO_LOCK NO_RESTORE SHOWN_ONLY
for name in FENCE_ONE_PLACE BURN_REFUNDS BURN_REDRAWS UNLOCK_TORN POINT_EARLY; do
  try breaks "$name"
done
exit $failed

#!/usr/bin/env bash
# A program with a million functions: names are found in it within bounds of memory and time.
. "$(dirname "$0")/check.sh"
limit=$((10 * ${ROUGH_SECONDS:-2}))
most_mib=200
"$tools/many_symbols" "$work/huge" 1000000 || { echo 'FAIL huge: not written'; exit 1; }

# bounded WHAT STATUS REGEX PATTERN: `-l PATTERN` ends so, and never takes more memory.
bounded() {
  local what=$1 status=$2 regex=$3 peak
  if [ "$status" -eq 0 ]; then
    answers "$what" 0 "$regex" "$tools/peak" "$zeektrace" -l "uprobe:$work/huge:$4"
  else
    refused "$what" "$status" "$regex" "$tools/peak" "$zeektrace" -l "uprobe:$work/huge:$4"
  fi
  peak=$(sed -n 's/^peak \([0-9]*\) MiB.*/\1/p' .err)
  if [ "${peak:-9999}" -le $most_mib ]; then
    pass "  in $(tail -n 1 .err)"
  else
    fail "  memory" "$(tail -n 1 .err); at most $most_mib MiB are right"
  fi
}
bounded 'one name' 0 ':_ZN2zt8space999' 'zt::space999::Class0::method999999'
bounded 'one symbol' 0 ':_ZN2zt8space999' _ZN2zt8space9996Class012method999999EiRKSt6vectorIiSaIiEE
bounded 'one signature' 0 ':_ZN2zt8space999' "zt::space999::Class0::method999999(int, const std::vector<int, std::allocator<int>>&)"
bounded 'a thousand names' 0 ':_ZN2zt8space123' 'zt::space123::*'
bounded 'no such name' 1 'has no function' 'zt::space999::Class0::methud999999'
if ! grep -qF "did you mean 'zt::space999::Class0::method999999'" .err; then fail 'the near one is named' 'it is not'; fi
close

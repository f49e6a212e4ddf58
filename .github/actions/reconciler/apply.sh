#!/usr/bin/env bash
# apply.sh FOLDER ARGUMENT…: reconciler apply, with its report and its receipt in FOLDER and the report in the summary
# of the step. What waits (exit code 3) is a notice, not a failure: a schedule runs it again. Another apply is waited for.
set -euo pipefail

folder="$1"
shift
mkdir -p "$folder"
place=(--specs "$SPECS" ${ENVIRONMENT:+--env "$ENVIRONMENT"})
code=0
reconciler apply "${place[@]}" "$@" --wait 90 --format github --markdown "$folder/report.md" --receipt "$folder/receipt.json" ||
  code=$?
if [ -e "$folder/report.md" ]; then
  cat "$folder/report.md" >> "$GITHUB_STEP_SUMMARY"
fi
if [ "$code" = 3 ]; then
  echo "::notice title=Something waits::All that could be done was done; the rest waits, or is still to be approved."
  code=0
fi
exit "$code"

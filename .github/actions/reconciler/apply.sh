#!/usr/bin/env bash
# apply.sh FOLDER ARGUMENT…: reconciler apply, with its report and its receipt in FOLDER and the report in the summary
# of the step. What waits (exit code 3) is a notice, not a failure: a schedule runs it again. Another apply is waited for,
# and the newest commit of the branch is taken each time: what was decided against meanwhile is not sent.
set -euo pipefail

folder="$1"
shift
mkdir -p "$folder"
place=(--specs "$SPECS" ${ENVIRONMENT:+--env "$ENVIRONMENT"})
end=$((SECONDS + 90 * 60))
contacts=3
pause="${RECONCILER_PAUSE:-20}" # seconds between two looks

newest() {
  # In the environment, not in the arguments: those are shown to every process.
  local basic
  basic="$(printf 'x-access-token:%s' "$RECONCILER_GIT_TOKEN" | base64 | tr -d '\n')"
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$GITHUB_SERVER_URL/.extraheader" \
    GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $basic" \
    git fetch --quiet --depth=1 origin "$(git branch --show-current)" && git reset --quiet --hard FETCH_HEAD
}

while true; do
  if ! newest; then
    if [ "$contacts" = 0 ]; then exit 1; fi
    contacts=$((contacts - 1))
    echo "The newest commit could not be fetched: trying again."
    sleep "$pause"
    continue
  fi
  code=0
  reconciler apply "${place[@]}" "$@" --format github --markdown "$folder/report.md" --receipt "$folder/receipt.json" \
    > "$folder/log" || code=$?
  if [ "$code" = 1 ] && [ "$SECONDS" -lt "$end" ]; then
    if grep -q '"code": "state-locked"' "$folder/receipt.json"; then
      echo "Another apply is running: its end is waited for."
      sleep "$pause"
      continue
    fi
    if [ "$contacts" -gt 0 ] && grep -q '"code": "state-remote"' "$folder/receipt.json"; then
      contacts=$((contacts - 1))
      echo "The state could not be reached: trying again."
      sleep "$pause"
      continue
    fi
  fi
  break
done
cat "$folder/log"
rm "$folder/log"
if [ -e "$folder/report.md" ]; then
  cat "$folder/report.md" >> "$GITHUB_STEP_SUMMARY"
fi
if [ "$code" = 3 ]; then
  echo "::notice title=Something waits::All that could be done was done; the rest waits, or is still to be approved."
  code=0
fi
exit "$code"

#!/usr/bin/env bash
# keep.sh CMD...: runs CMD and starts it again when it ends, at most 20 times, as a service manager does: the controller
# manager ends when the API server does not answer for a while.
for _ in {1..20}; do
  "$@"
  echo "keep.sh: ended with $?, starting it again" >&2
  sleep 1
done

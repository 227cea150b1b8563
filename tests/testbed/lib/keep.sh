#!/usr/bin/env bash
# keep.sh CMD...: runs CMD and starts it again when it ends, as a service manager does: the controller manager ends
# when the API server is away for a while. One that ends again and again is given up.
for _ in {1..20}; do
  "$@"
  echo "keep.sh: it ended with $? and is started again" >&2
  sleep 1
done

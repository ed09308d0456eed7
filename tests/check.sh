# What the tests of the command line share: a check of one command, and looks at what it left. To be sourced.
passed=0
failed=0

# check NAME STATUS COMMAND...: runs a shell command, compares its exit status; its output is in ./out and ./err.
check() {
  local name=$1 expected=$2 status
  shift 2
  timeout 60 bash -c "$*" > out 2> err
  status=$?
  if [ "$status" = "$expected" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL %s: exit status %s, not %s\n  %s\n' "$name" "$status" "$expected" "$*"
    sed 's/^/  err: /' err | head -5
  fi
}

# expect NAME COMMAND...: looks at what the last check left.
expect() {
  local name=$1
  shift
  if bash -c "$*" > /dev/null 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL %s\n  %s\n' "$name" "$*"
    sed 's/^/  out: /' out | head -5
    sed 's/^/  err: /' err | head -5
  fi
}

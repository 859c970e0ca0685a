#!/bin/bash
# Installs what is missing of the packages in tools/packages.txt, quietly, and starts no service.
#
#   tools/install.sh [--list] [SECTION...]      default: every section of packages.txt
#
# Both tools/demo and tools/test call this first. It needs nothing but Debian 12 and root; when all
# is there it needs neither and says nothing. Exit status: 0 all there, 1 not, 2 bad usage.
set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

readonly here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly package_file=$here/packages.txt
readonly policy=/usr/sbin/policy-rc.d
readonly policy_mark='written by spillway tools/install.sh'

say() { printf '%s\n' "$*" >&2; }

# packages [SECTION...]: the names in those sections, all if none is named.
packages() {
  awk -v wanted="$*" '
    BEGIN { split(wanted, list); for (i in list) want[list[i]] = 1 }
    /^\[.*\]$/ { section = substr($0, 2, length($0) - 2); seen[section] = 1; next }
    /^[^#]/ && NF && (wanted == "" || section in want) { print $1 }
    END {
      for (name in want)
        if (!(name in seen)) { print "no section " name > "/dev/stderr"; exit 2 }
    }
  ' "$package_file"
}

# missing NAME...: those that are not installed.
missing() {
  local there
  there=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p') || true
  printf '%s\n' "$@" | grep -vxF "$there" || true
}

# While packages are set up no service may start: invoke-rc.d asks policy-rc.d, 101 means no.
forbid_services() {
  if [[ -e $policy || -L $policy ]]; then
    grep -qs "$policy_mark" "$policy" || return 0 # somebody else's rule: theirs counts
  fi
  own_policy=yes
  printf '#!/bin/sh\n# %s; removed when it ends\nexit 101\n' "$policy_mark" >"$policy"
  chmod 755 "$policy"
}

# nginx must not be running after the next boot either, only because the demo was run once.
leave_no_service() {
  [[ ${nginx_is_new:-} ]] || return 0
  if command -v deb-systemd-helper >/dev/null; then
    deb-systemd-helper disable nginx.service >/dev/null 2>&1 || true
  fi
  update-rc.d nginx disable >/dev/null 2>&1 || true
}

clean_up() {
  local status=$?
  [[ ! ${own_policy:-} ]] || rm -f "$policy"
  [[ ! ${log:-} ]] || rm -f "$log"
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
  exit "$status"
}

# Reads apt's status lines ("pmstatus:nginx:42.5:Unpacking nginx") and keeps one line up to date.
show_progress() {
  local kind subject percent text
  while IFS=: read -r kind subject percent text; do
    [[ -t 2 && $kind == ??status ]] || continue
    printf '\r\033[K  packages  %3.0f %%  %.60s' "$percent" "$text" >&2
  done
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
}

apt() {
  apt-get -y -q -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=120 \
    -o Dpkg::Use-Pty=0 -o APT::Status-Fd=3 "$@" 3> >(show_progress) </dev/null >>"$log" 2>&1
}

fail_install() {
  say "error: apt-get could not install: $*"
  say "  $(grep -E '^(E|Err|W):' "$log" | tail -n 4 | sed '2,$s/^/  /' || true)"
  if grep -qE 'resolving|Could not connect|Unable to connect|timed out|No route' "$log"; then
    say "  The package mirror could not be reached: check the network, the proxy (http_proxy) and"
    say "  /etc/apt/sources.list, then run the same command again."
  elif grep -q 'Unable to locate package' "$log"; then
    say "  Spillway builds on Debian 12 (bookworm), section main; this machine is:"
    say "  $(. /etc/os-release && printf '%s' "$PRETTY_NAME")"
  fi
  exit 1
}

main() {
  local list_only=
  if [[ ${1:-} == --list ]]; then list_only=yes && shift; fi
  local wanted absent
  wanted=$(packages "$@") || exit 2
  if ! command -v dpkg-query >/dev/null; then
    say "error: no dpkg here: tools/install.sh knows Debian 12 only. Install these yourself:"
    say "  $(tr '\n' ' ' <<<"$wanted")"
    exit 1
  fi
  # shellcheck disable=SC2086  # one word a package
  absent=$(missing $wanted)
  if [[ $list_only ]]; then
    [[ ! $absent ]] || printf '%s\n' "$absent"
    exit 0
  fi
  [[ $absent ]] || exit 0
  absent=$(tr '\n' ' ' <<<"$absent")

  if [[ $(id -u) != 0 ]]; then
    say "error: these packages are missing, and only root can install them:"
    say "  $absent"
    say "Run the same command as root, or: apt-get install $absent"
    exit 1
  fi

  say "  installing $(wc -w <<<"$absent") packages and what they need (once, about a minute)"
  log=$(mktemp)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  forbid_services
  if [[ " $absent " == *' nginx-light '* && ! -e /usr/sbin/nginx ]]; then nginx_is_new=yes; fi
  # An earlier run that was interrupted in the middle leaves packages half set up.
  [[ ! $(dpkg --audit) ]] || dpkg --configure -a >>"$log" 2>&1 </dev/null || true
  apt update || true # a foreign source that fails must not stop us; the next step tells
  # shellcheck disable=SC2086
  apt --no-install-recommends install $absent || fail_install "$absent"
  leave_no_service
  # shellcheck disable=SC2086
  absent=$(missing $wanted)
  [[ ! $absent ]] || fail_install "$absent"
}

main "$@"

#!/bin/bash
# Configures and builds into a directory, quietly: one progress line, and errors if there are any.
#
#   tools/build.sh DIRECTORY [--target NAME]... [MESON ARGUMENT]...     default: every target
#
# A directory that was made with other arguments, or in another place, is made anew.
set -euo pipefail
export LC_ALL=C.UTF-8

readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

directory=${1:?usage: tools/build.sh DIRECTORY [--target NAME]... [MESON ARGUMENT]...}
shift
targets=()
arguments=()
while (($#)); do
  if [[ $1 == --target ]]; then
    targets+=("${2:?--target needs a name}")
    shift 2
  else
    arguments+=("$1")
    shift
  fi
done
readonly log=$directory/build.log
readonly stamp=$directory/.made-with
readonly made_with="$root ${CXX:-} ${arguments[*]:-}"

fail() {
  [[ ! -t 1 ]] || printf '\r\033[K'
  printf 'error: %s; all of its output: %s\n' "$1" "$log" >&2
  # From the first failure on, without the compiler's long command line; else the end.
  { sed -n '/^FAILED:/,$p' "$log" | grep -vE '^(c\+\+|clang|g\+\+|ccache) ' ||
    tail -n 20 "$log"; } | cut -c1-180 | head -n 30 >&2
  exit 1
}

# Shows ninja's "[12/90] what" as one line that changes; keeps all output in the log.
show_progress() {
  local line
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    [[ -t 1 && $line =~ ^\[([0-9]+)/([0-9]+)\]\ (.*) ]] || continue
    printf '\r\033[K  %-10s %3d %%  %.60s' "${directory##*/}" \
      $((100 * BASH_REMATCH[1] / BASH_REMATCH[2])) "${BASH_REMATCH[3]##*/}"
  done
  [[ ! -t 1 ]] || printf '\r\033[K'
}

known=$([[ ! -e $directory/build.ninja ]] || cat "$stamp" 2>/dev/null || true)
if [[ $known != "$made_with" ]]; then
  rm -rf "$directory"
fi
{ mkdir -p "$directory" && : >"$log"; } 2>/dev/null || {
  printf 'error: cannot write to %s: run this as the user who owns it\n' "$directory" >&2
  exit 1
}
if [[ $known != "$made_with" ]]; then
  meson setup "$directory" ${arguments[@]+"${arguments[@]}"} >>"$log" 2>&1 </dev/null ||
    fail "meson could not configure $directory"
  printf '%s' "$made_with" >"$stamp"
fi
# Names without a folder, as meson knows them; ninja wants them with it.
if ((${#targets[@]})); then
  mapfile -t targets < <(ninja -C "$directory" -t targets all 2>/dev/null |
    awk -F: -v wanted="${targets[*]}" '
      BEGIN { split(wanted, list, " "); for (i in list) want[list[i]] = 1 }
      $2 !~ /phony/ { name = $1; sub(".*/", "", name); if (name in want) print $1 }')
fi
ninja -C "$directory" ${targets[@]+"${targets[@]}"} </dev/null 2>&1 | show_progress ||
  fail "$directory does not build"

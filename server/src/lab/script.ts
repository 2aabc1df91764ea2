/**
 * A lab as one bash script that needs nothing but iproute2, iptables where there are rules, and python3 for its listeners. It notes
 * every namespace in a folder of its own before it makes it, and removes what is noted there, nothing else.
 */
import { AGENT } from "./agent.ts";
import { type Trial, whyLacking } from "./features.ts";
import type { LabPlan, NamespacePlan } from "./plan.ts";
import type { Setting } from "./settings.ts";

export interface ScriptHead {
  /** What the lab was made of, for people. */
  readonly source: string;
  readonly version: string;
}

export function labScript(plan: LabPlan, head: ScriptHead): string {
  const { namespaces, wire } = plan;
  const names = [wire.name, ...namespaces.map(({ name }) => name)];
  const lines = [
    header(plan, head),
    LIBRARY,
    "names() {",
    "  :",
    ...namespaces.map(({ id, name }) => `  printf '%-40s %s\\n' ${quote(id)} ${quote(name)}`),
    "}",
    "",
    "trials() {",
    ...plan.trials.flatMap(trialLines),
    "  :",
    "}",
    "",
    "make() {",
    ...names.map((name) => `  new ${quote(name)}`),
    ...settings(wire.name, [
      { path: "bridge/bridge-nf-call-iptables", value: 0 },
      { path: "bridge/bridge-nf-call-ip6tables", value: 0 },
      { path: "ipv6/conf/default/disable_ipv6", value: 1 },
    ]),
    ...namespaces.flatMap((space) => settings(space.name, space.settings)),
    `  # segments`,
    ...batch("links", wire.name, wire.links),
    ...namespaces.flatMap((space) => batch("links", space.name, space.links)),
    ...namespaces.flatMap(contents),
    "}",
    "",
    "files() {",
    ...heredoc(`  cat >"$STATE/lab.json"`, [JSON.stringify(agentInput(namespaces))]),
    ...heredoc(`  cat >"$STATE/agent.py"`, AGENT.trim().split("\n")),
    "}",
    "",
    COMMANDS,
  ];
  return `${lines.join("\n")}\n`;
}

function trialLines(trial: Trial): string[] {
  switch (trial.kind) {
    case "ip":
      return heredoc(`  try_ip ${quote(trial.name)}`, [trial.line]);
    case "rules":
      return heredoc(`  try_rules ${quote(trial.name)} ${trial.program}`, trial.text.split("\n"));
    case "never":
      return [`  lacking ${quote(trial.name)} ${quote(whyLacking(trial.name))}`];
    case "setting":
      return [`  try_setting ${quote(trial.name)} ${trial.path}`];
  }
}

/** What the agent is told of a lab. */
function agentInput(namespaces: readonly NamespacePlan[]): object {
  return {
    namespaces: namespaces.map(({ name, listeners, tuns }) => ({ name, listeners, tuns })),
  };
}

function contents(space: NamespacePlan): string[] {
  const { name } = space;
  return [
    `  # ${space.id}`,
    ...batch("links", name, space.devices),
    ...settings(name, space.deviceSettings),
    ...batch("links", name, space.routes),
    ...batch("links6", name, space.rules6),
    ...batch("forwarding", name, space.forwarding),
    ...space.rules.flatMap(({ program, text }) => heredoc(`  rules ${quote(name)} ${program}`, text.split("\n"))),
  ];
}

function batch(command: string, name: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : heredoc(`  ${command} ${quote(name)}`, lines);
}

function settings(name: string, list: readonly Setting[]): string[] {
  return batch(
    "settings",
    name,
    list.map(({ path, value }) => `${path} ${value}`),
  );
}

function heredoc(command: string, lines: readonly string[]): string[] {
  return [`${command} <<'KNET'`, ...lines, "KNET"];
}

/** One word for the shell, whatever is in it. */
export function quote(text: string): string {
  return /^[\w./:@%+=~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function header({ lab }: LabPlan, { source, version }: ScriptHead): string {
  return `#!/usr/bin/env bash
# The topology of ${source.replaceAll(/[\r\n]/g, " ")} in network namespaces of this machine; written by knet ${version}.
#
#   sudo bash SCRIPT up              build it (anew, where it stands already) and start its listeners
#   sudo bash SCRIPT names           its namespaces: names of the file, names of the kernel
#   sudo bash SCRIPT exec WHERE ...  run a command in one: exec node1 ip route
#   sudo bash SCRIPT listen          start the listeners again
#   sudo bash SCRIPT down            remove it
#
# Segments are bridges in the namespace ${lab}.wire. Nothing outside these namespaces is changed.
set -u
LAB=${quote(lab)}
SOURCE=${quote(source)}
STATE=/run/knet-lab/$LAB`;
}

const LIBRARY = String.raw`
FORCE=
RULES4= RULES6=
export XTABLES_LOCKFILE=$STATE/xtables.lock

die() { echo "$0: $*" >&2; exit 1; }

new() {
  [ -e "/var/run/netns/$1" ] && die "there is a namespace $1 that this lab did not make"
  echo "$1" >>"$STATE/namespaces"
  ip netns add "$1"
}
links() { ip -n "$1" $FORCE -batch - 2>"$STATE/error" || refused "$1"; }
links6() { ip -6 -n "$1" $FORCE -batch - 2>"$STATE/error" || refused "$1"; }
forwarding() { bridge -n "$1" $FORCE -batch - 2>"$STATE/error" || refused "$1"; }
rules() {
  if ! enter "$1" "$2" 2>"$STATE/error"; then refused "$1"; fi
}
# Input of the program $2 in the namespace $1.
enter() {
  case $2 in
    iptables) [ -n "$RULES4" ] && ip netns exec "$1" "$RULES4" -w ;;
    ip6tables) [ -n "$RULES6" ] && ip netns exec "$1" "$RULES6" -w ;;
    nft) ip netns exec "$1" nft -f - ;;
    ipset) ip netns exec "$1" ipset restore ;;
  esac
}
settings() {
  ip netns exec "$1" bash -c 'while read -r path value; do
    [ ! -e "/proc/sys/net/$path" ] || echo "$value" >"/proc/sys/net/$path"
  done'
}
refused() {
  [ -n "$FORCE" ] && return 0
  cat "$STATE/error" >&2
  die "the kernel refuses a part of $1"
}

# What this kernel can make is found out in a namespace that is thrown away.
choose() {
  local tool
  for tool in "$1-legacy-restore" "$1-nft-restore" "$1-restore"; do
    command -v "$tool" >/dev/null || continue
    printf '*filter\nCOMMIT\n*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n' | ip netns exec "$LAB.try" "$tool" -w >/dev/null 2>&1 && { echo "$tool"; return; }
  done
}
try_ip() { ip -n "$LAB.try" -batch - >/dev/null 2>&1 || lacking "$1"; ip -n "$LAB.try" link del try0 2>/dev/null; }
try_rules() { enter "$LAB.try" "$2" >/dev/null 2>&1 || lacking "$1"; }
try_setting() { ip netns exec "$LAB.try" test -e "/proc/sys/net/$2" || lacking "$1"; }
lacking() {
  local why=$1": this kernel cannot make it"
  [ $# -lt 2 ] || why=$2
  echo "skipped: $why" >&2
  echo "$1" >>"$STATE/lacking"
}
`;

const COMMANDS = String.raw`root() { [ "$(id -u)" = 0 ] || { echo "$0: root is needed: sudo bash $0 $*" >&2; exit 2; }; }

quiet() {
  local pid
  [ -f "$STATE/pid" ] || return 0
  pid=$(cat "$STATE/pid")
  case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in *"$STATE/agent.py"*) kill "$pid" ;; esac
  rm -f "$STATE/pid"
}

down() {
  local name
  quiet
  if [ -f "$STATE/namespaces" ]; then
    while read -r name; do ip netns del "$name" 2>/dev/null; done <"$STATE/namespaces"
  fi
  rm -rf "$STATE"
}

prepare() {
  if [ -f "$STATE/source" ] && [ "$(cat "$STATE/source")" != "$SOURCE" ]; then
    die "the lab $LAB that stands was made of $(cat "$STATE/source"): take it down first, or choose another name (knet lab --name)"
  fi
  command -v ip >/dev/null || die "ip is not installed (Debian: apt install iproute2)"
  down
  mkdir -p "$STATE" || exit 1
  trap 'code=$?; [ $code = 0 ] || down; exit $code' EXIT
  trap 'exit 130' INT TERM
  echo "$SOURCE" >"$STATE/source"
  new "$LAB.try"
  RULES4=$(choose iptables) RULES6=$(choose ip6tables)
}

build() {
  prepare
  [ -n "$STRICT" ] || trials
  ip netns del "$LAB.try"
  # What depends on the parts that this kernel cannot make is left out as well.
  [ -e "$STATE/lacking" ] && FORCE=-force
  make
  files
}

# For knet lab --run: what cannot be made, a line each.
try() {
  prepare
  trials 2>/dev/null
  [ ! -e "$STATE/lacking" ] || cat "$STATE/lacking"
  down
}

listen() {
  quiet
  if ! command -v python3 >/dev/null; then
    echo "nobody listens and TUN devices have no daemon: python3 is not installed" >&2
    return 0
  fi
  : >"$STATE/listeners"
  setsid python3 "$STATE/agent.py" listen "$STATE/lab.json" >"$STATE/listeners" 2>&1 </dev/null &
  echo $! >"$STATE/pid"
  while kill -0 $! 2>/dev/null && ! grep -q '"ready": true' "$STATE/listeners"; do sleep 0.1; done
  grep -v '"ready": true' "$STATE/listeners" >&2
  return 0
}

inside() {
  local found
  found=$(names | awk -v where="$1" '{ n = split($1, part, "/") } $1 == where || $2 == where || part[n] == where { print $2 }')
  case $(printf '%s' "$found" | grep -c .) in
    1) shift; exec ip netns exec "$found" "$@" ;;
    0) die "there is no namespace $1; see: bash $0 names" ;;
    *) die "$1 may be any of" $found ;;
  esac
}

STRICT=
case "$#:$*" in
  1:up) root up; build && listen && echo "up: $(($(wc -l <"$STATE/namespaces") - 2)) namespaces; bash $0 names" ;;
  1:build) root build; STRICT=yes; build ;;
  1:try) root try; try ;;
  1:listen) root listen; [ -d "$STATE" ] || die "the lab is not up"; listen ;;
  1:names) names ;;
  1:down) root down; down ;;
  [2-9]*:exec\ *) root exec; shift; [ $# -ge 2 ] || die "exec WHERE COMMAND"; inside "$@" ;;
  *) echo "usage: bash $0 up | names | exec WHERE COMMAND... | listen | down" >&2; exit 2 ;;
esac`;

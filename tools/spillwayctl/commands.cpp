#include <fmt/core.h>

#include <array>
#include <cstdio>

#include "tools/spillwayctl/capture.h"
#include "tools/spillwayctl/command.h"
#include "tools/spillwayctl/events.h"
#include "tools/spillwayctl/explain.h"
#include "tools/spillwayctl/figures.h"
#include "tools/spillwayctl/flows.h"
#include "tools/spillwayctl/live.h"
#include "tools/spillwayctl/plan.h"
#include "tools/spillwayctl/requests.h"
#include "tools/spillwayctl/stats.h"
#include "tools/spillwayctl/zone_commands.h"

namespace tools {
namespace {

void add_nothing(OptionsDescription&) {}

const std::array all_commands{
    Command{
        .name = "status",
        .arguments = {},
        .summary = "what the instance, its workers and ports are doing, and what became of packets",
        .help = "Reads shared memory only, so it answers also when the daemon is busy or dead (and "
                "says so).\n"
                "The last table counts every packet under the one verdict it left with; each "
                "Drop… says why.\n"
                "\n"
                "examples:\n"
                "  spillwayctl status\n"
                "  spillwayctl status --watch 1\n"
                "  spillwayctl --json status | jq .totals.verdicts\n",
        .add_options = add_watch,
        .run = run_status},
    Command{.name = "listeners",
            .arguments = {},
            .summary = "the addresses that clients connect to, and their flows",
            .help =
                "Reads shared memory only.\n"
                "REJECTED counts new flows that got no target, no table entry or no local port.\n"
                "\n"
                "examples:\n"
                "  spillwayctl listeners\n"
                "  spillwayctl listeners --watch 2\n",
            .add_options = add_watch,
            .run = run_listeners},
    Command{
        .name = "targets",
        .arguments = {},
        .summary = "each target's state, why it has it, and its flows and bytes",
        .help =
            "Reads shared memory only. States and reasons are those of Elastic Load Balancing.\n"
            "With --watch, TO-TARGET and TO-CLIENT are rates.\n"
            "\n"
            "examples:\n"
            "  spillwayctl targets\n"
            "  spillwayctl targets --watch 1\n"
            "  spillwayctl targets --wide\n"
            "  spillwayctl --json targets | jq '.targets[] | select(.state != \"healthy\")'\n",
        .add_options = add_watch_and_wide,
        .run = run_targets},
    Command{
        .name = "target-groups",
        .arguments = {},
        .summary = "how many targets of each group are healthy, and where its new flows go",
        .help =
            "Reads shared memory only. One line a group and zone; of the zones, * is where this "
            "instance stands.\n"
            "ROUTING: healthy (to the healthy targets), fail open (to all of them, too few are "
            "healthy), standby, spill\n(zonal affinity, but the zone lacks capacity), or nobody. "
            "ANNOUNCE: whether the group should be reachable by\nthat zone, as dns_failover says; "
            "nothing announces it yet.\n"
            "UNHEALTHY-ROUTED counts new flows that were sent while the group failed open.\n"
            "\n"
            "examples:\n"
            "  spillwayctl target-groups\n"
            "  spillwayctl --json target-groups | jq '.target_groups[] | "
            "select(.failing_open)'\n",
        .add_options = add_watch,
        .run = run_target_groups},
    Command{
        .name = "security-groups",
        .arguments = {},
        .summary = "the rules of the security groups, what each has let through, what was blocked",
        .help = "Reads shared memory only.\n"
                "HITS counts new flows and pings for the one rule that let them through: of those "
                "that would, the one with the\nlongest prefix. It starts at 0 when a reload brings "
                "the rule. Packets of flows that exist are not judged.\n"
                "With --watch, hits and blocked flows are also shown as rates.\n"
                "\n"
                "examples:\n"
                "  spillwayctl security-groups\n"
                "  spillwayctl security-groups --watch 1\n"
                "  spillwayctl --json security-groups | jq '.rules[] | select(.hits == 0)'\n",
        .add_options = add_watch,
        .run = run_security_groups},
    Command{.name = "stats",
            .arguments = {},
            .summary = "rates, latency and load of listeners, targets and workers, once",
            .help =
                "Reads shared memory only. Takes two samples and shows what happened between them: "
                "NEW/S, REFUSED/S and TRAFFIC are per second,\n"
                "P50 and P99 the time that connecting (or answering, --latency response) took; - "
                "where nothing did.\n"
                "LOAD is how much of its time a worker had packets to work on.\n"
                "\n"
                "examples:\n"
                "  spillwayctl stats\n"
                "  spillwayctl stats --watch 5 --latency response\n"
                "  spillwayctl --json stats --interval 10 | jq '.targets[].connect'\n",
            .add_options = add_stats,
            .run = run_stats},
    Command{.name = "top",
            .arguments = {},
            .summary = "the same as stats, live, on the whole terminal",
            .help = "Reads shared memory only. Keys: 1 2 3 listeners, targets, workers; "
                    "s S r sort; / filter; l latency; h help; q quit.\n"
                    "Where the terminal is narrow, columns are left out.\n"
                    "\n"
                    "examples:\n"
                    "  spillwayctl top\n"
                    "  spillwayctl --instance edge-1 top --interval 0.5\n",
            .add_options = add_top,
            .run = run_top},
    Command{.name = "flows",
            .arguments = {},
            .summary = "the connections that are being balanced now",
            .help =
                "Asks the daemon, which asks each worker; a worker looks through its table a "
                "few entries at a time, between\nits packets. With --sort the largest of all "
                "come first, at most 10000 of them.\n"
                "\n"
                "examples:\n"
                "  spillwayctl flows --limit 20\n"
                "  spillwayctl flows --limit all --json\n"
                "  spillwayctl flows --client 198.51.100.0/24 --state established --sort bytes\n"
                "  spillwayctl flows --listener web --idle 5m --age 1h\n"
                "  spillwayctl flows --target-group web --target 10.0.1.11:8080\n",
            .add_options = add_flow_filters,
            .run = run_flows},
    Command{
        .name = "explain",
        .arguments = {},
        .summary = "what would become of a packet that a client might send now, and why",
        .help =
            "Takes the packet through the path that the workers run, with what they know now, "
            "but in a trial of its own:\nno flow is made, nothing is counted. If the flow is "
            "there, it says what happens. Whose turn it is in a\nround robin only the worker "
            "knows; the story says so.\n"
            "\n"
            "examples:\n"
            "  spillwayctl explain --from 198.51.100.7:5555 --to 203.0.113.10:80\n"
            "  spillwayctl explain -p udp --from 198.51.100.7:5555 --to 203.0.113.10:53 --json\n",
        .add_options = add_packet,
        .run = run_explain},
    Command{
        .name = "capture",
        .arguments = {},
        .summary = "packets as they come and as they leave, with their verdicts: lines, or a file",
        .help =
            "Asks the workers for copies of the packets that fit in all that is given, as received "
            "and as sent. Without a verdict each\npacket is shown once, where its fate is decided. "
            "-w "
            "writes pcapng for tshark and Wireshark: a frame's comment says\nbefore or after, the "
            "verdict, listener and target. One capture at a time; it ends with --count, --seconds "
            "or "
            "Ctrl-C.\nWhat matches faster than it is taken is lost, and counted. docs/capture.md "
            "says what other packets pay for it.\n"
            "\n"
            "examples:\n"
            "  spillwayctl capture --drops\n"
            "  spillwayctl capture --verdict DropNoTarget --count 100 -w out.pcapng\n"
            "  spillwayctl capture --client 198.51.100.7 --proto tcp --seconds 10\n"
            "  spillwayctl capture --to [2001:db8::10]:443 --snaplen 96 -w - | tshark -r -\n"
            "  spillwayctl --json capture --target 10.0.1.11:8080 | jq -r .verdict\n",
        .add_options = add_capture,
        .run = run_capture},
    Command{.name = "events",
            .arguments = {},
            .summary = "what has happened: targets' states, reloads, operators' commands",
            .help =
                "Asks the daemon, which keeps the last 4096 since its start. GENERATION is the one "
                "in which the change took effect.\n"
                "With --follow each is a line (--json: one document a line), as it happens.\n"
                "\n"
                "examples:\n"
                "  spillwayctl events --since 1h\n"
                "  spillwayctl events --target 10.0.1.11 --follow\n"
                "  spillwayctl --json events | jq '.events[] | select(.to == \"unhealthy\")'\n",
            .add_options = add_event_filters,
            .run = run_events},
    Command{
        .name = "drain",
        .arguments = {"TARGET_GROUP", "ADDRESS:PORT"},
        .summary = "give a target no new flows; those it has go on",
        .help =
            "The flows that are left have the group's deregistration_delay to end. The port may "
            "be left out where the address\nis in the group once. A reload leaves the target "
            "draining; undrain ends it. When the delay is over, connection_termination\nsays "
            "whether what is left is reset at both ends, or may go on until it is idle.\n"
            "With --wait the flows that are left are shown, and what they move (--json: a document "
            "a line).\n"
            "\n"
            "examples:\n"
            "  spillwayctl drain web 10.0.1.11:8080\n"
            "  spillwayctl drain web 10.0.1.11 --wait --timeout 600 && ssh 10.0.1.11 reboot\n",
        .add_options = add_waiting,
        .run = run_drain},
    Command{.name = "undrain",
            .arguments = {"TARGET_GROUP", "ADDRESS:PORT"},
            .summary = "give a drained target new flows again, once it is healthy",
            .help = "examples:\n"
                    "  spillwayctl undrain web 10.0.1.11:8080\n",
            .add_options = add_nothing,
            .run = run_undrain},
    Command{
        .name = "weight",
        .arguments = {"TARGET_GROUP", "ADDRESS:PORT", "WEIGHT"},
        .summary = "give a target another weight, from 0 (no new flows) to 999",
        .help =
            "Shows the weight before and after. The flows that the target has stay. Kept over "
            "restarts and reloads, until it is\ndiscarded (spillwayctl changes), a reload's file "
            "has another weight for this target than the file before, or the\ntarget goes. "
            "Algorithm round_robin asks only whether the weight is 0. The port may be left out "
            "where the address is\nin the group once.\n"
            "\n"
            "examples:\n"
            "  spillwayctl weight web 10.0.1.11:8080 50\n"
            "  spillwayctl weight web 10.0.1.11 0\n",
        .add_options = add_nothing,
        .run = run_weight},
    Command{
        .name = "register",
        .arguments = {"TARGET_GROUP", "[ADDRESS[:PORT]...]"},
        .summary = "add targets to a target group, without the file",
        .help =
            "They are checked like the file's and kept over restarts and reloads, until they are "
            "deregistered, discarded\n(spillwayctl changes), or in the file themselves. All "
            "of one call become one generation, or none. Without a\nport they get the group's. "
            "A target that drains takes new flows again.\n"
            "\n"
            "examples:\n"
            "  spillwayctl register web 10.0.1.20\n"
            "  spillwayctl register web 10.0.1.20:8081 10.0.1.21:8081 --weight 5 --zone b\n"
            "  generate-targets | spillwayctl register web --from-file -\n",
        .add_options = add_target_attributes,
        .run = run_register},
    Command{
        .name = "deregister",
        .arguments = {"TARGET_GROUP", "[ADDRESS[:PORT]...]"},
        .summary = "take targets out of a target group, also those of the file",
        .help =
            "They get no new flows; those they have go on for the group's deregistration_delay, "
            "and "
            "then the targets are\ngone. Kept over restarts and reloads. The port may be left out "
            "where the address is in the group once.\n"
            "\n"
            "examples:\n"
            "  spillwayctl deregister web 10.0.1.11\n"
            "  spillwayctl deregister web --from-file leaving.txt\n",
        .add_options = add_removal,
        .run = run_deregister},
    Command{
        .name = "changes",
        .arguments = {"[discard]", "[TARGET_GROUP]"},
        .summary = "what differs from the file; discard: back to it",
        .help =
            "Lists what register, deregister, weight and drain have changed, as it is kept over "
            "restarts. With discard it is\nforgotten, of one target group or of all: what runs is "
            "then what the file said when it was last read.\n"
            "\n"
            "examples:\n"
            "  spillwayctl changes\n"
            "  spillwayctl changes discard web\n"
            "  spillwayctl changes discard\n",
        .add_options = add_force,
        .run = run_changes},
    Command{
        .name = "reload",
        .arguments = {},
        .summary = "read the configuration file again; a bad one changes nothing",
        .help =
            "The same as SIGHUP, but says what came of it. Every mistake is listed with its line; "
            "spillwayctl plan FILE shows\nbefore what a file would change. Refused also where a "
            "target group would be left without any healthy target.\nChanges by spillwayctl "
            "stay, but for those that the file makes meaningless.\n"
            "\n"
            "examples:\n"
            "  spillwayctl reload\n"
            "  spillwayctl reload --force\n"
            "  spillwayctl reload --discard-changes\n",
        .add_options = add_reloading,
        .run = run_reload},
    Command{
        .name = "plan",
        .arguments = {"[FILE]"},
        .summary = "what a new configuration file would change; nothing changes",
        .help =
            "Reads FILE here and asks the daemon what a reload with it would do to what runs: "
            "listeners, target groups and\ntargets, each attribute old and new; flows on targets "
            "that would drain and listeners that would go; the share of\nthe hash space that "
            "would move (algorithms maglev and source_ip), with new targets counted as healthy; "
            "and "
            "whether\nit would be refused, or needs --force. Exit status: 0 it could be done, 1 it "
            "would be refused, 2 FILE is wrong; with\n--exit-code, 3 if anything differs. "
            "With --wide every attribute of what comes and goes is shown.\n"
            "\n"
            "examples:\n"
            "  spillwayctl plan /etc/spillway/edge.cfg\n"
            "  spillwayctl plan --rollback\n"
            "  spillwayctl --json plan new.cfg | jq '.changes[] | select(.action == \"remove\")'\n"
            "  spillwayctl plan new.cfg --exit-code >/dev/null || echo differs, or worse\n",
        .add_options = add_planning,
        .run = run_plan},
    Command{
        .name = "rollback",
        .arguments = {},
        .summary = "run the configuration of before the last reload again",
        .help =
            "Up to five are kept, also over restarts: each rollback goes one further back. Changes "
            "by spillwayctl stay, and those\nthat the reload dropped come back. The file itself is "
            "not touched.\n"
            "\n"
            "examples:\n"
            "  spillwayctl rollback              # spillwayctl plan --rollback shows what it would "
            "do\n",
        .add_options = add_force,
        .run = run_rollback},
    Command{.name = "zone list",
            .arguments = {},
            .summary = "the zones, whether they are healthy, and which are shifted away",
            .help = "Reads shared memory only. * is where this instance stands. HEALTHY is ELB's "
                    "ZonalHealthStatus, SHIFTED-TARGETS its\nActiveZonalShiftHostCount.\n"
                    "\n"
                    "examples:\n"
                    "  spillwayctl zone list\n",
            .add_options = add_watch,
            .run = run_zone_list},
    Command{.name = "zone shift",
            .arguments = {"ZONE"},
            .summary = "give the targets of a zone no new flows for a while; those they have go on",
            .help =
                "A second shift of a zone replaces the first. A group that would be left without "
                "a healthy target ignores the shift.\nReloads and restarts keep it.\n"
                "\n"
                "examples:\n"
                "  spillwayctl zone shift b --expires 2h --comment \"power works, ticket 4711\"\n",
            .add_options = add_expiry,
            .run = run_zone_shift},
    Command{.name = "zone unshift",
            .arguments = {"ZONE"},
            .summary = "end a shift before it expires",
            .help = "examples:\n"
                    "  spillwayctl zone unshift b\n",
            .add_options = add_nothing,
            .run = run_zone_unshift},
    Command{.name = "version",
            .arguments = {},
            .summary = "this program's version, and the running instance's",
            .help = "examples:\n"
                    "  spillwayctl version\n",
            .add_options = add_nothing,
            .run = run_version},
};

}  // namespace

std::span<const Command> commands() { return all_commands; }

const Command* find_command(std::string_view name) {
  for (const Command& command : all_commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int fail(std::string_view sentence) {
  fmt::print(stderr, "spillwayctl: {}\n", sentence);
  return failed;
}

int misused(std::string_view sentence, std::string_view command) {
  fmt::print(stderr, "spillwayctl: {}\ntry: spillwayctl {}{}--help\n", sentence, command,
             command.empty() ? "" : " ");
  return bad_usage;
}

}  // namespace tools

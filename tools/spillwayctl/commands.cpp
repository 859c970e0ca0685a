#include <fmt/core.h>

#include <array>
#include <cstdio>

#include "tools/spillwayctl/command.h"
#include "tools/spillwayctl/figures.h"
#include "tools/spillwayctl/live.h"
#include "tools/spillwayctl/plan.h"
#include "tools/spillwayctl/requests.h"

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
    Command{.name = "flows",
            .arguments = {},
            .summary = "the connections that are being balanced now",
            .help = "Asks the daemon, which asks each worker.\n"
                    "\n"
                    "examples:\n"
                    "  spillwayctl flows --limit 20\n"
                    "  spillwayctl flows --target-group web --target 10.0.1.11:8080\n",
            .add_options = add_flow_filters,
            .run = run_flows},
    Command{
        .name = "drain",
        .arguments = {"TARGET_GROUP", "ADDRESS:PORT"},
        .summary = "give a target no new flows; those it has go on",
        .help =
            "The flows that are left have the group's deregistration_delay to end. The port may "
            "be left out where the address\nis in the group once. A reload leaves the target "
            "draining; undrain ends it.\n"
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

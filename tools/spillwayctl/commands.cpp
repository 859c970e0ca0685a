#include <fmt/core.h>

#include <array>
#include <cstdio>

#include "tools/spillwayctl/command.h"
#include "tools/spillwayctl/figures.h"
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
        .name = "reload",
        .arguments = {},
        .summary = "read the configuration file again; a bad one changes nothing",
        .help =
            "The same as SIGHUP, but says what came of it. Every mistake is listed with its line; "
            "try a file before\nwith spillway --config FILE --check.\n"
            "\n"
            "examples:\n"
            "  spillwayctl reload\n",
        .add_options = add_nothing,
        .run = run_reload},
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

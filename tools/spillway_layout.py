"""Layout of Spillway's shared memory, for spillway_segment.py: spillway_segment.h in ctypes.

Whoever changes one changes the other, and dataplane/segment.h; docs/metrics.md has the rules for
versions. tests/system/test_layout.py holds it against the header, tests/e2e/test_readers.py what
is read against spillwayctl.
"""

import ctypes
from typing import Any

MAGIC = 0x5941574C4C495053
LAYOUT_VERSION = 5

WORKERS_MAX, PORTS_MAX, ZONES_MAX = 64, 16, 16
LISTENERS_MAX, TARGET_GROUPS_MAX, TARGETS_MAX, RULES_MAX = 1024, 1024, 8192, 4096
SECURITY_GROUPS_MAX = 1024
CONTROL_OFFSET = 4096
PAGE = 4096

STATES = ("initial", "healthy", "unhealthy", "unhealthy.draining", "draining", "unused",
          "unavailable")
REASONS = ("", "Elb.RegistrationInProgress", "Elb.InitialHealthChecking",
           "Target.ResponseCodeMismatch", "Target.Timeout", "Target.FailedHealthChecks",
           "Elb.InternalError", "Target.NotRegistered", "Target.NotInUse", "Target.InvalidState",
           "Target.IpUnusable", "Target.DeregistrationInProgress", "Target.HealthCheckDisabled")
PROTOCOLS = {0: "tcp_udp", 6: "tcp", 17: "udp"}
# In the order of dataplane/packet/verdict.h: appended to, never changed.
VERDICTS = (
    "Pending", "ForwardToTarget", "ForwardToClient", "ReplyArp", "ReplyNeighbour", "ReplyEcho",
    "ReplyResetUnknownFlow", "ReplyResetNoTarget", "ReplyResetTargetGone", "ReplyTooBig",
    "PuntKernel", "HandOff", "DropMalformed", "DropSegmented", "DropVlan", "DropNotOurs",
    "DropSource", "DropFragment", "DropProtocol", "DropTtl", "DropNoListener", "DropUnknownFlow",
    "DropNoTarget", "DropNoNextHop", "DropTableFull", "DropNoLocalPort", "DropFlowCollision",
    "DropTooBig", "DropPuntRate", "DropTargetGone", "DropErrorRate", "DropFlowRate",
    "DropSecurityGroupInbound", "DropSecurityGroupOutbound", "Wait", "ReplyResetSpillover",
    "ReplyResetQueueTimeout", "ReplyProhibited", "DropSpillover", "DropQueueTimeout",
    "DropWaiting")

_u8, _u16, _u32, u64 = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64


def _layout(name: str, /, **fields: Any) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})


def _words(names: str) -> dict[str, Any]:
    return {name: u64 for name in names.split()}


def _text(size: int) -> Any:
    return ctypes.c_char * size


Header = _layout("Header", magic=u64, version=_u32, workers=_u32, size=u64, pid=u64,
                 heartbeat_unix_milliseconds=u64, stopped=u64)
Instance = _layout("Instance", instance=_text(64), version=_text(32), config_file=_text(256),
                   **_words("started_unix_milliseconds generation reloads reloads_refused "
                            "last_reload_unix_milliseconds"), last_reload_error=_text(256))
Port = _layout("Port", used=_u8, link_up=_u8, kernel_path=_u8, queue_drops_known=_u8,
               receive_queues=_u8, transmit_queues=_u8, mtu=_u16, link_megabits=_u32,
               name=_text(16), device=_text(128), mac=_text(18), driver=_text(32),
               steering=_text(32),
               **_words("received sent missed errors received_bytes sent_bytes no_buffer "
                        "send_errors"), dropped_by_queue=u64 * WORKERS_MAX)
GroupShare = _layout("GroupShare", name=_text(33), weight=_u16)
Listener = _layout("Listener", used=_u8, incarnation=_u16, port=_u16, port_last=_u16,
                   protocol=_u8, group_count=_u8, name=_text(33), address=_text(46),
                   groups=GroupShare * 8, idle_seconds=_u32, udp_idle_seconds=_u32)
Target = _layout("Target", used=_u8, slot=_u16, incarnation=_u16, state=_u8, reason=_u8,
                 takes_new_flows=_u8, port=_u16, weight=_u16, configured_weight=_u16,
                 weight_is_set=_u8, slow_start_percent=_u8, reports_weight=_u8,
                 reported_percent=_u8, target_group=_text(33), address=_text(46), zone=_text(33),
                 since_unix_milliseconds=u64, drain_ends_unix_milliseconds=u64,
                 detail=_text(192), exclusion=_u8, protocol=_u8, max_connections=_u32,
                 configured_max_connections=_u32)
GroupZone = _layout("GroupZone", registered=_u32, healthy=_u32, shifted=_u8, failing_open=_u8,
                    zone_healthy=_u8, announced=_u8, zone=_text(33))
TargetGroup = _layout("TargetGroup", used=_u8, failing_open=_u8, cross_zone=_u8,
                      shift_ignored=_u8, on_standby=_u8, affinity=_u8, spills=_u8,
                      zone_count=_u8, registered=_u32, healthy=_u32, minimum_count=_u32,
                      minimum_percentage=_u32, standby_since_unix_milliseconds=u64,
                      name=_text(33), standby=_text(33), incarnation=_u16, spillover_silent=_u8,
                      max_connections=_u32, surge_length=_u32, surge_timeout_milliseconds=_u32,
                      zones=GroupZone * ZONES_MAX)
Zone = _layout("Zone", used=_u8, own=_u8, healthy=_u8, shifted=_u8, targets=_u32, name=_text(33),
               comment=_text(128), started_unix_milliseconds=u64, expires_unix_milliseconds=u64)
Rule = _layout("Rule", used=_u8, inbound=_u8, number=_u16, security_group=_text(33),
               protocol=_text(8), ports=_text(12), peer=_text(48), attached_to=_text(120),
               hits_before=u64)
Traffic = _layout("Traffic", **_words(
    "new_flows new_flows_udp requests connection_errors processed_bytes processed_packets "
    "processed_bytes_udp processed_packets_udp "
    "client_resets target_resets elb_resets port_allocation_errors unhealthy_routing_flows "
    "rejected_flows rejected_flows_udp active_flows active_flows_udp "
    "bytes_per_second packets_per_second new_flows_per_second peak_bytes_per_second "
    "peak_packets_per_second sampled_unix_milliseconds"))

FlowLog = _layout("FlowLog", used=_u8, socket=_u8, open=_u8, sample_millionths=_u32, **_words(
    "written written_bytes dropped_slow dropped_unavailable waiting opened "
    "problem_since_unix_milliseconds"), destination=_text(256), problem=_text(128))
SecurityGroup = _layout("SecurityGroup", used=_u8, name=_text(33), attached_to=_text(120),
                        addresses=_u32, inbound=_u32, outbound=_u32)


def _record(value: Any) -> Any:
    """A record in place: its words behind a sequence, which is odd while it is written."""
    return _layout(value.__name__ + "Record", sequence=u64,
                   words=u64 * ((ctypes.sizeof(value) + 7) // 8))


Control = _layout(
    "Control", instance=_record(Instance), ports=_record(Port) * PORTS_MAX,
    listeners=_record(Listener) * LISTENERS_MAX, targets=_record(Target) * TARGETS_MAX,
    target_groups=_record(TargetGroup) * TARGET_GROUPS_MAX, zones=_record(Zone) * ZONES_MAX,
    rules=_record(Rule) * RULES_MAX, target_histogram_marks=_u32 * TARGETS_MAX,
    listener_histogram_marks=_u32 * LISTENERS_MAX, traffic=_record(Traffic),
    group_traffic=_record(Traffic) * TARGET_GROUPS_MAX, zone_traffic=_record(Traffic) * ZONES_MAX,
    flow_log=_record(FlowLog), security_groups=_record(SecurityGroup) * SECURITY_GROUPS_MAX)

Totals = _layout("Totals", **_words(
    "generation received sent unsent punted punt_unsent handed_off hand_off_unsent "
    "received_hand_off from_kernel from_kernel_unsent flows_alive flows_inserted flows_expired "
    "flows_removed flow_capacity polls busy_polls relayed relay_unsent wrong_core local_port_turn "
    "flows_alive_ipv6 flow_capacity_ipv6 table_bytes table_page_bytes stateless originated "
    "originated_unsent sticky_entries sticky_capacity sticky_found sticky_evicted "
    "blocked_inbound_icmp blocked_inbound_tcp blocked_inbound_udp blocked_outbound_icmp "
    "blocked_outbound_tcp blocked_outbound_udp flows_cut received_waiting surge_held "
    "surge_capacity"), reserved=u64 * 1,
    **_words("busy_nanoseconds idle_nanoseconds flows_logged flow_log_dropped"))
ListenerCounters = _layout("ListenerCounters", **_words(
    "incarnation new_flows active_flows rejected_flows spilled_flows new_flows_udp "
    "active_flows_udp rejected_flows_udp"))
TargetCounters = _layout("TargetCounters", **_words(
    "incarnation new_flows active_flows packets_to_target bytes_to_target packets_to_client "
    "bytes_to_client client_resets target_resets elb_resets picked_up_flows "
    "port_allocation_errors handshakes_answered handshakes_failed unhealthy_routing_flows "
    "over_flows"))
TargetGroupCounters = _layout("TargetGroupCounters", **_words(
    "incarnation surge_queue_length surge_queue_length_max surge_oldest_milliseconds "
    "surge_entered surge_admitted surge_timed_out surge_left surge_joined spillover "
    "surge_wait_milliseconds elb_resets"), reserved=u64 * 4)
UdpCounters = _layout("UdpCounters", **_words(
    "new_flows active_flows packets_to_target bytes_to_target packets_to_client bytes_to_client"),
    reserved=u64 * 2)
Worker = _layout("Worker", totals=Totals, verdicts=u64 * 64,
                 listeners=ListenerCounters * LISTENERS_MAX, targets=TargetCounters * TARGETS_MAX,
                 rule_hits=u64 * RULES_MAX,
                 groups=TargetGroupCounters * TARGET_GROUPS_MAX,
                 target_udp=UdpCounters * TARGETS_MAX)

BUCKETS = 896
Histogram = _layout("Histogram", sum=u64, largest=u64, reserved=u64 * 6, buckets=u64 * BUCKETS)
HISTOGRAMS_BYTES = 9 * PAGE  # of one target or listener: five, and room
# Name in documents, place in FlowHistograms, what makes a value the unit of the name.
MEASURES = (("connect_seconds", 0, 1e-9), ("response_seconds", 1, 1e-9),
            ("queue_seconds", 2, 1e-9), ("duration_seconds", 3, 1e-6), ("bytes", 4, 1.0))
PERCENTILES = (("p50", 500), ("p75", 750), ("p90", 900), ("p95", 950), ("p99", 990),
               ("p99_9", 999))

WORKERS_OFFSET = (CONTROL_OFFSET + ctypes.sizeof(Control) + 63) // 64 * 64


def histograms_offset(workers: int) -> int:
    """Where the histograms begin; what is before is all there, behind it only marked places."""
    end = WORKERS_OFFSET + workers * ctypes.sizeof(Worker)
    return (end + PAGE - 1) // PAGE * PAGE


def segment_size(workers: int) -> int:
    """The size of the file, in bytes."""
    places = TARGETS_MAX + LISTENERS_MAX
    return histograms_offset(workers) + workers * places * HISTOGRAMS_BYTES

#!/usr/bin/env python3
"""Reads the shared memory segment of a Spillway instance: a library and a small program.

Only Python's own library is needed, and nothing is asked of the daemon: this works while it is
busy, stuck or dead. The layout is that of spillway_segment.h; docs/metrics.md says what each
figure means and how versions are dealt with.

    with Segment("edge-1") as segment:
        segment.follow()                     # a newer daemon's, if there is one
        print(segment.liveness())            # Liveness(running=True, stale=False, ...)
        for target in segment.targets():
            print(target["address"], target["histograms"]["connect_seconds"]["p99"])
"""

import argparse
import ctypes
import fcntl
import json
import math
import mmap
import os
import struct
import sys
import time
from typing import Any, Iterator, NamedTuple, Optional

from spillway_layout import (
    BUCKETS, CONTROL_OFFSET, HISTOGRAMS_BYTES, LAYOUT_VERSION, LISTENERS_MAX, MAGIC, MEASURES,
    PERCENTILES, PROTOCOLS, REASONS, STATES, TARGETS_MAX, VERDICTS, WORKERS_MAX, WORKERS_OFFSET,
    Control, FlowLog, Header, Histogram, Instance, Listener, ListenerCounters, Port, Rule,
    SecurityGroup, Target, TargetCounters, TargetGroup, TargetGroupCounters, Totals, Traffic,
    UdpCounters, Worker, Zone, histograms_offset, segment_size, u64)

# Figures of a whole queue, that each worker has: not to be added up.
GREATEST = ("surge_queue_length_max", "surge_oldest_milliseconds")
STALE_MILLISECONDS = 5_000
DIRECTORY = "/dev/shm"


class CannotRead(Exception):
    """The segment cannot be read; its text is a sentence for the operator."""


def bucket_first(bucket: int) -> int:
    """The smallest value of a histogram's bucket."""
    return bucket << 5 if bucket < 64 else (bucket % 32 + 32) << (bucket // 32 + 4)


def percentile(buckets: list[int], largest: int, per_mille: int) -> int:
    """The value that `per_mille` thousandths of all do not exceed, within 1.6 %; 0: no values."""
    count = sum(buckets)
    rank = max(-(-count * per_mille // 1000), 1)
    seen = 0
    for bucket, values in enumerate(buckets):
        seen += values
        if values and seen >= rank:
            first, behind = bucket_first(bucket), bucket_first(bucket + 1)
            return min(first + (behind - first) // 2, largest)
    return 0


class Liveness(NamedTuple):
    """How much the figures can be trusted to be those of now."""
    running: bool  # a daemon holds the segment and has not said that it stopped
    stale: bool  # not running, or no heartbeat for 5 seconds
    stopped_cleanly: bool
    silent_milliseconds: int


def _plain(value: ctypes.Structure) -> dict[str, Any]:
    """A record as text, numbers, lists and dictionaries."""
    found: dict[str, Any] = {}
    for name, _ in value._fields_:
        field = getattr(value, name)
        if isinstance(field, bytes):
            field = field.decode("utf-8", "replace")
        elif isinstance(field, ctypes.Array):
            field = [_plain(each) if isinstance(each, ctypes.Structure) else each
                     for each in field]
        found[name] = field
    return found


class Segment:
    """A read-only mapping of an instance's segment. It stays valid when the daemon ends; follow()
    moves on to a newer daemon's."""

    def __init__(self, instance: str, directory: str = DIRECTORY) -> None:
        self.instance = instance
        self.path = os.path.join(directory, "spillway-" + instance)
        self._file, self._map, self.workers = self._open()

    def _open(self) -> tuple[int, mmap.mmap, int]:
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise CannotRead(f"instance {self.instance} is not running: there is no {self.path}"
                             "; start it, or name another one with --instance") from None
        except OSError as error:
            raise CannotRead(f"cannot read {self.path}: {error.strerror}; run this as root, as "
                             "the user that runs the instance, or as a member of that file's "
                             "group") from None
        try:
            return (file, *self._map_file(file))
        except BaseException:
            os.close(file)
            raise

    def _map_file(self, file: int) -> tuple[mmap.mmap, int]:
        size = os.fstat(file).st_size
        head = os.pread(file, ctypes.sizeof(Header), 0)
        if size == 0 or head[:8] == b"\0" * 8:
            raise CannotRead(f"instance {self.instance} is just starting, or died while it was; "
                             "try again in a second")
        if len(head) < ctypes.sizeof(Header):
            raise CannotRead(f"{self.path} has {size} bytes, less than any Spillway segment")
        header = Header.from_buffer_copy(head)
        if header.magic != MAGIC:
            raise CannotRead(f"{self.path} is not a Spillway segment")
        if header.version != LAYOUT_VERSION:
            raise CannotRead(f"instance {self.instance} writes layout {header.version} and this "
                             f"program reads layout {LAYOUT_VERSION}: use the programs of one "
                             "Spillway version")
        workers = header.workers
        if not 1 <= workers <= WORKERS_MAX or header.size != segment_size(workers) or \
                size < header.size:
            raise CannotRead(f"{self.path} has {size} bytes where its header says {header.size} "
                             f"for {workers} workers: it was cut or damaged")
        return mmap.mmap(file, header.size, mmap.MAP_SHARED, mmap.PROT_READ), workers

    def __enter__(self) -> "Segment":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the mapping back."""
        self._map.close()
        os.close(self._file)

    def follow(self) -> bool:
        """Maps the newer segment, if a daemon has made one since. True: figures start anew."""
        try:
            if os.stat(self.path).st_ino == os.fstat(self._file).st_ino:
                return False
            opened = self._open()
        except (OSError, CannotRead):
            return False  # gone, or not complete: next time
        self.close()
        self._file, self._map, self.workers = opened
        return True

    # --- parts ---

    def _read(self, layout: Any, offset: int) -> Any:
        return layout.from_buffer_copy(self._map, offset)

    def header(self) -> Any:
        """The header as it is now."""
        return self._read(Header, 0)

    def liveness(self) -> Liveness:
        """Asks for the daemon's lock, which goes with its process: never for its pid."""
        # struct flock; l_type F_RDLCK, l_whence SEEK_SET. Asked for, not taken.
        question = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(self._file, getattr(fcntl, "F_OFD_GETLK", 36), question)
        held = struct.unpack("hhqqi4x", answer)[0] == fcntl.F_WRLCK
        header = self.header()
        silent = max(0, int(time.time() * 1000) - header.heartbeat_unix_milliseconds)
        running = held and header.stopped == 0
        return Liveness(running, not running or silent > STALE_MILLISECONDS, header.stopped != 0,
                        silent)

    def record(self, layout: Any, offset: int) -> Optional[Any]:
        """A record, whole; None: its writer kept writing, or died in the middle."""
        for _ in range(100):
            before = struct.unpack_from("<Q", self._map, offset)[0]
            if before % 2:
                continue
            value = layout.from_buffer_copy(self._map, offset + 8)
            if struct.unpack_from("<Q", self._map, offset)[0] == before:
                return value
        return None

    def _records(self, name: str, layout: Any) -> Iterator[tuple[int, Any]]:
        place = getattr(Control, name)
        step = 8 + (ctypes.sizeof(layout) + 7) // 8 * 8
        for index in range(place.size // step):
            offset = CONTROL_OFFSET + place.offset + index * step
            # Most are unused: look at the first byte before the whole is copied.
            if self._map[offset + 8] == 0:
                continue
            value = self.record(layout, offset)
            if value is not None and value.used:
                yield index, value

    def _worker(self, number: int) -> int:
        return WORKERS_OFFSET + number * ctypes.sizeof(Worker)

    def _counters(self, array: str, layout: Any, slot: int, incarnation: int) -> dict[str, int]:
        """Sums over those workers whose figures belong to this incarnation of the slot."""
        sums = {name: 0 for name, kind in layout._fields_ if kind is u64}
        for worker in range(self.workers):
            place = self._worker(worker) + getattr(Worker, array).offset
            counters = self._read(layout, place + slot * ctypes.sizeof(layout))
            if counters.incarnation == incarnation:
                for name in sums:
                    value = getattr(counters, name)
                    sums[name] = max(sums[name], value) if name in GREATEST else sums[name] + value
        del sums["incarnation"]
        return sums

    def _udp(self, target: Any, counted: dict[str, int]) -> dict[str, int]:
        """What of a target's counters is UDP: of its group's one protocol all or nothing."""
        sums = {name: 0 for name, kind in UdpCounters._fields_ if kind is u64}
        for worker in range(self.workers):
            base = self._worker(worker)
            mine = base + Worker.targets.offset + target.slot * ctypes.sizeof(TargetCounters)
            if struct.unpack_from("<Q", self._map, mine)[0] != target.incarnation:
                continue
            udp = self._read(UdpCounters, base + Worker.target_udp.offset
                             + target.slot * ctypes.sizeof(UdpCounters))
            for name in sums:
                sums[name] += getattr(udp, name)
        if PROTOCOLS.get(target.protocol) == "udp":
            sums = {name: counted[name] for name in sums}
        return {name + "_udp": value for name, value in sums.items()}

    # --- what people ask for ---

    def instance_record(self) -> dict[str, Any]:
        """Who this is: name, version, configuration file, generation, reloads."""
        value = self.record(Instance, CONTROL_OFFSET + Control.instance.offset)
        return {} if value is None else _plain(value)

    def totals(self, worker: Optional[int] = None) -> dict[str, int]:
        """One worker's figures, or the sums over all; `generation` is the oldest, the pages'
        size the smallest."""
        chosen = range(self.workers) if worker is None else [worker]
        each = [self._read(Totals, self._worker(number)) for number in chosen]
        sums = {name: sum(getattr(one, name) for one in each)
                for name, kind in Totals._fields_ if kind is u64}
        for name in ("generation", "table_page_bytes"):
            sums[name] = min(getattr(one, name) for one in each)
        return sums

    def verdicts(self) -> dict[str, int]:
        """How often each verdict was given, those that were."""
        sums = [0] * 64
        for worker in range(self.workers):
            counters = struct.unpack_from("<64Q", self._map,
                                          self._worker(worker) + Worker.verdicts.offset)
            sums = [a + b for a, b in zip(sums, counters)]
        names = VERDICTS + tuple(f"Verdict{i}" for i in range(len(VERDICTS), 64))
        return {name: count for name, count in zip(names, sums) if count}

    def ports(self) -> list[dict[str, Any]]:
        """All ports, with the figures of their NICs."""
        found = []
        for _, record in self._records("ports", Port):
            port = _plain(record)
            queues = record.receive_queues if record.queue_drops_known else 0
            port["dropped_by_queue"] = port["dropped_by_queue"][:queues]
            found.append(port)
        return found

    def security_groups(self) -> list[dict[str, Any]]:
        """All security groups, in the configuration's order."""
        return [_plain(record) for _, record in self._records("security_groups", SecurityGroup)]

    def rules(self) -> list[dict[str, Any]]:
        """All rules of the security groups, with how often each has let something through."""
        found = []
        for slot, record in self._records("rules", Rule):
            rule = _plain(record)
            place = Worker.rule_hits.offset + 8 * slot
            hits = sum(self._read(u64, self._worker(worker) + place).value
                       for worker in range(self.workers))
            rule["hits"] = max(0, hits - rule.pop("hits_before"))
            found.append(rule)
        return found

    def target_groups(self) -> list[dict[str, Any]]:
        """All target groups, with healthy hosts by zone and their traffic."""
        found = []
        for slot, record in self._records("target_groups", TargetGroup):
            group = _plain(record)
            group["zones"] = group["zones"][:record.zone_count]
            group["traffic"] = self._traffic("group_traffic", slot)
            group |= self._counters("groups", TargetGroupCounters, slot, record.incarnation)
            found.append(group)
        return found

    def zones(self) -> list[dict[str, Any]]:
        """All zones, with their traffic."""
        return [_plain(record) | {"traffic": self._traffic("zone_traffic", index)}
                for index, record in self._records("zones", Zone)]

    def traffic(self) -> dict[str, int]:
        """The balancer's, as control added it up in the last second."""
        return self._traffic("traffic", 0)

    def flow_log(self) -> dict[str, Any]:
        """What became of the flow log's lines; of those lost in a worker's ring: totals."""
        value = self.record(FlowLog, CONTROL_OFFSET + Control.flow_log.offset)
        return {} if value is None else _plain(value)

    def _traffic(self, name: str, index: int) -> dict[str, int]:
        step = 8 + ctypes.sizeof(Traffic)
        offset = CONTROL_OFFSET + getattr(Control, name).offset + index * step
        value = self.record(Traffic, offset)
        return {} if value is None else _plain(value)

    def listeners(self) -> list[dict[str, Any]]:
        """All listeners with their counters and histograms."""
        found = []
        for slot, record in self._records("listeners", Listener):
            listener = _plain(record)
            listener["protocol"] = PROTOCOLS.get(record.protocol, str(record.protocol))
            listener["groups"] = listener["groups"][:record.group_count]
            listener |= self._counters("listeners", ListenerCounters, slot, record.incarnation)
            listener["histograms"] = self._histograms(
                Control.listener_histogram_marks, TARGETS_MAX, slot, record.incarnation)
            found.append(listener)
        return found

    def targets(self) -> list[dict[str, Any]]:
        """All targets with states, counters and histograms."""
        found = []
        for slot, record in self._records("targets", Target):
            target = _plain(record)
            target["state"] = STATES[record.state] if record.state < len(STATES) else "unknown"
            target["reason"] = REASONS[record.reason] if record.reason < len(REASONS) else "unknown"
            target |= self._counters("targets", TargetCounters, slot, record.incarnation)
            target |= self._udp(record, target)
            target["histograms"] = self._histograms(Control.target_histogram_marks, 0, slot,
                                                    record.incarnation)
            found.append(target)
        return found

    def _histograms(self, marks: Any, first: int, slot: int,
                    incarnation: int) -> Optional[dict[str, Any]]:
        mark = struct.unpack_from("<I", self._map, CONTROL_OFFSET + marks.offset + 4 * slot)[0]
        if mark != incarnation + 1:
            return None  # there is no memory behind it: do not touch
        return {name: self._figures(first + slot, place, scale)
                for name, place, scale in MEASURES}

    def _figures(self, place: int, histogram: int, scale: float) -> dict[str, Any]:
        buckets, total, largest = [0] * BUCKETS, 0, 0
        for worker in range(self.workers):
            offset = histograms_offset(self.workers) + histogram * ctypes.sizeof(Histogram) + \
                (worker * (TARGETS_MAX + LISTENERS_MAX) + place) * HISTOGRAMS_BYTES
            one = self._read(Histogram, offset)
            buckets = [a + b for a, b in zip(buckets, one.buckets)]
            total, largest = total + one.sum, max(largest, one.largest)
        count = sum(buckets)
        figures: dict[str, Any] = {"count": count, "mean": total / count * scale if count else None}
        for name, per_mille in PERCENTILES:
            value = percentile(buckets, largest, per_mille)
            figures[name] = value * scale if count else None
        figures["max"] = largest * scale if count else None
        return figures

    def document(self) -> dict[str, Any]:
        """All of it, as --json prints it."""
        return {"instance": self.instance_record(), **self.liveness()._asdict(),
                "layout_version": self.header().version, "totals": self.totals(),
                "workers": [self.totals(worker) for worker in range(self.workers)],
                "verdicts": self.verdicts(), "traffic": self.traffic(), "ports": self.ports(),
                "flow_log": self.flow_log(), "rules": self.rules(),
                "security_groups": self.security_groups(),
                "zones": self.zones(), "target_groups": self.target_groups(),
                "listeners": self.listeners(), "targets": self.targets()}


def _milliseconds(figures: Optional[dict[str, Any]], measure: str) -> str:
    if figures is None or not figures[measure]["count"]:
        return "-"
    return "/".join(f"{figures[measure][name] * 1000:.2f}" for name in ("p50", "p99"))


def _table(segment: Segment) -> str:
    state = segment.liveness()
    word = "running" if state.running else "stopped" if state.stopped_cleanly else "dead"
    lines = [f"instance {segment.instance} is {word}{', stale' if state.stale else ''}; last "
             f"heartbeat {state.silent_milliseconds / 1000:.1f} s ago"]
    rows = [("GROUP", "TARGET", "STATE", "ACTIVE", "NEW", "CONNECT-P50/P99-MS",
             "RESPONSE-P50/P99-MS")]
    for one in segment.targets():
        port = f":{one['port']}" if one["port"] else ""
        address = f"[{one['address']}]" if ":" in one["address"] and port else one["address"]
        rows.append((one["target_group"], address + port, one["state"], str(one["active_flows"]),
                     str(one["new_flows"]), _milliseconds(one["histograms"], "connect_seconds"),
                     _milliseconds(one["histograms"], "response_seconds")))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return "\n".join(lines)


def main(arguments: Optional[list[str]] = None) -> int:
    """The program: 0 done, 1 it cannot be read, 2 bad usage."""
    parser = argparse.ArgumentParser(
        description="Shows what the shared memory of a Spillway instance says, without asking it.",
        epilog="Says \"stale\" when the instance is dead or stuck: its last figures stay "
               "readable. docs/metrics.md explains each figure.")
    parser.add_argument("--instance", default="spillway", help="its name (default: spillway)")
    parser.add_argument("--json", action="store_true", help="all of it, as one JSON document")
    parser.add_argument("--watch", type=float, metavar="SECONDS",
                        help="again every so many seconds, also when the instance is restarted")
    options = parser.parse_args(arguments)
    if options.watch is not None and not 0 < options.watch < math.inf:
        parser.error("--watch takes a number of seconds above 0, as in --watch 1")
    try:
        with Segment(options.instance) as segment:
            while True:
                print(json.dumps(segment.document()) if options.json else _table(segment),
                      flush=True)
                if options.watch is None:
                    return 0
                time.sleep(options.watch)
                segment.follow()
    except CannotRead as error:
        print(f"spillway_segment: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 0


if __name__ == "__main__":
    sys.exit(main())

"use strict";
// The status page: asks for status.json every 2 s, keeps five minutes of it, and shows it. All text
// from outside gets into the page as text (textContent), never as markup.
const PERIOD = 2000, KEPT = 150, SHOWN = 500;
const samples = [];  // the documents' figures, the oldest first
const find = (id) => document.getElementById(id);

// Quantities, as spillwayctl prints them.
function scaled(value, units) {
  let unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) { value /= 1000; ++unit; }
  return (unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)) + units[unit];
}
const count = (value) => value < 9999.5 ? value.toFixed(0) : scaled(value, ["", "k", "M", "G", "T"]);
const bytes = (value) => scaled(value, [" B", " kB", " MB", " GB", " TB"]);
function perSecond(value, show = count) {
  if (value === null) return "–";
  return (show === count && value > 0 && value < 9.95 ? value.toFixed(1) : show(value)) + "/s";
}
function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.9995e-3) return (value * 1e6).toFixed(0) + " µs";
  if (value < 0.9995) return (value * 1e3).toPrecision(3) + " ms";
  return value.toPrecision(3) + " s";
}
function span(value) {
  const whole = Math.max(0, Math.round(value));
  const [m, h, d] = [Math.floor(whole / 60), Math.floor(whole / 3600), Math.floor(whole / 86400)];
  if (d > 0) return `${d}d ${h % 24}h`;
  if (h > 0) return `${h}h ${m % 60}m`;
  return m > 0 ? `${m}m ${whole % 60}s` : `${whole}s`;
}
function endpoint(thing) {
  const host = thing.address.includes(":") ? `[${thing.address}]` : thing.address;
  const last = thing.port_last !== undefined && thing.port_last !== thing.port ? `-${thing.port_last}` : "";
  return thing.port === 0 ? host : `${host}:${thing.port}${last}`;
}

// Elements
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
/** Rows are kept from one sample to the next, so that nothing jumps and nothing is read out anew. */
function fill(table, rows, empty) {
  const body = table.tBodies[0];
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const wanted = rows.map(({key, cells}) => {
    const row = old.get(key) || element("tr", {"data-key": key});
    cells.forEach((content, i) => {
      let cell = row.cells[i];
      if (!cell) {
        cell = row.appendChild(i === 0 ? element("th", {scope: "row"}) : element("td", {"data-label": labels[i]}));
        if (table.tHead.rows[0].cells[i].classList.contains("number")) cell.classList.add("number");
      }
      const blank = content === "";
      cell.classList.toggle("blank", blank);
      if (content instanceof Node) {
        const holder = element("div", {}, content);
        if (!cell.firstChild || !cell.firstChild.isEqualNode(holder)) cell.replaceChildren(holder);
      } else if (cell.textContent !== content) cell.textContent = content;
    });
    return row;
  });
  if (wanted.length === 0) {
    wanted.push(element("tr", {}, element("td", {class: "empty", colspan: labels.length}, empty)));
  }
  if (wanted.length !== body.rows.length || wanted.some((row, i) => body.rows[i] !== row)) body.replaceChildren(...wanted);
}
const SVG = "http://www.w3.org/2000/svg";
/** The numbers stand beside it: a reader of the screen need not be told. */
function spark(values) {
  const box = document.createElementNS(SVG, "svg");
  box.setAttribute("class", "spark");
  box.setAttribute("viewBox", "0 0 100 20");
  box.setAttribute("preserveAspectRatio", "none");
  box.setAttribute("aria-hidden", "true");
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return box;
  const top = Math.max(...known, 1e-9), steps = Math.max(values.length, 30) - 1;
  const at = (value, i) => `${(100 - (values.length - 1 - i) * 100 / steps).toFixed(1)},${(19 - 18 * value / top).toFixed(1)}`;
  let line = "", area = "", open = null;
  values.forEach((value, i) => {
    if (value === null) { open = null; return; }
    line += (open === null ? "M" : "L") + at(value, i);
    open = i;
  });
  const first = values.findIndex((value) => value !== null);
  if (!values.slice(first).includes(null)) {
    const x = (i) => (100 - (values.length - 1 - i) * 100 / steps).toFixed(1);
    area = line + `L${x(values.length - 1)},20L${x(first)},20Z`;
  }
  for (const [path, name] of [[area, "area"], [line, "line"]]) {
    const drawn = document.createElementNS(SVG, "path");
    drawn.setAttribute("d", path);
    drawn.setAttribute("class", name);
    box.append(drawn);
  }
  return box;
}
function badge(state) {
  const kind = state === "healthy" ? "good" : state.startsWith("unhealthy") || state === "unavailable" ? "bad" : "waiting";
  return element("span", {class: `badge ${kind}`}, state);
}

// Figures
const key = (target) => `${target.target_group} ${endpoint(target)}`;
/** What is kept of a document: numbers only. */
function figures(document) {
  const totals = document.status.totals;
  const of = {};
  for (const listener of document.listeners) of["l " + listener.name] = {flows: listener.new_flows, rejected: listener.rejected_flows, spilled: listener.spilled_flows};
  for (const target of document.targets) {
    of["t " + key(target)] = {flows: target.new_flows, bytes: target.bytes_to_target + target.bytes_to_client};
  }
  for (const group of document.target_groups) of["g " + group.name] = {queue: group.surge_queue_length, spilled: group.spillover_count, flows: group.new_flows};
  const drops = Object.entries(totals.verdicts).reduce((sum, [name, n]) => name.startsWith("Drop") ? sum + n : sum, 0);
  of[""] = {
    flows: totals.flows_inserted, packets: totals.received, drops,
    bytes: document.targets.reduce((sum, target) => sum + target.bytes_to_target + target.bytes_to_client, 0),
    busy: totals.busy_nanoseconds, idle: totals.idle_nanoseconds, queue: sum(document.target_groups, (group) => group.surge_queue_length),
    spilled: sum(document.target_groups, (group) => group.spillover_count),
  };
  const heat = {};
  for (const listener of document.latency.listeners) heat[listener.name] = listener;
  return {at: Date.parse(document.time), pid: document.status.pid, of, heat};
}
const sum = (things, value) => things.reduce((all, thing) => all + value(thing), 0);
/** A queue that a reload has taken away is shown until it is empty. */
const queued = (group) => group.surge_queue !== null || group.surge_queue_length > 0;
/** "9", or where there is a limit "9 of 10": what counts, and how many may be. */
function places(thing) {
  if (thing.max_connections === null) return count(thing.active_flows);
  const text = `${count(thing.connections)} of ${count(thing.max_connections)}`;
  return thing.connections >= thing.max_connections ? badgeOf("waiting", text) : text;
}
function queueOf(group) {
  if (!queued(group)) return "";
  if (group.surge_queue === null) return count(group.surge_queue_length);
  const text = `${count(group.surge_queue_length)} of ${count(group.surge_queue.length)}`;
  if (group.surge_queue_length === 0) return text;
  return badgeOf(group.surge_queue_length >= group.surge_queue.length ? "bad" : "waiting", text);
}
/** A sum since the start and, while it grows, how fast. */
function growing(value, rate) {
  return rate > 0 ? `${count(value)} (${perSecond(rate)})` : count(value);
}
/** Growth per second from each sample to the next; null where it is not known. */
function rates(name, field) {
  return samples.map((now, i) => {
    const before = samples[i - 1];
    const value = now.of[name] && now.of[name][field];
    const earlier = before && before.of[name] && before.of[name][field];
    if (value === undefined || earlier === undefined || before.pid !== now.pid || value < earlier || now.at <= before.at) return null;
    return (value - earlier) * 1000 / (now.at - before.at);
  });
}
const values = (name, field) => samples.map((now) => now.of[name] ? now.of[name][field] : null);
const last = (list) => list.length === 0 ? null : list[list.length - 1];

// Parts of the page
function overview(document) {
  const flows = rates("", "flows"), traffic = rates("", "bytes"), packets = rates("", "packets"), drops = rates("", "drops");
  const busy = rates("", "busy"), idle = rates("", "idle");
  const load = busy.map((value, i) => value === null || idle[i] === null || value + idle[i] === 0 ? null : 100 * value / (value + idle[i]));
  const active = sum(document.listeners, (listener) => listener.active_flows);
  const tiles = [
    ["New flows", perSecond(last(flows)), flows],
    ["Active flows", count(active), null],
    ["Traffic", perSecond(last(traffic), bytes), traffic],
    ["Packets", perSecond(last(packets)), packets],
    ["Dropped packets", perSecond(last(drops)), drops],
    ["Workers' load", last(load) === null ? "–" : `${last(load).toFixed(0)} %`, load],
  ];
  if (document.target_groups.some(queued)) {
    const spilled = rates("", "spilled");
    tiles.push(["Waiting in queues", count(last(values("", "queue"))), values("", "queue")]);
    tiles.push(["Spilled over", perSecond(last(spilled)), spilled]);
  }
  find("overview").replaceChildren(...tiles.map(([name, value, line]) => {
    const shown = element("dd", {}, value);
    if (line) shown.append(spark(line));
    return element("div", {}, element("dt", {}, name), shown);
  }));
}
function percentiles(histograms) {
  const connect = histograms && histograms.connect_seconds;
  return connect && connect.count > 0 ? [seconds(connect.p50), seconds(connect.p99)] : ["–", "–"];
}
function listeners(document) {
  fill(find("listeners"), document.listeners.map((listener) => {
    const name = "l " + listener.name;
    return {key: name, cells: [
      listener.name, `${listener.protocol} ${endpoint(listener)}`, perSecond(last(rates(name, "flows"))),
      spark(rates(name, "flows")), count(listener.active_flows),
      growing(listener.rejected_flows, last(rates(name, "rejected"))),
      growing(listener.spilled_flows, last(rates(name, "spilled"))),
      ...percentiles(listener.histograms),
    ]};
  }), "no listeners");
}
function routing(group) {
  if (group.on_standby) return element("span", {}, badgeOf("waiting", "standby"), ` ${group.standby}`);
  if (group.failing_open) return element("span", {}, badgeOf("bad", "fail open"), " all targets: too few are healthy");
  if (group.zonal_affinity === "spills") return element("span", {}, badgeOf("waiting", "spill"), " also other zones");
  return element("span", {}, group.healthy > 0 ? "healthy targets" : "nobody");
}
const waited = (group) => group.surge_oldest_seconds > 0 ? seconds(group.surge_oldest_seconds) : "–";
const badgeOf = (kind, text) => element("span", {class: `badge ${kind}`}, text);
function groups(document) {
  fill(find("groups"), document.target_groups.map((group) => {
    const name = "g " + group.name, has = queued(group);
    const kind = group.healthy === group.registered ? "good" : group.healthy === 0 ? "bad" : "waiting";
    return {key: name, cells: [
      group.name, badgeOf(kind, `${group.healthy} of ${group.registered}`), routing(group),
      places(group), queueOf(group), has ? spark(values(name, "queue")) : "", has ? waited(group) : "",
      has || group.spillover_count > 0 ? growing(group.spillover_count, last(rates(name, "spilled"))) : "",
    ]};
  }), "no target groups");
}
function stateOf(target, now) {
  const cell = element("span", {}, badge(target.state), ` ${span((now - Date.parse(target.since)) / 1000)}`);
  const why = [target.reason, target.state === "healthy" ? "" : target.detail].filter((part) => part !== "").join(": ");
  const more = [why];
  if (target.drain_ends !== null) more.push(`drain ends in ${span((Date.parse(target.drain_ends) - now) / 1000)}`);
  if (!target.takes_new_flows && target.state === "healthy") more.push("takes no new flows");
  const text = more.filter((part) => part !== "").join("; ");
  if (text !== "") cell.append(element("span", {class: "why"}, text));
  return cell;
}
function targets(document) {
  const words = find("filter").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const fits = (target) => {
    const text = `${key(target)} ${target.zone} ${target.state} ${target.reason}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  // The ones to look at come first.
  const order = (target) => target.state === "healthy" ? 1 : 0;
  const found = document.targets.filter(fits).sort((a, b) => order(a) - order(b));
  const shown = found.slice(0, SHOWN);
  const all = document.targets.length, noun = all === 1 ? "target" : "targets";
  const text = found.length === all ? `${all} ${noun}` : `${found.length} of ${all} ${noun}`;
  const more = shown.length < found.length ? `; the first ${SHOWN} are shown` : "";
  if (find("shown").textContent !== text + more) find("shown").textContent = text + more;
  const now = Date.parse(document.time);
  fill(find("targets"), shown.map((target) => {
    const name = "t " + key(target);
    return {key: name, cells: [
      endpoint(target), target.target_group, target.zone, stateOf(target, now), perSecond(last(rates(name, "flows"))),
      spark(rates(name, "flows")), places(target), perSecond(last(rates(name, "bytes")), bytes),
      ...percentiles(target.histograms),
    ]};
  }), "no targets");
}

// Latency
/** For each sample how many values fell into each bucket since the one before. */
function columns(name, measure) {
  return samples.map((now, i) => {
    const before = samples[i - 1];
    const after = now.heat[name] && now.heat[name][measure];
    const earlier = before && before.pid === now.pid && before.heat[name] && before.heat[name][measure];
    if (!after || !earlier) return null;
    const grown = after.map((n, row) => n - earlier[row]);
    return grown.some((n) => n < 0) ? null : grown;
  });
}
function quantile(row, counts, bounds) {
  const all = sum(counts, (n) => n);
  let seen = 0;
  for (let i = 0; i < counts.length; ++i) {
    seen += counts[i];
    if (seen >= row * all) return i < bounds.length ? bounds[i] : Infinity;
  }
  return Infinity;
}
function heat(document) {
  const choice = find("heat-listener");
  const names = document.latency.listeners.map((listener) => listener.name);
  if (names.join("\n") !== [...choice.options].map((option) => option.value).join("\n")) {
    const chosen = choice.value;
    choice.replaceChildren(...names.map((name) => element("option", {value: name}, name)));
    if (names.includes(chosen)) choice.value = chosen;
  }
  const measure = find("heat-measure").value;
  const drawn = columns(choice.value, measure), bounds = document.latency.bounds_seconds;
  const all = drawn.reduce((into, column) => column ? into.map((n, i) => n + column[i]) : into, new Array(bounds.length + 1).fill(0));
  const values = sum(all, (n) => n);
  const text = values === 0 ? `no ${measure} latency was measured in the last minutes`
    : `${measure}, last ${span(drawn.length * PERIOD / 1000)}: ${count(values)} measured, half below ${seconds(quantile(0.5, all, bounds))}, 99 % below ${seconds(quantile(0.99, all, bounds))}`;
  if (find("heat-text").textContent !== text) {
    find("heat-text").textContent = text;
    find("heat-map").setAttribute("aria-label", text);
  }
  paint(drawn, all, bounds);
}
function paint(drawn, all, bounds) {
  const canvas = find("heat-map"), ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight, left = 58, bottom = 18;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  pen.scale(ratio, ratio);
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const used = all.map((n, i) => n > 0 ? i : -1).filter((i) => i >= 0);
  let low = used.length ? Math.max(0, used[0] - 1) : 4, high = used.length ? Math.min(bounds.length, used[used.length - 1] + 1) : 14;
  while (high - low < 7) { if (low > 0) --low; if (high < bounds.length) ++high; }
  const rows = high - low + 1, tall = (height - bottom) / rows, wide = (width - left) / KEPT;
  const most = Math.max(1, ...drawn.map((column) => column ? Math.max(...column) : 0));
  pen.strokeStyle = colour("--line");
  pen.fillStyle = colour("--quiet");
  pen.textBaseline = "middle";
  const every = Math.ceil(20 / tall);
  for (let row = low; row <= high; ++row) {
    const y = (high - row) * tall;
    if ((row - low) % every !== 0) continue;
    pen.beginPath();
    pen.moveTo(left, y + 0.5);
    pen.lineTo(width, y + 0.5);
    pen.stroke();
    if (row < bounds.length && y > 6) pen.fillText(seconds(bounds[row]), 0, y);
  }
  pen.fillStyle = colour("--accent");
  drawn.forEach((column, i) => {
    if (!column) return;
    const x = width - (drawn.length - i) * wide;
    column.forEach((n, row) => {
      if (n === 0 || row < low || row > high) return;
      pen.globalAlpha = 0.15 + 0.85 * Math.sqrt(n / most);
      pen.fillRect(x, (high - row) * tall + 1, Math.max(wide - 0.5, 1), tall - 1);
    });
  });
  pen.globalAlpha = 1;
  pen.fillStyle = colour("--quiet");
  pen.textBaseline = "alphabetic";
  pen.fillText(`${KEPT * PERIOD / 60000} min ago`, left, height - 4);
  pen.textAlign = "right";
  pen.fillText("now", width, height - 4);
}

// Life
let newest = null;
function say(kind, word, sentence) {
  const health = find("health");
  if (health.textContent !== word) health.replaceChildren(badgeOf(kind, word));
  const banner = find("banner");
  if (banner.textContent !== sentence) banner.textContent = sentence;
  banner.hidden = sentence === "";
}
function show() {
  const document_ = newest;
  find("instance").textContent = document_.instance;
  document.title = `${document_.up ? "" : "(down) "}Spillway ${document_.instance}`;
  if (document_.up && !document_.stale) say("good", "running", "");
  else say("bad", document_.up ? "stuck" : "not running", document_.why);
  if (!document_.status) return;
  const status = document_.status;
  find("about").textContent = `version ${status.version}, ${document_.up ? "up" : "was up"} ${span(status.uptime_seconds)}, generation ${status.generation}`;
  overview(document_);
  listeners(document_);
  heat(document_);
  groups(document_);
  targets(document_);
}
async function ask() {
  try {
    const response = await fetch("status.json", {cache: "no-store"});
    if (!response.ok) throw new Error(`the exporter answers ${response.status}`);
    newest = await response.json();
    if (newest.status) {
      samples.push(figures(newest));
      if (samples.length > KEPT) samples.shift();
    }
    show();
  } catch (error) {
    say("bad", "no connection", `stale: the exporter does not answer (${error.message}); these are the last figures that it gave`);
  }
  setTimeout(ask, samples.length < 2 ? 500 : PERIOD);
}
for (const id of ["filter", "heat-listener", "heat-measure"]) {
  find(id).addEventListener("input", () => { if (newest && newest.status) show(); });
}
window.addEventListener("resize", () => { if (newest && newest.status) heat(newest); });
ask();

#include <fmt/core.h>
// Its macros have names like move, clear and timeout.
#define NCURSES_NOMACROS
#include <ncurses.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <clocale>
#include <optional>
#include <string>
#include <variant>

#include "tools/spillwayctl/instance.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/sample.h"
#include "tools/spillwayctl/sheet.h"
#include "tools/spillwayctl/stats.h"

namespace tools {
namespace {

using Clock = std::chrono::steady_clock;
/// Percentiles are of what came in the last one to two such spans.
constexpr std::uint64_t latency_milliseconds = 10'000;

constexpr std::array help_lines{
    "spillwayctl top: what the instance is doing now",
    "",
    "  1 2 3 4, Tab  listeners, target groups, targets, workers",
    "  s  S          sort by the next, the previous column",
    "  r             the other way round",
    "  /             filter: rows that contain a text; an empty one shows all",
    "  l             P50 and P99 of connecting, answering, or waiting in the surge queue",
    "  arrows, Page  scroll",
    "  q             quit",
    "",
    "ACTIVE 9/10: connections that count, of as many as there may be (max_connections).",
    "QUEUE: SYNs that wait in the surge queue, of as many as may. SPILL: refused, it was full.",
    "Rates are those of the last interval, percentiles of the last 10 to 20 seconds.",
    "Any key goes back.",
};

/// The terminal, until destroyed.
class Screen {
 public:
  Screen() : screen_(newterm(nullptr, stdout, stdin)) {
    if (screen_ == nullptr) return;
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, true);
    set_escdelay(25);
    if (has_colors() && std::getenv("NO_COLOR") == nullptr) {
      start_color();
      use_default_colors();
      init_pair(1, COLOR_GREEN, -1);
      init_pair(2, COLOR_YELLOW, -1);
      init_pair(3, COLOR_RED, -1);
    }
  }
  ~Screen() {
    if (screen_ == nullptr) return;
    endwin();
    delscreen(screen_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  [[nodiscard]] bool usable() const { return screen_ != nullptr; }

 private:
  SCREEN* screen_;
};

attr_t attribute_of(Colour colour) {
  switch (colour) {
    case Colour::None: return A_NORMAL;
    case Colour::Green: return static_cast<attr_t>(COLOR_PAIR(1));
    case Colour::Yellow: return static_cast<attr_t>(COLOR_PAIR(2));
    case Colour::Red: return static_cast<attr_t>(COLOR_PAIR(3)) | A_BOLD;
    case Colour::Bold: return A_BOLD;
  }
  return A_NORMAL;
}

void put(int line, int column, const std::string& text, attr_t attributes = A_NORMAL) {
  if (line < 0 || line >= getmaxy(stdscr) || column >= getmaxx(stdscr)) return;
  const auto room = static_cast<std::size_t>(getmaxx(stdscr) - column);
  const std::string cut = shown_width(text) > room ? fitted(text, room, Align::Left) : text;
  attrset(static_cast<int>(attributes));
  mvaddstr(line, column, cut.c_str());
}

enum class Listing : std::uint8_t { Listeners, Groups, Targets, Workers };
constexpr std::array listing_names{"1 listeners", "2 groups", "3 targets", "4 workers"};
/// What P50 and P99 can be of.
constexpr std::array latency_names{"connect", "response", "queue"};

class Top {
 public:
  Top(report::SegmentReader& reader, double interval)
      : reader_(&reader), interval_(interval), earlier_(sample()), base_(latencies(reader.view())) {
    base_at_ = earlier_.unix_milliseconds;
  }

  /// Until q.
  void run();

 private:
  [[nodiscard]] Sample sample() const {
    const std::uint64_t now = report::now_unix_milliseconds();
    return take_sample(reader_->view(), reader_->liveness(now), now);
  }
  void refresh_figures();
  [[nodiscard]] Sheet whole_sheet() const;
  /// As it is filtered and sorted.
  [[nodiscard]] Sheet sheet() const;
  void draw() const;
  void draw_head() const;
  void draw_sheet(const Sheet& shown) const;
  void draw_foot() const;
  static void draw_help();
  /// False: it was q.
  bool key(int pressed);
  void filter_key(int pressed);
  void show(Listing listing);
  void sort_by(int step);

  report::SegmentReader* reader_;
  double interval_;
  Sample earlier_;
  Latencies base_;
  std::uint64_t base_at_ = 0;
  std::optional<Latencies> next_base_;
  Json stats_ = Json::object();
  std::string stale_;
  double uptime_ = 0;

  Listing listing_ = Listing::Targets;
  std::array<int, listing_names.size()> sorted_{-1, -1, -1, -1};  // -1: as configured
  bool reversed_ = false;
  std::size_t latency_ = 0;  // of latency_names
  bool helping_ = false;
  bool typing_ = false;
  std::string filter_;
  int scrolled_ = 0;
};

void Top::refresh_figures() {
  if (reader_->follow()) {
    base_.clear();
    next_base_.reset();
  }
  Sample now = sample();
  Latencies after = latencies(reader_->view());
  stats_ = stats_document(earlier_, now, base_, after);
  stale_ =
      staleness(reader_->instance(), reader_->view(), reader_->liveness(now.unix_milliseconds));
  uptime_ = now.status.value("uptime_seconds", 0.0);
  if (now.unix_milliseconds >= base_at_ + latency_milliseconds) {
    if (next_base_) base_ = std::move(*next_base_);
    next_base_ = std::move(after);
    base_at_ = now.unix_milliseconds;
  }
  earlier_ = std::move(now);
}

Sheet Top::whole_sheet() const {
  const char* latency = latency_names[latency_];
  switch (listing_) {
    case Listing::Listeners: return listeners_sheet(stats_, latency);
    case Listing::Groups: return target_groups_sheet(stats_);
    case Listing::Targets: return targets_sheet(stats_, latency);
    case Listing::Workers: break;
  }
  return workers_sheet(stats_);
}

Sheet Top::sheet() const {
  Sheet made = whole_sheet();
  made.filter(filter_);
  const int column = sorted_[static_cast<std::size_t>(listing_)];
  if (column >= 0) made.sort(static_cast<std::size_t>(column), reversed_);
  return made;
}

void Top::draw() const {
  erase();
  if (helping_) {
    draw_help();
  } else {
    draw_head();
    draw_sheet(sheet());
    draw_foot();
  }
  refresh();
}

void Top::draw_help() {
  int line = 0;
  for (const char* text : help_lines) put(line++, 0, text);
}

void Top::draw_head() const {
  double flows = 0, active = 0, traffic = 0, waiting = 0, spilled = 0;
  const auto add = [](double& sum, const Json& thing, const char* field) {
    const auto found = thing.find(field);
    if (found != thing.end() && found->is_number()) sum += found->get<double>();
  };
  for (const Json& listener : stats_["listeners"]) {
    add(flows, listener, "new_flows_per_second");
    add(active, listener, "active_flows");
  }
  for (const Json& target : stats_["targets"]) add(traffic, target, "bytes_per_second");
  bool queues = false;
  for (const Json& group : stats_["target_groups"]) {
    queues = queues || !group["surge_queue_capacity"].is_null();
    add(waiting, group, "surge_queue_length");
    add(spilled, group, "spillover_count_per_second");
  }
  std::string head =
      fmt::format("{}  up {}  new {}  active {}  {}", reader_->instance(), duration(uptime_),
                  count_rate(flows), count(active), byte_rate(traffic));
  if (queues) head += fmt::format("  queue {}  spill {}", count(waiting), count_rate(spilled));
  put(0, 0, head, A_BOLD);
  if (!stale_.empty()) put(1, 0, stale_, attribute_of(Colour::Red));
}

void Top::draw_sheet(const Sheet& shown) const {
  constexpr int first = 3;
  const auto width = static_cast<std::size_t>(getmaxx(stdscr));
  const std::vector<std::size_t> widths = shown.widths(width);
  const auto line = [&](int at, auto cell_of, attr_t always) {
    int column = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (widths[i] == 0) continue;
      const auto [text, attributes] = cell_of(i);
      put(at, column, fitted(text, widths[i], shown.columns[i].align), attributes | always);
      column += static_cast<int>(widths[i]) + 2;
    }
  };
  const int sorted = sorted_[static_cast<std::size_t>(listing_)];
  put(first - 1, 0, std::string(width, ' '), A_REVERSE);
  line(
      first - 1,
      [&](std::size_t i) {
        return std::pair(shown.columns[i].header,
                         static_cast<int>(i) == sorted ? attr_t{A_BOLD | A_UNDERLINE} : attr_t{});
      },
      A_REVERSE);
  const int room = std::max(0, getmaxy(stdscr) - first - 1);
  const int rows = static_cast<int>(shown.rows.size());
  const int from = std::clamp(scrolled_, 0, std::max(0, rows - room));
  for (int i = 0; i < room && from + i < rows; ++i) {
    const auto& row = shown.rows[static_cast<std::size_t>(from + i)];
    line(
        first + i,
        [&](std::size_t column) {
          return std::pair(row[column].text, attribute_of(row[column].colour));
        },
        A_NORMAL);
  }
  if (rows == 0) put(first, 0, filter_.empty() ? "none" : "no row contains " + filter_);
}

void Top::draw_foot() const {
  const int last = getmaxy(stdscr) - 1;
  if (typing_) {
    put(last, 0, "filter: " + filter_ + '_', A_BOLD);
    return;
  }
  std::string line;
  for (std::size_t i = 0; i < listing_names.size(); ++i) {
    const bool shown = i == static_cast<std::size_t>(listing_);
    line += shown ? fmt::format("[{}] ", listing_names[i]) : fmt::format("{} ", listing_names[i]);
  }
  // 80 columns have no room for both: what is hidden is more than what could be.
  line += filter_.empty() ? fmt::format(" s sort  / filter  l {}  h help", latency_names[latency_])
                          : fmt::format(" filter \"{}\"", filter_);
  put(last, 0, line);
}

void Top::show(Listing listing) {
  listing_ = listing;
  scrolled_ = 0;
}

void Top::sort_by(int step) {
  int& column = sorted_[static_cast<std::size_t>(listing_)];
  const int columns = static_cast<int>(sheet().columns.size());
  column += step;  // -1: as configured
  if (column >= columns) column = -1;
  if (column < -1) column = columns - 1;
  reversed_ = false;
}

void Top::filter_key(int pressed) {
  if (pressed == '\n' || pressed == KEY_ENTER) {
    typing_ = false;
  } else if (pressed == 27) {  // Escape
    typing_ = false;
    filter_.clear();
  } else if (pressed == KEY_BACKSPACE || pressed == 127 || pressed == '\b') {
    if (!filter_.empty()) filter_.pop_back();
  } else if (pressed >= ' ' && pressed < 127 && filter_.size() < 40) {
    filter_ += static_cast<char>(pressed);
  }
  scrolled_ = 0;
}

bool Top::key(int pressed) {
  if (pressed == KEY_RESIZE) return true;  // it is drawn anew anyway
  if (typing_) {
    filter_key(pressed);
    return true;
  }
  if (helping_) {
    helping_ = false;
    return true;
  }
  const int page = std::max(1, getmaxy(stdscr) - 5);
  switch (pressed) {
    case 'q': return false;
    case 'h':
    case '?': helping_ = true; break;
    case '1': show(Listing::Listeners); break;
    case '2': show(Listing::Groups); break;
    case '3': show(Listing::Targets); break;
    case '4': show(Listing::Workers); break;
    case '\t':
      show(static_cast<Listing>((static_cast<std::size_t>(listing_) + 1) % listing_names.size()));
      break;
    case 's': sort_by(1); break;
    case 'S': sort_by(-1); break;
    case 'r': reversed_ = !reversed_; break;
    case 'l': latency_ = (latency_ + 1) % latency_names.size(); break;
    case '/':
      typing_ = true;
      filter_.clear();
      break;
    case KEY_DOWN: ++scrolled_; break;
    case KEY_UP: --scrolled_; break;
    case KEY_NPAGE: scrolled_ += page; break;
    case KEY_PPAGE: scrolled_ -= page; break;
    default: break;
  }
  const int most = std::max(0, static_cast<int>(sheet().rows.size()) - page);
  scrolled_ = std::clamp(scrolled_, 0, most);
  return true;
}

void Top::run() {
  const auto period =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(interval_));
  // The first figures need a moment between two samples, not a whole interval.
  auto due = Clock::now() + std::min<Clock::duration>(period, std::chrono::milliseconds(300));
  refresh_figures();
  for (;;) {
    draw();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - Clock::now());
    timeout(static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    const int pressed = getch();
    if (pressed != ERR && !key(pressed)) return;
    if (Clock::now() >= due) {
      refresh_figures();
      due = Clock::now() + period;
    }
  }
}

}  // namespace

void add_top(OptionsDescription& description) {
  description.add_options()("interval",
                            boost::program_options::value<double>()->value_name("SECONDS"),
                            "how often figures are taken (default 2)");
}

int run_top(const Context& context, const Options& given) {
  const double interval = given.count("interval") != 0 ? given["interval"].as<double>() : 2;
  if (!(interval >= 0.1 && interval <= 3'600)) {
    return misused(fmt::format("--interval {}: seconds from 0.1 to 3600 are allowed", interval),
                   "top");
  }
  if (context.json) return misused("top has no JSON: spillwayctl --json stats --watch 2", "top");
  auto opened = open_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&opened)) return fail(error->message);
  if (!context.terminal || isatty(STDIN_FILENO) != 1) {
    return fail("top needs a terminal: spillwayctl stats --watch 2 shows the same without one");
  }
  std::setlocale(LC_ALL, "");
  {
    const Screen screen;
    if (screen.usable()) {
      Top(std::get<report::SegmentReader>(opened), interval).run();
      return done;
    }
  }
  return fail(
      "this terminal is of a kind that is not known here (TERM): spillwayctl stats --watch "
      "2 shows the same");
}

}  // namespace tools

#include "tools/spillwayctl/capture.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tools/report/place.h"
#include "tools/spillwayctl/captured.h"
#include "tools/spillwayctl/control_client.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/instance.h"

namespace tools {
namespace {

namespace options = boost::program_options;

/// The request's query; parameters are called what the options are.
std::string query_of(const Options& given) {
  std::string query;
  const auto add = [&](const char* name, const std::string& value) {
    query += fmt::format("{}{}={}", query.empty() ? '?' : '&', name, encoded(value));
  };
  if (given.count("verdict") != 0) {
    for (const std::string& verdict : given["verdict"].as<std::vector<std::string>>()) {
      add("verdict", verdict);
    }
  }
  if (given.count("drops") != 0) add("verdict", "drops");
  if (given.count("proto") != 0) add("protocol", given["proto"].as<std::string>());
  if (given.count("target-group") != 0) {
    add("target_group", given["target-group"].as<std::string>());
  }
  for (const char* name :
       {"from", "to", "client", "listener", "target", "count", "seconds", "snaplen"}) {
    if (given.count(name) != 0) add(name, given[name].as<std::string>());
  }
  return query;
}

/// The file that -w names. What is in it stays until a capture has begun: a question that is
/// refused costs nobody yesterday's capture.
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)) {
    int descriptor = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    created_ = descriptor >= 0;
    if (!created_) descriptor = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor >= 0) file_ = fdopen(descriptor, "wb");
  }
  ~OutputFile() {
    if (file_ != nullptr) std::fclose(file_);
    if (created_ && !begun_) unlink(path_.c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Null: it cannot be written; errno says why.
  [[nodiscard]] std::FILE* file() const { return file_; }
  /// Something will be written: away with what there was. Pipes and devices have nothing.
  void begin() {
    begun_ = true;
    struct stat status {};
    const int descriptor = fileno(file_);
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
      if (ftruncate(descriptor, 0) != 0) return;  // writing will fail, too
    }
  }

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
  bool created_ = false;
  bool begun_ = false;
};

/// Where packets go: a file, or lines on standard output.
class Recorder {
 public:
  /// `file`: null: lines. `begin`: called before the first is written to it.
  Recorder(const Context& context, std::FILE* file, std::function<void()> begin,
           std::string question)
      : context_(context), file_(file), begin_(std::move(begin)), question_(std::move(question)) {}

  void take(std::string_view line) {
    const Json document = Json::parse(line, nullptr, false);
    if (document.contains("packet")) {
      ++packets_;
      return write(document["packet"]);
    }
    if (document.contains("progress")) {
      figures_ = document["progress"];
    } else if (document.contains("end")) {
      figures_ = document["end"];
      ended_ = true;
    } else if (file_ != nullptr) {
      begin_();
      pcapng_.emplace(document, question_);
      put(pcapng_->beginning());
    }
  }
  /// There is nothing more for now: a reader behind a pipe gets what there is. False: no more can
  /// be written.
  [[nodiscard]] bool rest() {
    if (std::fflush(file_ == nullptr ? stdout : file_) != 0) note_failure();
    if (error_ != 0) return false;
    if (!shows_progress()) return true;
    fmt::print(stderr, "\r{} packets, {} lost ", packets_, number(figures_, "lost"));
    told_ = true;
    return true;
  }
  /// What it came to, on standard error.
  void sum_up(std::string_view where) const {
    if (told_) fmt::print(stderr, "\r");
    fmt::print(stderr, "{} packet{} captured{}{}", packets_, packets_ == 1 ? "" : "s",
               where.empty() ? "" : " to ", where);
    if (const auto lost = number(figures_, "lost"); lost != 0) {
      fmt::print(stderr, ", {} more matched but were lost: they came faster than they were taken",
                 lost);
    }
    fmt::print(stderr, "{}\n", packets_ == 0 ? ": none matched" : "");
  }
  /// The daemon has said the last word.
  [[nodiscard]] bool ended() const { return ended_; }
  /// Of the file; 0: all went well.
  [[nodiscard]] int error() const { return error_; }

 private:
  void write(const Json& packet) {
    if (pcapng_) return put(pcapng_->frames(packet));
    if (context_.json) {
      fmt::print("{}\n", packet.dump(-1, ' ', false, Json::error_handler_t::replace));
    } else {
      fmt::print("{}\n", show_captured(packet, context_.colours));
    }
  }
  void put(const std::string& bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) note_failure();
  }
  void note_failure() {
    if (error_ == 0) error_ = errno == 0 ? EIO : errno;
  }
  /// Only where it does not stand between the lines.
  [[nodiscard]] bool shows_progress() const {
    return file_ != nullptr && isatty(STDERR_FILENO) == 1;
  }

  const Context& context_;
  std::FILE* file_;
  std::function<void()> begin_;
  std::string question_;
  std::optional<CaptureFile> pcapng_;
  Json figures_ = Json::object();
  std::uint64_t packets_ = 0;
  bool told_ = false;
  bool ended_ = false;
  int error_ = 0;
};

int capture_to(
    const Context& context, const std::string& instance, const std::string& query, std::FILE* file,
    const std::string& where, std::function<void()> begin = [] {}) {
  Recorder recorder(context, file, std::move(begin), "spillwayctl capture " + query);
  const auto answer = follow(
      report::socket_path(context.run_directory, instance), instance, "/v1/capture" + query,
      [&](std::string_view line) { recorder.take(line); }, [&] { return recorder.rest(); });
  if (const auto* response = std::get_if<Response>(&answer); response && response->status != 200) {
    const std::string sentence = text(response->document, "error");
    fail(sentence.empty() ? fmt::format("instance {} answered {}", instance, response->status)
                          : sentence);
    return response->status == 400 ? bad_usage : failed;
  }
  recorder.sum_up(where);
  if (const auto* error = std::get_if<std::string>(&answer)) return fail(*error);
  if (recorder.error() != 0) {
    return fail(fmt::format("cannot write all of {}: {}", where.empty() ? "the lines" : where,
                            std::strerror(recorder.error())));
  }
  if (!recorder.ended()) {
    return fail(fmt::format("instance {} went away before the end; what came until then is there",
                            instance));
  }
  return done;
}

}  // namespace

void add_capture(OptionsDescription& description) {
  using Words = std::vector<std::string>;
  description.add_options()(
      "verdict,v", options::value<Words>()->value_name("NAME")->composing(),
      "only packets with this verdict, such as DropNoTarget; several: any of them")(
      "drops", "only packets that are dropped, whatever for")(
      "proto,p", options::value<std::string>()->value_name("tcp|udp|icmp"), "only this protocol")(
      "from", options::value<std::string>()->value_name("END"),
      "only packets that came from there: ADDRESS[/LENGTH][:PORT], "
      "[IPV6/LENGTH]:PORT or :PORT")("to", options::value<std::string>()->value_name("END"),
                                     "only packets that came to there")(
      "client,c", options::value<std::string>()->value_name("END"),
      "only packets of this client, both ways")(
      "listener,l", options::value<std::string>()->value_name("NAME"), "only of this listener")(
      "target-group,g", options::value<std::string>()->value_name("NAME"),
      "only of this target group")("target,t",
                                   options::value<std::string>()->value_name("ADDRESS[:PORT]"),
                                   "only of flows to this target")(
      "count,n", options::value<std::string>()->value_name("N"), "end after so many packets")(
      "seconds", options::value<std::string>()->value_name("N"), "end after so long")(
      "snaplen,s", options::value<std::string>()->value_name("N"),
      "so many bytes of each frame, 14 to 2048 (default 2048)")(
      "write,w", options::value<std::string>()->value_name("FILE"),
      "write a pcapng file; - is standard output");
}

int run_capture(const Context& context, const Options& given) {
  const std::string query = query_of(given);
  const bool to_file = given.count("write") != 0;
  const std::string where = to_file ? given["write"].as<std::string>() : "";
  if (to_file && context.json) return misused("--json goes without -w", "capture");
  if (where == "-" && context.terminal) {
    return misused(
        "-w -: standard output is a terminal; give a file, or a pipe: "
        "spillwayctl capture -w - | tshark -r -",
        "capture");
  }
  const auto name = name_instance(context);
  if (const auto* error = std::get_if<report::ReadError>(&name)) return fail(error->message);
  const auto& instance = std::get<std::string>(name);
  if (!to_file) return capture_to(context, instance, query, nullptr, "");
  if (where == "-") return capture_to(context, instance, query, stdout, "standard output");
  OutputFile output(where);
  if (output.file() == nullptr) {
    return fail(fmt::format("cannot write {}: {}", where, std::strerror(errno)));
  }
  return capture_to(context, instance, query, output.file(), where, [&] { output.begin(); });
}

}  // namespace tools

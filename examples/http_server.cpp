// Shows a folder's files to browsers: `http_server 8000 folder`, then http://127.0.0.1:8000/.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <parley/socketserver.h>

using namespace parley;
using std::filesystem::path;
path folder;
const std::map<std::string, std::string> types = {
    {".html", "text/html"}, {".css", "text/css"}, {".js", "text/javascript"}, {".png", "image/png"}};

struct Page : StreamRequestHandler {
  Page() { timeout = std::chrono::seconds(10); }
  void handle() override {
    std::istringstream(rfile().readline()) >> method >> name >> version;
    for (int headers = 0; headers < 100 && rfile().readline().size() > 2;) ++headers;
    if (!name.starts_with('/') || !version.starts_with("HTTP/1.")) return reply("400 Bad Request");
    if (method != "GET" && method != "HEAD") return reply("405 Method Not Allowed");
    name.erase(std::min(name.find('?'), name.size()));
    for (auto at = name.find('%'); at != name.npos; at = name.find('%', at + 1))  // %20 is a space
      name.replace(at, 3, 1, static_cast<char>(std::strtol(name.substr(at + 1, 2).c_str(), nullptr, 16)));
    std::error_code none;  // where the name leads to, by any `..` or link, has to be in the folder
    const path file =
        canonical(path(folder.string() + name + (name.ends_with('/') ? "index.html" : "")), none);
    const auto outside = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first;
    if (outside != folder.end() || !is_regular_file(file)) return reply("404 Not Found");
    const auto type = types.find(file.extension());
    std::ostringstream content;
    content << std::ifstream(file).rdbuf();
    reply("200 OK", content.str(), type == types.end() ? "text/plain" : type->second);
  }
  void reply(const std::string& status, std::string body = {}, const std::string& type = "text/plain") {
    wfile().write("HTTP/1.0 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + (method == "HEAD" ? "" : body));
  }
  std::string method, name, version;
};

int main(int argc, char** argv) {
  folder = canonical(path(argc > 2 ? argv[2] : "."));
  ThreadingTcpServer server({"127.0.0.1", argc > 1 ? std::stoi(argv[1]) : 8000}, handler<Page>);
  std::cout << "Listening on port " << server.server_address().port() << std::endl;
  server.serve_forever();
}

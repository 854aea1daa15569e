// Shows a folder's files to browsers: `http_server 8000 folder`, then http://127.0.0.1:8000/.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <parley/socketserver.h>

std::filesystem::path folder;

struct Page : parley::StreamRequestHandler {
  Page() { timeout = std::chrono::seconds(10); }
  void handle() override {
    std::istringstream(rfile().readline()) >> method >> name >> version;
    for (int headers = 0; headers < 100 && rfile().readline().size() > 2;) ++headers;
    if (!name.starts_with('/') || !version.starts_with("HTTP/1.")) return reply("400 Bad Request");
    if (method != "GET" && method != "HEAD") return reply("405 Method Not Allowed");
    for (auto at = name.find('%'); at != name.npos; at = name.find('%', at + 1))  // %20 is a space
      name.replace(at, 3, 1, static_cast<char>(std::strtol(name.substr(at + 1, 2).c_str(), nullptr, 16)));
    std::error_code none;  // where the name leads to, by any `..` or link, has to be in the folder
    const auto file = canonical(folder / ("." + name + (name.ends_with('/') ? "index.html" : "")), none);
    std::ifstream page(file.string().starts_with((folder / "").c_str()) && is_regular_file(file) ? file : "");
    if (!page) return reply("404 Not Found");
    const std::string end = file.extension(), kind = end == ".png" || end == ".jpg" ? "image/" : "text/";
    const std::string type = kind + (end.empty() || end == ".txt" ? "plain" : end.substr(1));
    reply("200 OK", {std::istreambuf_iterator<char>(page), {}}, type);
  }
  void reply(const std::string& status, std::string body = {}, const std::string& type = "text/plain") {
    wfile().write("HTTP/1.0 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + (method == "HEAD" ? "" : body));
  }
  std::string method, name, version;
};
int main(int argc, char** argv) {
  folder = std::filesystem::canonical(argc > 2 ? argv[2] : ".");
  parley::ThreadingTcpServer server({"127.0.0.1", argc > 1 ? atoi(argv[1]) : 8000}, parley::handler<Page>);
  std::cout << "Listening on port " << server.server_address().port() << std::endl;
  server.serve_forever();
}

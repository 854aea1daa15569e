// A file that goes at the end of the expression has no lines: they would be read of what is gone.

#include <string>

#include <parley/socket.h>

using namespace parley;

void lines(Socket& socket) {
  for (const std::string& line : socket.makefile().lines()) (void)line;   //! deleted
  for (const std::string& line : SocketFile(socket).lines()) (void)line;  //! deleted
  SocketFile file = socket.makefile();
  for (const std::string& line : file.lines()) (void)line;
}

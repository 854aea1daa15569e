// The same as compiler_test.cpp, optimised: the tests are built at -O0, programs are not.

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif
#define CompilerTest OptimizedCompilerTest
#include "parley/stream/compiler_test.cpp"  // NOLINT(bugprone-suspicious-include)

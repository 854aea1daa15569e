// The same as compiler_test.cpp, optimised: the tests are built at -O0, programs are not.

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#pragma GCC diagnostic ignored "-Wsubobject-linkage"  // the types of an included file
#endif
#define CompilerTest OptimizedCompilerTest
#include "parley/stream/compiler_test.cpp"  // NOLINT(bugprone-suspicious-include)

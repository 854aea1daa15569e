# How folders become libraries and tests. Sources are found, not listed: what stands in a folder of a part is built.
include(GNUInstallDirs)
find_package(Threads REQUIRED)
if(PARLEY_TESTS)
  enable_testing()
  if(PARLEY_GTEST_SOURCE)   # built here, for a standard library that the system's is not built with
    set(INSTALL_GTEST OFF CACHE BOOL "" FORCE)
    add_subdirectory(${PARLEY_GTEST_SOURCE} ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
    set(GTest_FOUND TRUE)
  else()
    find_package(GTest QUIET)
  endif()
  foreach(label unit conformance threads)
    add_custom_target(tests_${label})   # builds the tests that have the label
  endforeach()
endif()

# The warnings that every target of ours is built with; C++20.
function(parley_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden
                                             VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                           $<$<BOOL:${PARLEY_WERROR}>:-Werror>)
endfunction()

# parley_sources(OUT TESTS_OUT FOLDER...): the sources of some folders, and their unit tests.
function(parley_sources out tests_out)
  set(sources)
  set(tests)
  foreach(folder ${ARGN})
    file(GLOB found CONFIGURE_DEPENDS ${folder}/*.cpp)
    foreach(file ${found})
      if(file MATCHES "_test\\.cpp$")
        list(APPEND tests ${file})
      elseif(NOT file MATCHES "/main\\.cpp$")
        list(APPEND sources ${file})
      endif()
    endforeach()
  endforeach()
  set(${out} ${sources} PARENT_SCOPE)
  set(${tests_out} ${tests} PARENT_SCOPE)
endfunction()

# Tests are half of what is compiled. Optimising them is wasted time, and so is reading GoogleTest in each anew.
function(parley_compile_test target)
  parley_compile(${target})
  target_link_libraries(${target} PRIVATE GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_options(${target} PRIVATE -O0)
endfunction()

# parley_test(NAME SOURCES... LINKS... LABELS... [PARTS n]): one GoogleTest program, each of its tests known to ctest.
# With PARTS, ctest knows that many parts of it, each a process: beginning one for each of thousands of tests takes
# longer than the tests. So it does for all under a sanitizer, where what one test leaves behind is seen in the next;
# what is skipped there is named by the other presets. Two labels become one, "unit+threads", which
# `ctest -L threads` finds too.
function(parley_test name)
  cmake_parse_arguments(arg "" "PARTS" "SOURCES;LINKS;LABELS" ${ARGN})
  string(REPLACE ";" "+" labels "${arg_LABELS}")   # a list does not survive gtest_discover_tests
  if(NOT GTest_FOUND)   # skipped by name, so that a build without GoogleTest does not look tested
    add_test(NAME ${name} COMMAND sh -c "echo 'skipped: GoogleTest is missing (script/setup --test)'; exit 77")
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 LABELS "${labels}")
    add_executable(${name} EXCLUDE_FROM_ALL ${arg_SOURCES})   # for those who say more about the target
    return()
  endif()
  include(GoogleTest)
  add_executable(${name} ${arg_SOURCES})
  parley_compile_test(${name})
  target_link_libraries(${name} PRIVATE ${arg_LINKS})
  if(NOT TARGET parley_test_headers)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cpp CONTENT "")
    add_library(parley_test_headers OBJECT ${PROJECT_BINARY_DIR}/test_headers.cpp)
    parley_compile_test(parley_test_headers)
    target_precompile_headers(parley_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  target_precompile_headers(${name} REUSE_FROM parley_test_headers)
  foreach(label ${arg_LABELS})
    if(TARGET tests_${label})
      add_dependencies(tests_${label} ${name})
    endif()
  endforeach()
  set(skips SKIP_REGULAR_EXPRESSION "SKIPPED")
  if(NOT arg_PARTS AND CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    set(arg_PARTS 4)
    set(skips)
  endif()
  if(NOT arg_PARTS)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120 LABELS "${labels}")
    return()
  endif()
  math(EXPR last "${arg_PARTS} - 1")
  foreach(part RANGE ${last})
    add_test(NAME ${name}.${part} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name}.${part} PROPERTIES TIMEOUT 600 LABELS "${labels}"
                         ENVIRONMENT "GTEST_TOTAL_SHARDS=${arg_PARTS};GTEST_SHARD_INDEX=${part}" ${skips})
  endforeach()
endfunction()

# parley_unit_tests(NAME SOURCES... LINKS...): the unit tests of one library. Those in *_threads_test.cpp
# use threads; they are a program of their own, which ThreadSanitizer runs too.
function(parley_unit_tests name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  set(threads ${arg_SOURCES})
  list(FILTER threads INCLUDE REGEX "_threads_test\\.cpp$")
  list(FILTER arg_SOURCES EXCLUDE REGEX "_threads_test\\.cpp$")
  if(arg_SOURCES)
    parley_test(${name}_test SOURCES ${arg_SOURCES} LINKS ${arg_LINKS} LABELS unit)
  endif()
  if(threads)
    parley_test(${name}_threads_test SOURCES ${threads} LINKS ${arg_LINKS} LABELS unit threads)
  endif()
endfunction()

# parley_cares(): c-ares, once. 1.16 is the first that answers as this wants to be answered (ares_getaddrinfo).
set(PARLEY_CARES_OLDEST 1.16)
macro(parley_cares)
  find_package(CAres ${PARLEY_CARES_OLDEST} QUIET)
  if(NOT CAres_FOUND)
    message(FATAL_ERROR "c-ares ${PARLEY_CARES_OLDEST} or newer is missing: script/setup installs it (Debian: libc-ares-dev)")
  endif()
endmacro()

# parley_openssl(): OpenSSL, once.
set(PARLEY_OPENSSL_OLDEST 3.0)
macro(parley_openssl)
  set(openssl_was_there FALSE)
  if(TARGET OpenSSL::SSL)   # whoever took Parley in has looked for it, and sees it
    set(openssl_was_there TRUE)
  endif()
  find_package(OpenSSL ${PARLEY_OPENSSL_OLDEST} QUIET)
  if(NOT OpenSSL_FOUND)
    message(FATAL_ERROR "OpenSSL ${PARLEY_OPENSSL_OLDEST} or newer is missing: script/setup installs it (Debian: libssl-dev)")
  endif()
  if(NOT openssl_was_there)
    set_target_properties(OpenSSL::SSL OpenSSL::Crypto PROPERTIES IMPORTED_GLOBAL TRUE)   # also for whoever took Parley in
  endif()
endmacro()

# parley_part(NAME HEADERS h... FOLDERS folder... LINKS part... [CARES] [OPENSSL]): the library parley::NAME. Its HEADERS, and
# what they include, are installed; the other headers of its folders are its own.
function(parley_part name)
  cmake_parse_arguments(arg "CARES;OPENSSL" "" "HEADERS;FOLDERS;LINKS" ${ARGN})
  list(TRANSFORM arg_FOLDERS PREPEND ${PROJECT_SOURCE_DIR}/parley/ OUTPUT_VARIABLE folders)
  parley_sources(sources tests ${folders})
  set(unless_used)
  if(NOT PROJECT_IS_TOP_LEVEL AND NOT PARLEY_INSTALL)
    set(unless_used EXCLUDE_FROM_ALL)   # whoever took Parley in builds what he links
  endif()
  add_library(parley_${name} ${unless_used} ${sources})
  add_library(parley::${name} ALIAS parley_${name})
  parley_compile(parley_${name})
  target_include_directories(parley_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  list(TRANSFORM arg_LINKS PREPEND parley:: OUTPUT_VARIABLE links)
  target_link_libraries(parley_${name} PUBLIC ${links} Threads::Threads)
  if(arg_CARES)
    parley_cares()
    target_link_libraries(parley_${name} PRIVATE CAres::cares)
    set_property(GLOBAL PROPERTY PARLEY_PART_PACKAGES_${name} libcares)
  endif()
  if(arg_OPENSSL)
    parley_openssl()
    target_link_libraries(parley_${name} PRIVATE OpenSSL::SSL)
    set_property(GLOBAL PROPERTY PARLEY_PART_PACKAGES_${name} openssl)
  endif()
  # Position independent: they also go into a shared object, such as a plug-in or a module of Python.
  set_target_properties(parley_${name} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME parley-${name}
                                                  POSITION_INDEPENDENT_CODE ON)
  if(BUILD_SHARED_LIBS)   # nothing is marked for export yet; hidden symbols would leave an empty library
    set_target_properties(parley_${name} PROPERTIES CXX_VISIBILITY_PRESET default VISIBILITY_INLINES_HIDDEN OFF
                          VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  endif()
  set_property(GLOBAL APPEND PROPERTY PARLEY_PARTS ${name})
  set_property(GLOBAL APPEND PROPERTY PARLEY_PUBLIC_HEADERS ${arg_HEADERS})
  set_property(GLOBAL PROPERTY PARLEY_PART_LINKS_${name} "${arg_LINKS}")
  if(PARLEY_TESTS)
    parley_unit_tests(parley_${name} SOURCES ${tests} LINKS parley::${name})
  endif()
endfunction()

# parley_all(part...): parley::parley, which is all of them.
function(parley_all)
  add_library(parley_parley INTERFACE)
  add_library(parley::parley ALIAS parley_parley)
  list(TRANSFORM ARGN PREPEND parley:: OUTPUT_VARIABLE links)
  target_link_libraries(parley_parley INTERFACE ${links})
  set_target_properties(parley_parley PROPERTIES EXPORT_NAME parley)
  set_property(GLOBAL PROPERTY PARLEY_PART_LINKS_parley "${ARGN}")
endfunction()

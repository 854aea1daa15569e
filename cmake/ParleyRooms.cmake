# How folders become libraries and tests. Sources are found, not listed: what stands in a room is built.
find_package(Threads REQUIRED)

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

# parley_test(NAME SOURCES... LINKS...): one GoogleTest program, each of its tests known to ctest.
function(parley_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${arg_SOURCES})
  parley_compile(${name})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} GTest::gmock GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120 LABELS "${arg_LABELS}")
endfunction()

# parley_part(NAME HEADERS h... ROOMS folder... LINKS part...): the library parley::NAME.
function(parley_part name)
  cmake_parse_arguments(arg "" "" "HEADERS;ROOMS;LINKS" ${ARGN})
  list(TRANSFORM arg_ROOMS PREPEND ${PROJECT_SOURCE_DIR}/parley/ OUTPUT_VARIABLE folders)
  parley_sources(sources tests ${folders})
  add_library(parley_${name} ${sources})
  add_library(parley::${name} ALIAS parley_${name})
  parley_compile(parley_${name})
  target_include_directories(parley_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                   $<INSTALL_INTERFACE:include>)
  list(TRANSFORM arg_LINKS PREPEND parley:: OUTPUT_VARIABLE links)
  target_link_libraries(parley_${name} PUBLIC ${links} Threads::Threads)
  set_target_properties(parley_${name} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME parley-${name})
  if(PARLEY_TESTS AND tests)
    enable_testing()
    parley_test(parley_${name}_test SOURCES ${tests} LINKS parley::${name} LABELS unit)
  endif()
endfunction()

# parley_all(part...): parley::parley, which is all of them.
function(parley_all)
  add_library(parley_parley INTERFACE)
  add_library(parley::parley ALIAS parley_parley)
  list(TRANSFORM ARGN PREPEND parley:: OUTPUT_VARIABLE links)
  target_link_libraries(parley_parley INTERFACE ${links})
  set_target_properties(parley_parley PROPERTIES EXPORT_NAME parley)
endfunction()

#!/usr/bin/env bash
# Builds and runs small programs on Parley in a folder outside the tree, as somebody would who has it from
# `cmake --install`, or has a copy of it inside their own project.
#
#   install_test.sh find_package|pkg_config|add_subdirectory SOURCE_DIR BUILD_DIR CXX [CXXFLAGS]
set -euo pipefail
way=$1 source=$2 build=$3 cxx=$4 flags=${5-}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cp -r "$source/tests/install" "$room/newcomer"   # nothing of the tree is above the programs
cd "$room"

runs() {   # WORD PROGRAM...: each program runs and says what it should
  local word=$1 program
  shift
  for program; do
    "$program" | tee said
    grep -q "^$word: listening at 127.0.0.1:[1-9]" said
  done
}
build_with_cmake() {   # FOLDER ARGUMENTS...
  cmake -G Ninja -S "newcomer/$1" -B made -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS="$flags" "${@:2}"
  cmake --build made
}
install_parley() {
  cmake --install "$build" --prefix "$room/first" >/dev/null
  mv first moved   # the installed tree may be moved
  config=$(find "$room/moved" -name parley.pc)
  if [[ -e $build/bin/parleyd ]]; then "$room/moved/bin/parleyd" --help >/dev/null; fi
  if grep -r "$source" --include='*.pc' --include='*.cmake' moved; then
    echo "what is installed points back into the source tree"
    return 1
  fi
}

case $way in
  find_package)
    install_parley
    build_with_cmake find_package -DCMAKE_PREFIX_PATH="$room/moved"
    runs socket made/socket_program
    runs socketserver made/socketserver_program
    runs reactor made/reactor_program made/all_program
    runs stream made/stream_program
    runs service made/service_program
    ;;
  pkg_config)
    install_parley
    PKG_CONFIG_PATH=$(dirname "$config")
    export PKG_CONFIG_PATH
    compile() {   # PROGRAM PACKAGE
      # shellcheck disable=SC2046,SC2086  # both are lists of words
      "$cxx" $flags -std=c++20 "newcomer/$1.cpp" $(pkg-config --cflags --libs "$2") -o "$2"
    }
    compile socket_program parley-socket
    compile socketserver_program parley-socketserver
    compile reactor_program parley-reactor
    compile reactor_program parley
    compile stream_program parley-stream
    compile service_program parley-service
    runs socket ./parley-socket
    runs socketserver ./parley-socketserver
    runs reactor ./parley-reactor ./parley
    runs stream ./parley-stream
    runs service ./parley-service
    [[ $(pkg-config --modversion parley) == "$(sed -n 's/^project(parley VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")" ]]
    ;;
  add_subdirectory)
    build_with_cmake add_subdirectory -DPARLEY_SOURCE_DIR="$source"
    runs socket made/socket_program
    ;;
esac

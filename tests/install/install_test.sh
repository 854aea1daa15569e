#!/usr/bin/env bash
# Builds and runs small programs on Parley in a folder outside the tree, as somebody would who has it from
# `cmake --install`, or has a copy of it inside their own project.
#
#   install_test.sh WAY SOURCE_DIR BUILD_DIR CXX [CXXFLAGS]
set -euo pipefail
way=$1 source=$2 build=$3 cxx=$4 flags=${5-}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
room="$made/with blanks"
mkdir "$room"
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
said() { tr -s ' \n' ' ' <said | grep -q -- "$1"; }   # TEXT, wherever the lines were broken
build_with_cmake() {   # FOLDER ARGUMENTS...
  cmake -G Ninja -S "newcomer/$1" -B made -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS="$flags" "${@:2}"
  cmake --build made
}
configure() {   # FOLDER ARGUMENTS...: nothing is built
  cmake -G Ninja -S "$source" -B "$1" -DPARLEY_TESTS=OFF -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS="$flags" \
    "${@:2}" >/dev/null
}
configure_alone() { configure alone -DPARLEY_PROGRAMS=OFF; }   # the library alone, as the README has it
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
    runs tls made/tls_program
    ;;
  pkg_config)
    install_parley
    PKG_CONFIG_PATH=$(dirname "$config")
    export PKG_CONFIG_PATH
    compile() {   # PROGRAM PACKAGE
      eval "set -- $1 $2 $flags $(pkg-config --cflags --libs "$2")"   # words as make would have them: with "\ " in folders
      "$cxx" -std=c++20 "newcomer/$1.cpp" "${@:3}" -o "$2"
    }
    compile socket_program parley-socket
    compile socketserver_program parley-socketserver
    compile reactor_program parley-reactor
    compile reactor_program parley
    compile stream_program parley-stream
    compile service_program parley-service
    compile tls_program parley-tls
    runs socket ./parley-socket
    runs socketserver ./parley-socketserver
    runs reactor ./parley-reactor ./parley
    runs stream ./parley-stream
    runs service ./parley-service
    runs tls ./parley-tls
    [[ $(pkg-config --modversion parley) == "$(sed -n 's/^project(parley VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")" ]]
    ;;
  sockets_alone)
    install_parley
    build_with_cmake sockets_alone -DCMAKE_PREFIX_PATH="$room/moved"
    runs socketserver made/socketserver_program
    ;;
  fetch_content)   # which is add_subdirectory once it has the source: that it finds what it needs is all
    cmake -G Ninja -S newcomer/fetch_content -B made -DPARLEY_SOURCE_DIR="$source" -DCMAKE_CXX_COMPILER="$cxx"
    grep -q '^build socket_program: .*libparley-socket.a' made/build.ninja
    ;;
  add_subdirectory)
    build_with_cmake add_subdirectory -DPARLEY_SOURCE_DIR="$source" -DCMAKE_BUILD_TYPE=None   # a third of the time of Release
    runs socket made/socket_program
    if [[ -n $(find made -name '*parley-reactor*') ]]; then echo "built a part that nobody links" && exit 1; fi
    ;;
  half_built)   # nothing is copied before it is known that all of it is there
    configure_alone
    if cmake --install alone --prefix "$room/half" >said 2>&1; then echo "installed what was not built" && exit 1; fi
    cat said
    said 'libparley-socket.* is not built yet.*--target parley'
    [[ ! -e half ]]
    configure programs -DPARLEY_PROGRAMS=ON
    if cmake --install programs --prefix "$room/half" >said 2>&1; then echo "installed what was not built" && exit 1; fi
    if [[ -e half ]]; then find half && exit 1; fi
    grep -q '^CMAKE_BUILD_TYPE:.*=Release$' alone/CMakeCache.txt
    release() { (cd "$source" && cmake --preset release -B "$room/release" "$@" >/dev/null); }
    release -DPARLEY_PROGRAMS=OFF -DPARLEY_TESTS=OFF -DPARLEY_WERROR=ON   # as script/test has it
    grep -q -e -Werror release/build.ninja
    release
    if grep -e -Werror {alone,release}/build.ninja; then echo "warnings are errors for who only builds it" && exit 1; fi
    ;;
  uninstall)   # empty files stand for the libraries: what matters is where files go
    configure_alone
    for part in socket socketserver reactor stream tls service; do touch "alone/libparley-$part.a"; done
    mkdir -p stage/usr/include/parley/line stage/usr/share
    touch stage/usr/include/parley/line/of-somebody-else
    (cd stage && find . | sort) >before
    DESTDIR=$room/stage cmake --install alone --prefix /usr >/dev/null
    ln -f alone/install_manifest.txt somebody-elses   # written anew, and not into what is there, which may be root's
    DESTDIR=$room/stage cmake --install alone --prefix /usr >/dev/null
    [[ ! alone/install_manifest.txt -ef somebody-elses ]]
    touch not-a-folder
    if cmake --install alone --prefix "$room/not-a-folder" >/dev/null 2>&1; then echo "a file as prefix" && exit 1; fi
    [[ -e stage/usr/include/parley/line/line_receiver.h && -e stage/usr/share/doc/parley/LICENSE ]]
    DESTDIR=$room/stage cmake --build alone --target uninstall >/dev/null
    (cd stage && find . | sort) >after
    diff before <(grep -vxE './usr/(lib.*|share/doc)' after)   # lib and share/doc are not Parley's own
    [[ -z $(find stage/usr/lib* stage/usr/share -type f) ]]
    if cmake --build alone --target uninstall >said 2>&1; then echo "uninstalled twice" && exit 1; fi
    said 'nothing was installed'
    ;;
  cares_versions)
    cares() {   # VERSION TEXT_OF_THE_VERSION EXPECTED
      IFS=. read -r major minor patch <<<"$1"
      printf '#define ARES_VERSION_MAJOR %s\n#define ARES_VERSION_MINOR %s\n#define ARES_VERSION_PATCH %s\n%s\n' \
        "$major" "$minor" "$patch" "#define ARES_VERSION_STR $2" >include/ares_version.h
      rm -rf made
      cmake -S newcomer/cares_versions -B made -DPARLEY_SOURCE_DIR="$source" -DCAres_INCLUDE_DIR="$room/include" \
        -DCAres_LIBRARY="$room/include/libcares.so" | tee said
      grep -qx -- "-- c-ares: $3" said
    }
    mkdir include
    cares 1.15.0 '"1.15.0"' "1.15.0 is too old"
    cares 1.18.1 '"1.18.1"' 1.18.1
    cares 1.34.8 '  "1.34.8"' 1.34.8
    # As 1.34.0 has it, in several lines.
    cares 1.34.0 $'\\\n  STRINGIFY(ARES_VERSION_MAJOR) \\\n  "." STRINGIFY(ARES_VERSION_MINOR) "." STRINGIFY(ARES_VERSION_PATCH)' 1.34.0
    ;;
esac

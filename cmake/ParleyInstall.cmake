# What `cmake --install` puts where: libraries, headers, a CMake package, pkg-config files, parleyd.
include(CMakePackageConfigHelpers)

get_property(parts GLOBAL PROPERTY PARLEY_PARTS)
get_property(roots GLOBAL PROPERTY PARLEY_PUBLIC_HEADERS)
list(TRANSFORM parts PREPEND parley_ OUTPUT_VARIABLE libraries)

# All of it or nothing: a library that is missing is noticed before the first file is copied.
set(files)
foreach(library ${libraries})
  list(APPEND files $<TARGET_FILE:${library}>)
endforeach()
install(CODE "set(libraries \"${files}\")
foreach(library IN LISTS libraries)
  if(NOT EXISTS \"\${library}\")
    message(FATAL_ERROR \"\${library} is not built yet, and nothing was installed. First: cmake --build \\\"${PROJECT_BINARY_DIR}\\\" --target parley\")
  endif()
endforeach()" COMPONENT parley)
if(PROJECT_IS_TOP_LEVEL)
  add_custom_target(parley DEPENDS ${libraries})   # what is installed, without programs and tests
  set(own ${CMAKE_INSTALL_INCLUDEDIR}/parley ${CMAKE_INSTALL_LIBDIR}/cmake/parley ${CMAKE_INSTALL_DATADIR}/parley
          ${CMAKE_INSTALL_DOCDIR})
  add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -D MANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt
                                      -D "FOLDERS=${own}" -P ${PROJECT_SOURCE_DIR}/cmake/install/uninstall.cmake
                                      VERBATIM)
endif()

install(TARGETS ${libraries} parley_parley EXPORT parley-targets COMPONENT parley)
install(CODE "set(PARLEY_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\")
set(PARLEY_PUBLIC_HEADERS \"${roots}\")
set(PARLEY_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")" COMPONENT headers)
install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/install/headers.cmake COMPONENT headers)

# parley_parts_on(PACKAGE OUT OTHERS_OUT): which parts want a package: those that link it, and what stands on them.
function(parley_parts_on package out others_out)
  set(on)
  set(others)
  foreach(part ${parts} parley)
    get_property(links GLOBAL PROPERTY PARLEY_PART_LINKS_${part})
    get_property(packages GLOBAL PROPERTY PARLEY_PART_PACKAGES_${part})
    set(wants FALSE)
    if(package IN_LIST packages)
      set(wants TRUE)
    endif()
    foreach(link ${links})
      if(link IN_LIST on)
        set(wants TRUE)
      endif()
    endforeach()
    if(wants)
      list(APPEND on ${part})
    else()
      list(APPEND others ${part})
    endif()
  endforeach()
  list(JOIN on " " on)
  list(JOIN others " " others)
  set(${out} ${on} PARENT_SCOPE)
  set(${others_out} ${others} PARENT_SCOPE)
endfunction()
parley_parts_on(libcares cares_parts other_parts)
parley_parts_on(openssl openssl_parts parts_without_openssl)
set(all_parts ${parts} parley)
list(JOIN all_parts " " all_parts)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/parley)
install(EXPORT parley-targets NAMESPACE parley:: DESTINATION ${package_dir} COMPONENT parley)
configure_package_config_file(cmake/install/parley-config.cmake.in ${PROJECT_BINARY_DIR}/parley-config.cmake
                              INSTALL_DESTINATION ${package_dir})
# 0.x: each minor version may break what stood on the one before.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/parley-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/parley-config.cmake ${PROJECT_BINARY_DIR}/parley-config-version.cmake
              cmake/FindCAres.cmake
        DESTINATION ${package_dir} COMPONENT parley)

# The pkg-config files find the prefix from where they stand, so that the installed tree can be moved.
file(RELATIVE_PATH PARLEY_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" PARLEY_PREFIX_FROM_PC ${PARLEY_PREFIX_FROM_PC})
foreach(part ${parts} parley)
  get_property(links GLOBAL PROPERTY PARLEY_PART_LINKS_${part})
  list(TRANSFORM links PREPEND parley-)
  get_property(packages GLOBAL PROPERTY PARLEY_PART_PACKAGES_${part})
  list(APPEND links ${packages})
  list(JOIN links ", " PARLEY_PC_REQUIRES)
  if(part STREQUAL parley)
    set(PARLEY_PC_NAME parley)
    set(PARLEY_PC_DESCRIPTION "${PROJECT_DESCRIPTION}")
    set(PARLEY_PC_LIBS "")
  else()
    set(PARLEY_PC_NAME parley-${part})
    set(PARLEY_PC_DESCRIPTION "${PROJECT_DESCRIPTION}: <parley/${part}.h>")
    set(PARLEY_PC_LIBS "-L\${libdir} -lparley-${part} -pthread")
  endif()
  configure_file(cmake/install/parley.pc.in ${PROJECT_BINARY_DIR}/${PARLEY_PC_NAME}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${PARLEY_PC_NAME}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT parley)
endforeach()

if(TARGET parleyd)
  install(TARGETS parleyd COMPONENT parleyd OPTIONAL)   # OPTIONAL: if it was built
  install(FILES chat/config/parleyd.toml DESTINATION ${CMAKE_INSTALL_DATADIR}/parley COMPONENT parleyd)
endif()
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT parley)

# The list of what was installed is written next, at the end. One that `sudo cmake --install` has left is root's: an
# install to a folder of one's own could not write it. Not earlier: an install that fails is to leave it.
if(PROJECT_IS_TOP_LEVEL)
  install(CODE "set(component)
if(CMAKE_INSTALL_COMPONENT)
  set(component _\${CMAKE_INSTALL_COMPONENT})
endif()
file(REMOVE \"${CMAKE_BINARY_DIR}/install_manifest\${component}.txt\")" ALL_COMPONENTS)
endif()

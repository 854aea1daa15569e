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

# Which parts want c-ares, and which OpenSSL: those that link it, and what stands on them.
foreach(package libcares openssl)
  set(with_${package})
  set(without_${package})
  foreach(part ${parts} parley)
    get_property(links GLOBAL PROPERTY PARLEY_PART_LINKS_${part})
    get_property(packages GLOBAL PROPERTY PARLEY_PART_PACKAGES_${part})
    set(wants no)
    if(package IN_LIST packages)
      set(wants yes)
    endif()
    foreach(link ${links})
      if(link IN_LIST with_${package})
        set(wants yes)
      endif()
    endforeach()
    if(wants)
      list(APPEND with_${package} ${part})
    else()
      list(APPEND without_${package} ${part})
    endif()
  endforeach()
  list(JOIN with_${package} " " with_${package})
  list(JOIN without_${package} " " without_${package})
endforeach()
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

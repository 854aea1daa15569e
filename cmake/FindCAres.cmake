# c-ares, which asks the name servers: the target CAres::cares.
find_path(CAres_INCLUDE_DIR ares.h)
find_library(CAres_LIBRARY cares)
mark_as_advanced(CAres_INCLUDE_DIR CAres_LIBRARY)
if(CAres_INCLUDE_DIR AND EXISTS ${CAres_INCLUDE_DIR}/ares_version.h)
  # Not ARES_VERSION_STR: 1.34.0 puts that together from these.
  set(CAres_VERSION)
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS ${CAres_INCLUDE_DIR}/ares_version.h number REGEX "define[ \t]+ARES_VERSION_${part}[ \t]+[0-9]+")
    string(REGEX REPLACE ".*ARES_VERSION_${part}[ \t]+([0-9]+).*" "\\1" number "${number}")
    list(APPEND CAres_VERSION ${number})
  endforeach()
  list(JOIN CAres_VERSION . CAres_VERSION)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAres REQUIRED_VARS CAres_LIBRARY CAres_INCLUDE_DIR VERSION_VAR CAres_VERSION)
if(CAres_FOUND AND NOT TARGET CAres::cares)
  add_library(CAres::cares UNKNOWN IMPORTED GLOBAL)   # also for whoever took Parley in
  set_target_properties(CAres::cares PROPERTIES IMPORTED_LOCATION ${CAres_LIBRARY}
                                                INTERFACE_INCLUDE_DIRECTORIES ${CAres_INCLUDE_DIR})
endif()

"""The table of certificate chains; chains.py makes them.

A form says what a certificate is, in the words of OpenSSL's configuration; None leaves an extension out, but for the
key identifiers, which openssl then adds: "none" leaves those out. begins and ends are days from now. A good case is
LEAF but for what it names; a bad case is its good twin but for one field, and says which X509_V_ERR numbers OpenSSL
finds, all of them, in their order. So no case is bad by another cause than its own.
"""

KEYS = {name: "algorithm:ec ec_paramgen_curve:P-256"
        for name in ("root", "other_root", "intermediate", "second", "leaf", "somebody")}
KEYS |= {
    "explicit": "algorithm:ec ec_paramgen_curve:P-256 ec_param_enc:explicit",
    "ed25519": "algorithm:ed25519",
    "rsa": "algorithm:rsa rsa_keygen_bits:2048",
    "rsa_1024": "algorithm:rsa rsa_keygen_bits:1024",
}

AUTHORITY = {
    "subject": "/O=Parley tests/CN=Intermediate", "key": "intermediate", "issuer": "root", "digest": "sha256",
    "begins": -1, "ends": 30, "spoilt": False,
    "basic": "critical,CA:TRUE", "usage": "critical,keyCertSign,cRLSign", "eku": None, "ski": "hash", "aki": "keyid",
    "san": None, "constraints": None, "unknown": None,
}
ROOT = {"subject": "/O=Parley tests/CN=Root", "key": "root", "issuer": None, "aki": "none"}
SECOND = {"subject": "/O=Parley tests/CN=Second", "key": "second", "issuer": "intermediate"}

# Those of one name have one key, but where it is the key that differs: each could stand in the other's place.
AUTHORITIES = {
    "root": ROOT,
    "root_expired": ROOT | {"ends": -0.5},
    "root_without_ski": ROOT | {"ski": "none"},
    "root_without_usage": ROOT | {"usage": None},
    "root_weakly_signed": ROOT | {"digest": "sha1"},
    "root_of_another_key": ROOT | {"key": "other_root"},
    "root_with_fixed_ski": ROOT | {"ski": "01:02:03"},
    "root_of_another_key_with_fixed_ski": ROOT | {"ski": "01:02:03", "key": "other_root"},
    "other_root": ROOT | {"subject": "/O=Parley tests/CN=Other root", "key": "other_root"},
    "client_ca": ROOT | {"subject": "/O=Parley tests/CN=Client CA", "key": "other_root"},

    "intermediate": {},
    "intermediate_expired": {"ends": -0.5},
    "intermediate_not_yet_valid": {"begins": 1},
    "intermediate_spoilt": {"spoilt": True},
    "intermediate_that_is_no_ca": {"basic": "critical,CA:FALSE", "usage": "critical,digitalSignature"},
    "intermediate_without_ca": {"basic": "critical,CA:FALSE"},
    "intermediate_without_constraints": {"basic": None},
    "intermediate_ca_not_critical": {"basic": "CA:TRUE"},
    "intermediate_without_cert_sign": {"usage": "critical,cRLSign"},
    "intermediate_without_usage": {"usage": None},
    "intermediate_without_ski": {"ski": "none"},
    "intermediate_without_aki": {"aki": "none"},
    "intermediate_for_servers": {"eku": "serverAuth"},
    "intermediate_for_clients": {"eku": "clientAuth"},
    "intermediate_sha1": {"digest": "sha1"},
    "intermediate_under_fixed_ski": {"issuer": "root_with_fixed_ski"},
    "intermediate_pathlen_0": {"basic": "critical,CA:TRUE,pathlen:0"},
    "intermediate_pathlen_1": {"basic": "critical,CA:TRUE,pathlen:1"},
    "intermediate_rsa": {"key": "rsa"},
    "intermediate_rsa_1024": {"key": "rsa_1024"},
    "intermediate_for_org": {"constraints": "critical,permitted;DNS:example.org"},
    "intermediate_for_net": {"constraints": "critical,permitted;DNS:example.net"},
    "intermediate_but_for_a": {"constraints": "critical,excluded;DNS:a.example.org"},
    "intermediate_but_for_b": {"constraints": "critical,excluded;DNS:b.example.org"},
    "intermediate_for_addresses": {"constraints": "critical,permitted;IP:192.0.2.0/255.255.255.0"},
    "intermediate_for_other_addresses": {"constraints": "critical,permitted;IP:198.51.100.0/255.255.255.0"},
    "intermediate_but_for_addresses": {"constraints": "critical,excluded;IP:192.0.2.0/255.255.255.0"},

    "second": SECOND,
    "second_under_pathlen_0": SECOND | {"issuer": "intermediate_pathlen_0"},
    "second_under_pathlen_1": SECOND | {"issuer": "intermediate_pathlen_1"},
    "second_for_net": SECOND | {"constraints": "critical,permitted;DNS:example.net", "issuer": "intermediate_for_org"},
    "second_for_org": SECOND | {"issuer": "intermediate_for_org"},
}

# sent: what follows the certificate, or all below the root; roots: what the client trusts. "leaf" is itself.
LEAF = {
    "host": "a.example.org", "sent": None, "roots": ["root"],
    "subject": "/O=Parley tests", "key": "leaf", "issuer": "intermediate", "digest": "sha256",
    "begins": -1, "ends": 30, "spoilt": False,
    "basic": "critical,CA:FALSE", "usage": "critical,digitalSignature", "eku": "serverAuth", "ski": "hash",
    "aki": "keyid", "san": "DNS:a.example.org", "constraints": None, "unknown": None,
}

IDN = "xn--bcher-kva.example.org"
V4 = {"host": "192.0.2.1", "san": "IP:192.0.2.1"}
V6 = {"host": "2001:db8::1", "san": "IP:2001:db8::1"}


def dns_names(*names):
    """A subjectAltName of dNSNames byte for byte, which the configuration could not say."""
    body = b"".join(bytes([0x82, len(name)]) + name for name in names)
    return "DER:" + (bytes([0x30, len(body)]) + body).hex(":")


GOOD = {
    "plain": {},
    "directly_under_the_root": {"issuer": "root"},
    "two_intermediates": {"issuer": "second"},

    "wildcard": {"san": "DNS:*.example.org"},
    "name_of_two_labels": {"host": "example.org", "san": "DNS:example.org"},
    "wildcard_at_the_end_of_a_label": {"host": "ab.example.org", "san": "DNS:a*.example.org"},
    "wildcard_at_the_start_of_a_label": {"host": "ba.example.org", "san": "DNS:*a.example.org"},
    "wildcard_for_idn": {"host": IDN, "san": "DNS:*.example.org"},
    "wildcard_above_idn": {"host": "a." + IDN, "san": "DNS:*." + IDN},
    "deep_name": {"host": "a.b.example.org", "san": "DNS:a.b.example.org"},
    "idn": {"host": IDN, "san": "DNS:" + IDN},
    "one_of_several_names": {"san": "DNS:b.example.org,IP:192.0.2.1,DNS:a.example.org"},
    "host_in_upper_case": {"host": "A.EXAMPLE.org"},
    "certificate_in_upper_case": {"san": "DNS:A.Example.ORG"},
    "name_in_cn_alone": {"subject": "/O=Parley tests/CN=a.example.org", "san": None},
    "name_in_cn_too": {"subject": "/O=Parley tests/CN=a.example.org"},
    "no_subject": {"subject": "/", "san": "critical,DNS:a.example.org"},

    "ipv4": V4,
    "ipv6": V6,
    "ipv6_written_out": V6 | {"host": "2001:0db8:0:0:0:0:0:1"},
    "ipv4_loopback": {"host": "127.0.0.1", "san": "DNS:localhost,IP:127.0.0.1,IP:::1"},
    "ipv6_loopback": {"host": "::1", "san": "DNS:localhost,IP:127.0.0.1,IP:::1"},

    "wrong_order": {"issuer": "second", "sent": ["intermediate", "second"]},
    "superfluous_certificate": {"sent": ["client_ca", "intermediate"]},
    "certificate_sent_twice": {"sent": ["leaf", "intermediate"]},
    "root_sent_too": {"sent": ["intermediate", "root"]},
    "expired_beside_valid": {"sent": ["intermediate_expired", "intermediate"]},
    "intermediate_at_the_client": {"sent": [], "roots": ["root", "intermediate"]},

    "server_and_client": {"eku": "serverAuth,clientAuth"},
    "any_use": {"eku": None, "usage": None},
    "key_encipherment": {"usage": "critical,keyEncipherment"},
    "no_basic_constraints": {"basic": None},
    "authority_for_servers": {"issuer": "intermediate_for_servers"},
    "pathlen_kept": {"issuer": "intermediate_pathlen_0"},
    "pathlen_kept_by_two": {"issuer": "second_under_pathlen_1"},

    "permitted_name": {"issuer": "intermediate_for_org"},
    "permitted_name_two_deep": {"issuer": "second_for_org"},
    "not_the_excluded_name": {"issuer": "intermediate_but_for_b"},
    "permitted_address": V4 | {"issuer": "intermediate_for_addresses"},
    "address_under_name_constraints": V4 | {"issuer": "intermediate_for_net"},

    "rsa_2048": {"key": "rsa"},
    "ed25519": {"key": "ed25519"},
    "signed_with_rsa": {"issuer": "intermediate_rsa"},
    "root_signed_with_sha1": {"roots": ["root_weakly_signed"]},

    "unknown_extension": {"unknown": "ASN1:NULL"},
    "fixed_ski": {"issuer": "intermediate_under_fixed_ski", "roots": ["root_with_fixed_ski"]},
    "several_roots": {"roots": ["other_root", "root_of_another_key", "root"]},
    "self_signed_and_trusted": {"issuer": None, "aki": "none", "roots": ["leaf"]},
}

# name: (its good twin, the field that differs, its value, the X509_V_ERR numbers)
BAD = {
    "expired": ("plain", "ends", -0.5, 10),
    "not_yet_valid": ("plain", "begins", 1, 9),
    "intermediate_expired": ("plain", "issuer", "intermediate_expired", 10),
    "intermediate_not_yet_valid": ("plain", "issuer", "intermediate_not_yet_valid", 9),
    "root_expired": ("plain", "roots", ["root_expired"], 10),

    "wrong_name": ("plain", "host", "b.example.org", 62),
    "wrong_domain": ("plain", "host", "a.example.net", 62),
    "host_below_the_name": ("plain", "host", "b.a.example.org", 62),
    "host_with_trailing_dot": ("plain", "host", "a.example.org.", 62),
    "certificate_with_trailing_dot": ("plain", "san", "DNS:a.example.org.", 62),
    "name_behind_a_zero_byte": ("plain", "san", dns_names(b"a.example.org\0.example.net"), 62),
    "no_name": ("plain", "san", None, 62),
    "no_names_in_the_list": ("plain", "san", dns_names(), 87, 62),
    "wrong_name_in_cn_alone": ("name_in_cn_alone", "subject", "/O=Parley tests/CN=b.example.org", 62),
    "cn_beside_other_names": ("name_in_cn_too", "san", "DNS:b.example.org", 62),
    "no_subject_and_names_not_critical": ("no_subject", "san", "DNS:a.example.org", 88),
    "wildcard_and_the_domain": ("wildcard", "host", "example.org", 62),
    "wildcard_and_two_labels": ("wildcard", "host", "a.b.example.org", 62),
    "wildcard_and_another_domain": ("wildcard", "host", "a.example.net", 62),
    "wildcard_below_the_top": ("name_of_two_labels", "san", "DNS:*.org", 62),
    "wildcard_alone": ("plain", "san", "DNS:*", 62),
    "wildcard_in_the_second_label": ("deep_name", "san", "DNS:a.*.example.org", 62),
    "wildcards_in_two_labels": ("deep_name", "san", "DNS:*.*.example.org", 62),
    "wildcard_within_a_label": ("wildcard_at_the_end_of_a_label", "san", "DNS:a*b.example.org", 62),
    "wildcard_of_another_start": ("wildcard_at_the_end_of_a_label", "host", "ba.example.org", 62),
    "wildcard_of_another_end": ("wildcard_at_the_start_of_a_label", "host", "ab.example.org", 62),
    "partial_wildcard_and_idn": ("wildcard_for_idn", "san", "DNS:x*.example.org", 62),
    "wildcard_within_idn": ("wildcard_for_idn", "san", "DNS:xn--*.example.org", 62),
    "wildcard_and_address": ("ipv4", "san", "DNS:*.0.2.1", 64),
    "wrong_idn": ("idn", "san", "DNS:xn--bcher-kvb.example.org", 62),

    "wrong_ipv4": ("ipv4", "host", "192.0.2.2", 64),
    "wrong_ipv6": ("ipv6", "host", "2001:db8::2", 64),
    "ipv4_as_dns_name": ("ipv4", "san", "DNS:192.0.2.1", 64),
    "ipv6_as_dns_name": ("ipv6", "san", "DNS:2001:db8::1", 64),
    "ipv4_in_ipv6": ("ipv4", "san", "IP:::ffff:192.0.2.1", 64),
    "name_for_address": ("ipv4_loopback", "host", "127.0.0.2", 64),

    "missing_intermediate": ("plain", "sent", [], 20),
    "missing_second_intermediate": ("two_intermediates", "sent", ["second"], 20),
    "another_intermediate": ("plain", "sent", ["second"], 20),
    "intermediate_at_the_client_alone": ("intermediate_at_the_client", "roots", ["intermediate"], 2),
    "spoilt_signature": ("plain", "spoilt", True, 7),
    "spoilt_signature_of_intermediate": ("plain", "issuer", "intermediate_spoilt", 7),
    "unknown_authority": ("plain", "roots", ["other_root"], 20),
    "unknown_authority_sent_too": ("root_sent_too", "roots", ["other_root"], 19),
    "another_key_of_the_root": ("plain", "roots", ["root_of_another_key"], 20),
    "another_key_of_the_root_under_one_identifier":
        ("fixed_ski", "roots", ["root_of_another_key_with_fixed_ski"], 7),
    "self_signed": ("self_signed_and_trusted", "roots", ["root"], 18),
    "trusted_but_not_self_signed": ("plain", "roots", ["leaf"], 20),

    "for_clients": ("plain", "eku", "clientAuth", 26),
    "for_any_extended_use": ("plain", "eku", "anyExtendedKeyUsage", 26),
    "for_documents": ("plain", "usage", "critical,nonRepudiation", 26),
    "signs_certificates_but_is_no_ca": ("plain", "usage", "critical,digitalSignature,keyCertSign", 82),
    "authority_for_clients": ("authority_for_servers", "issuer", "intermediate_for_clients", 26),
    "authority_that_is_none": ("plain", "issuer", "intermediate_that_is_no_ca", 79, 26, 32),
    "authority_without_ca": ("plain", "issuer", "intermediate_without_ca", 79, 82, 26),
    "authority_without_basic_constraints": ("plain", "issuer", "intermediate_without_constraints", 79, 82),
    "authority_whose_ca_is_not_critical": ("plain", "issuer", "intermediate_ca_not_critical", 89),
    "authority_without_cert_sign": ("plain", "issuer", "intermediate_without_cert_sign", 79, 26, 32),
    "authority_without_key_usage": ("plain", "issuer", "intermediate_without_usage", 92),
    "root_without_key_usage": ("plain", "roots", ["root_without_usage"], 92),
    "pathlen_exceeded": ("pathlen_kept_by_two", "issuer", "second_under_pathlen_0", 25),
    "pathlen_of_who_is_no_ca": ("plain", "basic", "critical,CA:FALSE,pathlen:0", 80, 81),

    "not_permitted_name": ("permitted_name", "issuer", "intermediate_for_net", 47),
    "not_permitted_by_both": ("permitted_name_two_deep", "issuer", "second_for_net", 47),
    "excluded_name": ("not_the_excluded_name", "issuer", "intermediate_but_for_a", 48),
    "not_permitted_wildcard": ("permitted_name", "san", "DNS:a.example.org,DNS:*.example.net", 47),
    "not_permitted_address": ("permitted_address", "issuer", "intermediate_for_other_addresses", 47),
    "excluded_address": ("permitted_address", "issuer", "intermediate_but_for_addresses", 48),

    "rsa_1024": ("rsa_2048", "key", "rsa_1024", 66),
    "explicit_curve": ("plain", "key", "explicit", 94),
    "authority_rsa_1024": ("signed_with_rsa", "issuer", "intermediate_rsa_1024", 67),
    "sha1": ("plain", "digest", "sha1", 68),
    "authority_sha1": ("plain", "issuer", "intermediate_sha1", 68),
    "md5": ("signed_with_rsa", "digest", "md5", 68),

    "unknown_critical_extension": ("unknown_extension", "unknown", "critical,ASN1:NULL", 34),
    "without_aki": ("plain", "aki", "none", 85),
    "authority_without_aki": ("plain", "issuer", "intermediate_without_aki", 85),
    "authority_without_ski": ("plain", "sent", ["intermediate_without_ski"], 86),
    "root_without_ski": ("plain", "roots", ["root_without_ski"], 86),
}

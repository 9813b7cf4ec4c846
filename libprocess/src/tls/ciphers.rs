//! Ciphers and curves by the names that OpenSSL gives them, for the library that cannot read those.
//!
//! A list of ciphers is a small language: names, groups such as `ECDHE+AESGCM`, and `!`, `-`, `+` before them.
//! As in OpenSSL, what is not known is passed over, and a list that leaves nothing is an error.
//! It says nothing about TLS 1.3, whose suites are always there.

use rustls::{CipherSuite, NamedGroup};

/// What a suite is made of, as far as groups name it.
struct Suite {
    name: &'static str,
    id: CipherSuite,
    traits: &'static [&'static str],
}

const fn suite(name: &'static str, id: CipherSuite, traits: &'static [&'static str]) -> Suite {
    Suite { name, id, traits }
}

/// The suites of TLS 1.2 that are spoken here, best first.
const SUITES: &[Suite] = &[
    suite(
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        &["AES256", "AES", "AESGCM", "ECDSA", "SHA384"],
    ),
    suite(
        "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        &["AES256", "AES", "AESGCM", "RSA", "SHA384"],
    ),
    suite(
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        &["CHACHA20", "ECDSA"],
    ),
    suite(
        "ECDHE-RSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        &["CHACHA20", "RSA"],
    ),
    suite(
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        &["AES128", "AES", "AESGCM", "ECDSA", "SHA256"],
    ),
    suite(
        "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        &["AES128", "AES", "AESGCM", "RSA", "SHA256"],
    ),
];

impl Suite {
    /// Whether a name, or each part of a group such as `ECDHE+AESGCM`, speaks of this suite.
    fn is(&self, group: &str) -> bool {
        group == self.name || group.split('+').all(|part| self.has(part))
    }

    fn has(&self, part: &str) -> bool {
        match part {
            "ALL" | "DEFAULT" | "HIGH" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" | "ECDH"
            | "TLSv1.2" | "FIPS" => true,
            "aRSA" => self.traits.contains(&"RSA"),
            "aECDSA" => self.traits.contains(&"ECDSA"),
            // By itself this names the exchange of keys that is not spoken here.
            "RSA" => false,
            _ => self.traits.contains(&part),
        }
    }
}

/// The suites that a list leaves, in its order, and the words in it that speak of none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen<T> {
    pub(super) taken: Vec<T>,
    pub(super) unknown: Vec<String>,
}

/// Reads a list of ciphers.
pub(super) fn ciphers(list: &str) -> Chosen<CipherSuite> {
    let mut taken: Vec<&Suite> = Vec::new();
    let mut banned: Vec<CipherSuite> = Vec::new();
    let mut unknown = Vec::new();
    for word in list
        .split([':', ',', ' ', ';'])
        .filter(|word| !word.is_empty())
    {
        if word.starts_with('@') {
            continue;
        }
        let (action, group) = match word.split_at_checked(1) {
            Some((action @ ("!" | "-" | "+"), group)) => (action, group),
            Some(_) | None => ("", word),
        };
        let matching: Vec<_> = SUITES.iter().filter(|suite| suite.is(group)).collect();
        let concerned = |suite: &&Suite| matching.iter().any(|other| other.id == suite.id);
        match action {
            "!" => {
                banned.extend(matching.iter().map(|suite| suite.id));
                taken.retain(|suite| !concerned(suite));
            }
            "-" => taken.retain(|suite| !concerned(suite)),
            "+" => {
                let (last, first): (Vec<_>, Vec<_>) = taken.into_iter().partition(concerned);
                taken = first.into_iter().chain(last).collect();
            }
            _ => {
                if matching.is_empty() {
                    unknown.push(group.to_owned());
                }
                for suite in matching {
                    let known = taken.iter().any(|other| other.id == suite.id);
                    if !known && !banned.contains(&suite.id) {
                        taken.push(suite);
                    }
                }
            }
        }
    }
    Chosen {
        taken: taken.into_iter().map(|suite| suite.id).collect(),
        unknown,
    }
}

/// Reads a list of curves, best first.
pub(super) fn curves(list: &str) -> Chosen<NamedGroup> {
    let mut chosen = Chosen {
        taken: Vec::new(),
        unknown: Vec::new(),
    };
    for word in list.split(':') {
        match word {
            "P-256" | "prime256v1" | "secp256r1" => chosen.taken.push(NamedGroup::secp256r1),
            "P-384" | "secp384r1" => chosen.taken.push(NamedGroup::secp384r1),
            "P-521" | "secp521r1" => chosen.taken.push(NamedGroup::secp521r1),
            "X25519" | "x25519" => chosen.taken.push(NamedGroup::X25519),
            "X448" | "x448" => chosen.taken.push(NamedGroup::X448),
            other => chosen.unknown.push(other.to_owned()),
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<&'static str> {
        let chosen = ciphers(list).taken;
        let name = |id| {
            SUITES
                .iter()
                .find(|suite| suite.id == id)
                .map(|suite| suite.name)
        };
        chosen.into_iter().filter_map(name).collect()
    }

    #[test]
    fn names_keep_their_order_and_unknown_ones_are_passed_over() {
        let list = "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384";

        assert_eq!(
            names(list),
            [
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384"
            ]
        );
        assert_eq!(ciphers(list).unknown, ["AES128-SHA"]);
    }

    #[test]
    fn groups_add_ban_remove_and_move() {
        assert_eq!(names("ALL").len(), 6);
        assert_eq!(
            names("ECDHE+AESGCM:!aECDSA:!aNULL"),
            ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(
            names("EECDH+aRSA:-CHACHA20:+AES256"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(names("!CHACHA20:CHACHA20"), [""; 0]);
        assert_eq!(names("HIGH:!AES:@STRENGTH").len(), 2);
    }

    #[test]
    fn the_default_of_mesos_leaves_nothing() {
        let list = "AES128-SHA:AES256-SHA:RC4-SHA:DHE-RSA-AES128-SHA:DHE-DSS-AES128-SHA:\
                    DHE-RSA-AES256-SHA:DHE-DSS-AES256-SHA";

        assert_eq!(names(list), [""; 0]);
        assert_eq!(ciphers(list).unknown.len(), 7);
    }

    #[test]
    fn curves_have_several_names() {
        let chosen = curves("P-384:prime256v1:X25519:brainpoolP256r1");

        assert_eq!(
            chosen.taken,
            [
                NamedGroup::secp384r1,
                NamedGroup::secp256r1,
                NamedGroup::X25519
            ]
        );
        assert_eq!(chosen.unknown, ["brainpoolP256r1"]);
    }
}

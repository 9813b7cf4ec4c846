//! Finds `Mirrors:` lines in Rust sources.
//!
//! A claim counts only on a test: the doc comment must belong to a function with a test attribute.

/// One test of ours that says which test of Mesos it carries over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// File and line of the claim.
    pub place: String,
    /// Suite that is named.
    pub suite: String,
    /// Test that is named.
    pub name: String,
}

/// What a walk through the sources found.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Claims that stand on a test.
    pub claims: Vec<Claim>,
    /// Lines that claim something but cannot count, with the reason.
    pub faults: Vec<String>,
}

impl Scan {
    /// Reads one source file; `file` is its name in messages.
    pub fn source(&mut self, file: &str, text: &str) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(names) = line.strip_prefix("/// Mirrors: ") else {
                continue;
            };
            let place = format!("{file}:{}", index + 1);
            let rest = lines.get(index + 1..).unwrap_or_default();
            if !belongs_to_test(rest) {
                self.faults.push(format!(
                    "{place}: `Mirrors:` stands on something else than a test"
                ));
                continue;
            }
            for name in names.split(',') {
                self.name(&place, name.trim().trim_end_matches('.').trim_matches('`'));
            }
        }
    }

    fn name(&mut self, place: &str, name: &str) {
        let Some((suite, test)) = name.split_once('.') else {
            self.faults
                .push(format!("{place}: `{name}` is not of the form Suite.Name"));
            return;
        };
        self.claims.push(Claim {
            place: place.to_owned(),
            suite: suite.to_owned(),
            name: test.to_owned(),
        });
    }
}

/// Follows doc comments and attributes to the item they belong to.
fn belongs_to_test(following: &[&str]) -> bool {
    let mut is_test = false;
    for line in following {
        if line.starts_with("#[") {
            let name = line
                .trim_start_matches("#[")
                .split(['(', ']', ' '])
                .next()
                .unwrap_or("");
            is_test |= matches!(
                name.rsplit("::").next(),
                Some("test" | "rstest" | "test_case")
            );
        } else if line.starts_with("fn ")
            || line.starts_with("async fn ")
            || line.starts_with("pub fn ")
        {
            return is_test;
        } else if !line.starts_with("//") && !line.ends_with([',', ')', ']']) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::Scan;

    fn scan(text: &str) -> Scan {
        let mut scan = Scan::default();
        scan.source("a.rs", text);
        scan
    }

    #[test]
    fn claim_on_a_test_counts() {
        let found = scan("/// Says it.\n/// Mirrors: A.B\n/// More.\n#[test]\nfn claim() {}\n");

        assert_eq!(found.faults, Vec::<String>::new());
        assert_eq!(found.claims.len(), 1);
        assert_eq!(
            (
                found.claims[0].suite.as_str(),
                found.claims[0].name.as_str()
            ),
            ("A", "B")
        );
    }

    #[test]
    fn several_names_on_one_line_count_each() {
        let found = scan("/// Mirrors: A.B, A.C\n#[actix_rt::test]\nasync fn claim() {}\n");

        assert_eq!(found.claims.len(), 2);
    }

    #[test]
    fn claim_on_a_helper_is_a_fault() {
        let found = scan("/// Mirrors: A.B\nfn helper() {}\n");

        assert_eq!(found.claims, []);
        assert_eq!(found.faults.len(), 1);
    }

    #[test]
    fn claim_on_a_struct_is_a_fault() {
        let found = scan("/// Mirrors: A.B\npub struct Thing {\n    a: u8,\n}\n");

        assert_eq!(found.faults.len(), 1);
    }
}

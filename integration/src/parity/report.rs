//! What the count says: per suite mirrored, not applicable, missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::catalogue::{Catalogue, Suite};
use super::excuses::Excuses;
use super::scan::Scan;

/// The count of one suite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Names that a test of ours carries over.
    pub mirrored: Vec<String>,
    /// Names that can never apply.
    pub not_applicable: Vec<String>,
    /// Names that nothing carries over yet.
    pub missing: Vec<String>,
}

/// The count of every suite.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// One row a suite.
    pub rows: BTreeMap<Suite, Row>,
    /// Claims and excuses that do not hold, in words.
    pub faults: Vec<String>,
}

impl Report {
    /// Puts list, excuses and claims together.
    #[must_use]
    pub fn new(catalogue: &Catalogue, excuses: &Excuses, scan: &Scan) -> Self {
        let claimed: BTreeSet<(&str, &str)> = scan
            .claims
            .iter()
            .map(|claim| (claim.suite.as_str(), claim.name.as_str()))
            .collect();
        let mut report = Self {
            rows: BTreeMap::new(),
            faults: faults(catalogue, excuses, scan),
        };
        for (suite, names) in catalogue.suites() {
            let row = report.rows.entry(suite.clone()).or_default();
            for name in names {
                if claimed.contains(&(suite.name.as_str(), name.as_str())) {
                    row.mirrored.push(name.clone());
                } else if excuses.reason(&suite.name, name).is_some() {
                    row.not_applicable.push(name.clone());
                } else {
                    row.missing.push(name.clone());
                }
            }
        }
        report
    }

    /// Adds up mirrored, not applicable and missing over the suites that `keep` admits.
    pub fn totals(&self, keep: impl Fn(&Suite) -> bool) -> (usize, usize, usize) {
        self.rows
            .iter()
            .filter(|(suite, _)| keep(suite))
            .fold((0, 0, 0), |sum, (_, row)| {
                (
                    sum.0 + row.mirrored.len(),
                    sum.1 + row.not_applicable.len(),
                    sum.2 + row.missing.len(),
                )
            })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<62} {:>8} {:>8} {:>8}",
            "suite", "mirrored", "n/a", "missing"
        )?;
        for (suite, row) in &self.rows {
            writeln!(
                out,
                "{:<62} {:>8} {:>8} {:>8}",
                format!("{}/{}", suite.area, suite.name),
                row.mirrored.len(),
                row.not_applicable.len(),
                row.missing.len()
            )?;
        }
        let areas: BTreeSet<&str> = self.rows.keys().map(|suite| suite.area.as_str()).collect();
        for area in areas {
            let (mirrored, excused, missing) = self.totals(|suite| suite.area == area);
            let name = format!("total {area}");
            writeln!(out, "{name:<62} {mirrored:>8} {excused:>8} {missing:>8}")?;
        }
        let (mirrored, excused, missing) = self.totals(|_| true);
        write!(
            out,
            "{:<62} {mirrored:>8} {excused:>8} {missing:>8}",
            "total"
        )
    }
}

fn faults(catalogue: &Catalogue, excuses: &Excuses, scan: &Scan) -> Vec<String> {
    let mut faults = scan.faults.clone();
    for claim in &scan.claims {
        let (place, suite, name) = (&claim.place, &claim.suite, &claim.name);
        if !catalogue.knows(suite, name) {
            faults.push(format!("{place}: Mesos has no test `{suite}.{name}`"));
        } else if excuses.reason(suite, name).is_some() {
            faults.push(format!(
                "{place}: `{suite}.{name}` is also said not to apply"
            ));
        }
    }
    for (suite, name) in excuses.names() {
        let known = match name {
            "*" => catalogue.knows_suite(suite),
            _ => catalogue.knows(suite, name),
        };
        if !known {
            faults.push(format!(
                "not-applicable.txt: Mesos has no test `{suite}.{name}`"
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Catalogue;
    use super::super::excuses::Excuses;
    use super::super::scan::Scan;
    use super::Report;

    fn report(excuses: &str, source: &str) -> Report {
        let catalogue = Catalogue::parse("mesos src/a.cpp A: One Two\nstout b.cpp B: Three\n");
        let mut scan = Scan::default();
        scan.source("a.rs", source);
        Report::new(
            &catalogue.unwrap(),
            &Excuses::parse(excuses).unwrap(),
            &scan,
        )
    }

    #[test]
    fn every_name_falls_into_one_of_three_heaps() {
        let report = report(
            "B.*: no such thing\n",
            "/// Mirrors: A.One\n#[test]\nfn a() {}\n",
        );

        assert_eq!(report.faults, Vec::<String>::new());
        assert_eq!(report.totals(|_| true), (1, 1, 1));
        assert_eq!(report.totals(|suite| suite.area == "stout"), (0, 1, 0));
    }

    #[test]
    fn unknown_names_are_faults() {
        let report = report(
            "C.Nope: reason\n",
            "/// Mirrors: A.Nine\n#[test]\nfn a() {}\n",
        );

        assert_eq!(
            report.faults,
            [
                "a.rs:1: Mesos has no test `A.Nine`",
                "not-applicable.txt: Mesos has no test `C.Nope`"
            ]
        );
    }

    #[test]
    fn a_name_cannot_be_mirrored_and_excused() {
        let report = report(
            "A.One: reason\n",
            "/// Mirrors: A.One\n#[test]\nfn a() {}\n",
        );

        assert_eq!(report.faults, ["a.rs:1: `A.One` is also said not to apply"]);
    }
}

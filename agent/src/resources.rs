//! Finds out what the machine has to give.
//!
//! Mirrors `Containerizer::resources` of `src/slave/containerizer/containerizer.cpp`.

use std::path::Path;

use mesos_common::resources::{ParseError, parse_protos};
use mesos_proto::v1;

/// One gigabyte in megabytes.
const GIGABYTE: u64 = 1024;

/// Reads `--resources` and adds what it does not name at all.
///
/// # Errors
/// [`ParseError`] when the flag is no list of resources.
pub(crate) fn detect(
    flag: Option<&str>,
    default_role: &str,
    work_dir: &Path,
) -> Result<Vec<v1::Resource>, ParseError> {
    let mut resources = parse_protos(flag.unwrap_or_default(), default_role)?;
    let named = |resources: &[v1::Resource], name: &str| {
        resources.iter().any(|resource| resource.name() == name)
    };
    let detected = [
        ("cpus", cpus().to_string()),
        ("mem", memory_mb().to_string()),
        ("disk", disk_mb(work_dir).to_string()),
        ("ports", "[31000-32000]".to_owned()),
    ];
    for (name, amount) in detected {
        if !named(&resources, name) {
            resources.extend(parse_protos(&format!("{name}:{amount}"), default_role)?);
        }
    }
    Ok(resources)
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn memory_mb() -> u64 {
    use procfs::Current;
    procfs::Meminfo::current().map_or(GIGABYTE, |info| {
        leave_for_system(info.mem_total / (1 << 20), 2 * GIGABYTE, GIGABYTE)
    })
}

fn disk_mb(work_dir: &Path) -> u64 {
    nix::sys::statvfs::statvfs(work_dir).map_or(10 * GIGABYTE, |stat| {
        let total = stat.blocks().saturating_mul(stat.fragment_size()) / (1 << 20);
        leave_for_system(total, 10 * GIGABYTE, 5 * GIGABYTE)
    })
}

/// Leaves a fixed part of much, and half of little.
fn leave_for_system(total: u64, much: u64, part: u64) -> u64 {
    if total >= much {
        total - part
    } else {
        total / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(resources: &[v1::Resource]) -> Vec<&str> {
        let mut names: Vec<&str> = resources.iter().map(v1::Resource::name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_the_flag_does_not_name_is_detected() {
        let resources = detect(Some("cpus:0;mem:5"), "*", Path::new("/")).expect("valid");

        assert_eq!(names(&resources), ["cpus", "disk", "mem", "ports"]);
        let mem = resources
            .iter()
            .find(|resource| resource.name() == "mem")
            .expect("named");
        assert!((mem.scalar().value() - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_part_is_left_for_the_system() {
        assert_eq!(leave_for_system(8192, 2048, 1024), 7168);
        assert_eq!(leave_for_system(1000, 2048, 1024), 500);
    }
}

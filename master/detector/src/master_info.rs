//! What a master says about itself to whoever looks for it.
//!
//! Mirrors `createMasterInfo` of `src/common/protobuf_utils.cpp`.

use std::net::IpAddr;

use libprocess::{Address, Upid};
use mesos_proto::v1;

/// The version that a master reports.
pub const VERSION: &str = "1.11.0";

/// Numbers of a master's capabilities; the third has no name in the v1 API.
const CAPABILITIES: [i32; 3] = [1, 2, 3];

/// Describes a master.
#[must_use]
pub fn master_info(id: &str, pid: &Upid, hostname: &str, version: Option<&str>) -> v1::MasterInfo {
    let address = pid.address;
    v1::MasterInfo {
        id: Some(id.to_owned()),
        ip: Some(network_order(&address)),
        port: Some(u32::from(address.port)),
        pid: Some(pid.to_string()),
        hostname: Some(hostname.to_owned()),
        version: version.map(str::to_owned),
        address: Some(v1::Address {
            hostname: Some(hostname.to_owned()),
            ip: Some(address.ip.to_string()),
            port: Some(i32::from(address.port)),
            ..Default::default()
        }),
        capabilities: CAPABILITIES
            .iter()
            .map(|number| v1::master_info::Capability {
                r#type: Some(*number),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// Describes a master of which only the address is known.
#[must_use]
pub fn master_info_from_pid(pid: &Upid) -> v1::MasterInfo {
    let id = format!("{pid}-{}", uuid::Uuid::new_v4());
    master_info(&id, pid, &pid.address.ip.to_string(), None)
}

/// The IPv4 address in network byte order, read as a little-endian number.
fn network_order(address: &Address) -> u32 {
    match address.ip {
        IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    }
}

/// Whether two descriptions are of one master: capabilities and `address` do not count.
#[must_use]
pub fn same_master(a: &v1::MasterInfo, b: &v1::MasterInfo) -> bool {
    a.id() == b.id()
        && a.ip() == b.ip()
        && a.port() == b.port()
        && a.pid == b.pid
        && a.hostname == b.hostname
        && a.version == b.version
        && a.domain == b.domain
}

/// Whether the leader is still the one that somebody knew, nobody included.
pub(crate) fn same_leader(now: Option<&v1::MasterInfo>, before: Option<&v1::MasterInfo>) -> bool {
    match (now, before) {
        (Some(now), Some(before)) => same_master(now, before),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_is_the_network_order_number() {
        let pid: Upid = "master@127.0.0.1:5050".parse().expect("a pid");

        let info = master_info("m", &pid, "localhost", Some(VERSION));

        assert_eq!(info.ip(), 16_777_343);
        assert_eq!(info.pid(), "master@127.0.0.1:5050");
        assert_eq!(info.address().port(), 5050);
    }

    #[test]
    fn capabilities_do_not_tell_masters_apart() {
        let pid: Upid = "master@127.0.0.1:5050".parse().expect("a pid");
        let one = master_info("m", &pid, "localhost", None);
        let mut other = one.clone();
        other.capabilities.clear();

        assert!(same_master(&one, &other));
    }
}

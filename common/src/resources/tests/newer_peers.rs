//! What a newer peer says of a resource survives whatever becomes of the resource.

use mesos_proto::v1::resource::disk_info::Persistence as ProtoPersistence;
use mesos_proto_codec::UnknownFields;

use super::*;

/// Field 1000 with this small value.
fn field(value: u8) -> UnknownFields {
    let mut unknown = UnknownFields::EMPTY;
    unknown.push(&[0xc0, 0x3e, value]);
    unknown
}

/// A reserved persistent volume, with unknown fields in each part.
fn volume() -> v1::Resource {
    let plain = one("disk:8").push_reservation(&dynamic("eng", "ops"));
    let mut proto = plain.to_proto();
    proto.unknown = field(1);
    proto.reservations[0].unknown = field(2);
    let persistence = ProtoPersistence {
        id: Some("data".to_owned()),
        unknown: field(4),
        ..Default::default()
    };
    let volume = v1::Volume {
        container_path: Some("data".to_owned()),
        mode: Some(v1::volume::Mode::Rw.into()),
        ..Default::default()
    };
    proto.disk = Some(
        v1::resource::DiskInfo {
            persistence: Some(persistence),
            volume: Some(volume.into()),
            unknown: field(3),
            ..Default::default()
        }
        .into(),
    );
    proto
}

fn read(proto: &v1::Resource) -> Resource {
    Resource::from_proto(proto).expect("a resource")
}

#[test]
fn unknown_fields_come_out_as_they_went_in() {
    assert_eq!(read(&volume()).to_proto(), volume());
    assert_eq!(Resources::from_proto(&[volume()]).to_proto(), [volume()]);
}

#[test]
fn unknown_fields_follow_the_amounts() {
    let mut proto = one("cpus:4").to_proto();
    proto.unknown = field(7);
    let total = Resources::from_proto(&[proto]);

    let left = &total - &parse("cpus:1");
    let grown = &left + &parse("cpus:2");

    let written = grown.to_proto();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].unknown, field(7));
    assert_eq!(grown, parse("cpus:5"));
}

#[test]
fn unknown_fields_do_not_tell_resources_apart() {
    let mut proto = one("cpus:4").to_proto();
    proto.unknown = field(7);

    let newer = Resources::from_proto(&[proto]);

    assert_eq!(newer, parse("cpus:4"));
    assert!((&newer - &parse("cpus:4")).is_empty());
}

#[test]
fn unknown_fields_of_a_reservation_go_with_it() {
    let reserved = read(&volume());

    let unreserved = reserved.pop_reservation();
    let again = unreserved.push_reservation(&dynamic("eng", "ops"));

    let written = again.to_proto();
    assert_eq!(written.unknown, field(1));
    assert!(written.reservations[0].unknown.is_empty());
}

#[test]
fn unknown_fields_of_a_volume_go_with_it() {
    let space = read(&volume()).without_persistence();

    let written = space.to_proto();

    assert_eq!(written.unknown, field(1));
    assert_eq!(written.reservations[0].unknown, field(2));
    assert!(written.disk.is_none());
}

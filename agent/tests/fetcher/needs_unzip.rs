//! Archives for which a program is needed that not every machine has.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::scene::{Scene, extracted};

/// One file, `hello`.
const WHOLE: &str = "UEsDBBQAAAAAAAAAIVAtOwivDAAAAAwAAAAFAAAAaGVsbG9oZWxsbyB3b3JsZApQ\
    SwECFAMUAAAAAAAAACFQLTsIrwwAAAAMAAAABQAAAAAAAAAAAAAAgAEAAAAAaGVs\
    bG9QSwUGAAAAAAEAAQAzAAAALwAAAAAA";

/// One file, whose content does not fit its checksum.
const DAMAGED: &str = "UEsDBBQAAAAAAAAAIVAtOwivDAAAAAwAAAAFAAAAaGVsbG9oYWxsbyB3b3JsZApQ\
    SwECFAMUAAAAAAAAACFQLTsIrwwAAAAMAAAABQAAAAAAAAAAAAAAgAEAAAAAaGVs\
    bG9QSwUGAAAAAAEAAQAzAAAALwAAAAAA";

/// One name, `A`, with two contents.
const TWICE: &str = "UEsDBBQAAAAAAAAAIVC379yDAQAAAAEAAAABAAAAQTFQSwMEFAAAAAAAAAAhUA2+\
    1RoBAAAAAQAAAAEAAABBMlBLAQIUAxQAAAAAAAAAIVC379yDAQAAAAEAAAABAAAA\
    AAAAAAAAAACAAQAAAABBUEsBAhQDFAAAAAAAAAAhUA2+1RoBAAAAAQAAAAEAAAAA\
    AAAAAAAAAIABIAAAAEFQSwUGAAAAAAIAAgBeAAAAQAAAAAAA";

fn zip(scene: &Scene, content: &str) -> std::path::PathBuf {
    scene.source("archive.zip", STANDARD.decode(content).expect("base64"))
}

/// Mirrors: FetcherTest.UNZIP_ExtractFile
#[test]
fn zip_archive_is_opened() {
    let scene = Scene::start();
    let archive = zip(&scene, WHOLE);

    scene
        .fetch("c", vec![extracted(&archive)])
        .expect("fetched");

    assert_eq!(scene.read("c", "hello"), "hello world\n");
    scene.assert_counts(1.0, 0.0);
}

/// Mirrors: FetcherTest.UNZIP_ExtractInvalidFile
#[test]
fn damaged_zip_archive_is_a_failure() {
    let scene = Scene::start();
    let archive = zip(&scene, DAMAGED);

    let failed = scene.fetch("c", vec![extracted(&archive)]);

    assert!(failed.is_err());
    scene.assert_counts(0.0, 1.0);
}

/// Mirrors: FetcherTest.UNZIP_ExtractFileWithDuplicatedEntries
#[test]
fn later_entry_of_a_zip_archive_wins() {
    let scene = Scene::start();
    let archive = zip(&scene, TWICE);

    scene
        .fetch("c", vec![extracted(&archive)])
        .expect("fetched");

    assert_eq!(scene.read("c", "A"), "2");
    scene.assert_counts(1.0, 0.0);
}

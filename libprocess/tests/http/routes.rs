//! Which route answers for a path.

use libprocess::http::client::ClientRequest;

use crate::support::{Server, builder, fetch, get, runtime};

/// Mirrors: HTTPTest.Endpoints
/// Mirrors: HTTPTest.NestedGet
/// Mirrors: ProcessTest.PercentEncodedURLs
#[test]
fn the_longest_prefix_of_the_path_finds_the_route() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    for (path, expected) in [
        ("/server(1)/a", "a:/server(1)/a:"),
        ("/server%281%29/a", "a:/server%281%29/a:"),
        ("/server(1)/a/", "a:/server(1)/a/:"),
        ("/server(1)/a/x/y", "a:/server(1)/a/x/y:/x/y"),
        ("/server(1)/a/b", "ab:"),
        ("/server(1)/a/b/c", "ab:/c"),
        ("/server(1)", "root"),
        ("/server(1)/query?q=1%202+3", "1 2 3"),
    ] {
        assert_eq!(get(&runtime, path), (200, expected.to_owned()), "{path}");
    }
    for path in [
        "/server(1)/nope",
        "/nope",
        "//server(1)/a",
        "/server(1)/a/../b",
        "/",
    ] {
        assert_eq!(
            get(&runtime, path),
            (404, "404 Not Found.".to_owned()),
            "{path}"
        );
    }
    runtime.shutdown();
}

#[test]
fn a_delegate_answers_for_paths_without_an_actor() {
    let runtime = builder().delegate("server(1)").start().expect("a runtime");
    runtime.spawn(Server::default());

    assert_eq!(
        get(&runtime, "/a/x"),
        (200, "a:/server(1)/a/x:/x".to_owned())
    );
    assert_eq!(get(&runtime, "/"), (200, "root".to_owned()));
    assert_eq!(
        get(&runtime, "/server(1)/a"),
        (200, "a:/server(1)/a:".to_owned())
    );
    assert_eq!(get(&runtime, "/nope"), (404, "404 Not Found.".to_owned()));
    runtime.shutdown();
}

/// Mirrors: ProcessTest.FirewallDisablePaths
/// Mirrors: ProcessTest.FirewallUninstall
#[test]
fn disabled_endpoints_are_refused_until_the_list_is_emptied() {
    let runtime = builder().delegate("server(1)").start().expect("a runtime");
    runtime.spawn(Server::default());
    runtime.set_disabled_endpoints(["/server(1)/a".to_owned(), "/server(1)/nope".to_owned()]);

    let refused = (403, "Endpoint '/server(1)/a' is disabled".to_owned());
    assert_eq!(get(&runtime, "/server(1)/a"), refused);
    assert_eq!(get(&runtime, "/a"), refused);
    assert_eq!(get(&runtime, "/nope").0, 403);
    assert_eq!(get(&runtime, "/server(1)/a/b").0, 200);

    runtime.set_disabled_endpoints([]);
    assert_eq!(get(&runtime, "/a").0, 200);
    runtime.shutdown();
}

#[test]
fn old_names_answer_when_they_are_wanted_and_are_disabled_with_the_new_ones() {
    let runtime = builder().delegate("server(1)").start().expect("a runtime");
    runtime.spawn(Server::default());
    assert_eq!(get(&runtime, "/query.json?q=1").0, 404);

    runtime.serve_json_aliases();

    assert_eq!(get(&runtime, "/query.json?q=1"), (200, "1".to_owned()));
    assert_eq!(get(&runtime, "/server(1)/query.json?q=1").0, 200);
    assert_eq!(get(&runtime, "/nope.json").0, 404);
    assert_eq!(get(&runtime, "/system/stats.json").0, 200);
    runtime.set_disabled_endpoints(["/server(1)/query".to_owned()]);
    assert_eq!(get(&runtime, "/query.json").0, 403);
    runtime.shutdown();
}

/// Mirrors: HTTPTest.ProvideSendfile
#[test]
fn assets_are_served_with_the_type_of_their_extension() {
    let runtime = runtime();
    runtime.spawn(Server::default());

    let manifest = get(&runtime, "/server(1)/file");
    assert_eq!(manifest.0, 200);
    assert!(manifest.1.contains("[package]"));
    assert_eq!(get(&runtime, "/server(1)/src/time.rs").0, 200);
    assert_eq!(
        get(&runtime, "/server(1)/src").0,
        404,
        "directories are not listed"
    );
    assert_eq!(get(&runtime, "/server(1)/src/nope").0, 404);
    runtime.shutdown();
}

#[test]
fn services_of_actix_web_answer_beside_the_actors() {
    use actix_web::web;
    let runtime = builder()
        .configure(|services| {
            services.route(
                "/plain",
                web::post().to(|body: web::Bytes| async move {
                    actix_web::HttpResponse::Created().body(body)
                }),
            );
        })
        .start()
        .expect("a runtime");
    runtime.spawn(Server::default());

    let request = ClientRequest::post("/plain", "text/plain", vec![b'b'; 100_000]);
    let (status, _, body) = fetch(&runtime, request);
    assert_eq!((status, body.len()), (201, 100_000));
    assert_eq!(get(&runtime, "/server(1)").1, "root");
    runtime.shutdown();
}

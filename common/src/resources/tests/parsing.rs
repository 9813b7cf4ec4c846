//! Resources in text and JSON.

use super::*;

#[track_caller]
fn refused(text: &str, error: &str) {
    assert_eq!(
        Resources::parse(text).expect_err("refused").to_string(),
        error
    );
}

/// Mirrors: ResourcesTest.Parsing
/// Mirrors: ValuesTest.ValidInput
#[test]
fn text_says_scalars_ranges_and_sets() {
    let all = parse("cpus:45.55;ports:[10000-20000, 30000-50000];disks:{sda1}");

    assert_eq!(all.cpus(), Some(Scalar::from_f64(45.55)));
    assert_eq!(all.ports().map(|ports| ports.iter().len()), Some(2));
    assert_eq!(
        all.set("disks").map(|set| set.to_string()).as_deref(),
        Some("{sda1}")
    );
}

/// Mirrors: ValuesTest.RangesParse
/// Mirrors: ValuesTest.RangesCoalesceParse
#[test]
fn ranges_in_text_are_merged() {
    for (text, merged) in [
        ("[1-10]", "[1-10]"),
        ("[4-6, 6-8, 5-9, 3-4, 2-5, 4-6, 1-1, 10-10, 4-6]", "[1-10]"),
        ("[6-8, 4-6]", "[4-8]"),
        ("[1-11, 8-10]", "[1-11]"),
        ("[7-8, 1-4, [8-10], 4-5]", "[1-5, 7-10]"),
        ("[4-6, 7-7, 8-8, 9-9]", "[4-9]"),
        ("[4-6, 7-7, 9-10, 9-11]", "[4-7, 9-11]"),
        ("[6-8, 6-8, 4-6, 6-8]", "[4-8]"),
    ] {
        let ports = parse(&format!("ports:{text}")).ports().expect("ports");
        assert_eq!(ports.to_string(), merged);
    }
}

/// Mirrors: `Resources_Parse_BENCHMARK_Test.Parse`
#[test]
fn long_texts_are_read_to_the_end() {
    let text: Vec<String> = (0..1000)
        .map(|n| format!("res{n}(role{}):{}", n % 10, n + 1))
        .collect();

    let all = parse(&text.join(";"));

    assert_eq!(all.len(), 1000);
    assert_eq!(all.reservations().len(), 10);
    assert_eq!(
        parse(
            &all.to_proto()
                .iter()
                .map(to_text)
                .collect::<Vec<_>>()
                .join(";")
        ),
        all
    );
}

fn to_text(resource: &v1::Resource) -> String {
    let role = resource.reservations[0].role();
    format!("{}({role}):{}", resource.name(), resource.scalar().value())
}

/// Mirrors: ResourcesTest.ParsingWithRoles
#[test]
fn roles_stand_in_parentheses_or_are_the_default() {
    let all = parse("cpus(role1):2.5;ports(role2):[0-100]");

    assert_eq!(
        all.reserved_to("role1"),
        reserved("cpus:2.5", &fixed("role1"))
    );
    assert_eq!(
        all.reserved_to("role2"),
        reserved("ports:[0-100]", &fixed("role2"))
    );
    let defaulted = Resources::parse_with_role("cpus:2.5;ports(role2):[0-100]", "role1");
    assert_eq!(defaulted.expect("resources"), all);
}

/// Mirrors: ResourcesTest.ParseError
/// Mirrors: ValuesTest.InvalidInput
#[test]
fn malformed_text_names_the_piece() {
    refused(
        "cpus(role1)",
        "Bad value for resources, missing or extra ':' in cpus(role1)",
    );
    refused(
        "cpus:1;mem",
        "Bad value for resources, missing or extra ':' in mem",
    );
    refused(
        "cpus(role1:1",
        "Bad value for resources, mismatched parentheses in cpus(role1:1",
    );
    refused(
        "cpus)(role1:1",
        "Bad value for resources, mismatched parentheses in cpus)(role1:1",
    );
    refused(
        "foo(role1):1;foo(role2):[0-1]",
        "Resources with the same name ('foo') but different types are not allowed",
    );
    refused(
        "cpus:many",
        "Bad type for resource cpus value many type TEXT",
    );
    refused(
        "cpus:-1",
        "Failed to parse resource cpus value -1 error Invalid scalar value '-1':Negative values not supported",
    );
    refused(
        "ports:[1-2,3]",
        "Failed to parse resource ports value [1-2,3] error Expecting one or more \"ranges\"",
    );
    refused(
        "ports:[5-1]",
        "Invalid resource 'ports': Invalid ranges resource: begin > end",
    );
    refused(
        "cpus:1e18",
        "Invalid resource 'cpus': Invalid scalar resource: value is too large",
    );
    refused(
        "cpus(a/../b):1",
        "Invalid resource 'cpus': Role 'a/../b' cannot include '..' as a component",
    );
    refused(
        "names:{a,a}",
        "Invalid resource 'names': Invalid set resource: duplicated elements",
    );
}

/// Mirrors: ResourcesTest.ParsingFromJSON
/// Mirrors: ResourcesTest.ParsingFromJSONWithRoles
#[test]
fn json_says_the_same_and_more() {
    let json = r#"[
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 45.55}},
        {"name": "ports", "type": "RANGES",
         "ranges": {"range": [{"begin": 10000, "end": 20000}, {"begin": 30000, "end": 50000}]}},
        {"name": "pandas", "type": "SET", "set": {"item": ["lun_lun", "yang_yang"]},
         "reservations": [{"type": "STATIC", "role": "panda_liason"}]},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 5}, "role": "role1"}
    ]"#;

    let all = parse(json);

    assert_eq!(
        all,
        parse(
            "cpus:45.55;ports:[10000-20000, 30000-50000];pandas(panda_liason):{lun_lun, yang_yang};mem(role1):5"
        )
    );
    let one_role = Resources::parse_with_role(
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]"#,
        "role1",
    );
    assert_eq!(one_role.expect("resources"), parse("cpus(role1):1"));
}

/// Mirrors: ResourcesTest.ParsingFromJSONError
#[test]
fn malformed_json_is_refused() {
    let panda = r#"{"name": "pandas", "type": "SET", "set": {"item": ["bai_yun", "gao_gao"]}}"#;
    for text in [
        panda.to_owned(),
        format!("[{panda} {panda}]"),
        format!("[[{panda}]]"),
        format!("{panda},{panda}"),
        format!("[{panda}] once upon a time"),
        r#"[{"name": "pandas", "set": {"item": ["a"]}}]"#.to_owned(),
        r#"[{"name": "", "type": "SET", "set": {"item": ["a"]}}]"#.to_owned(),
        r#"[{"name": "pandas", "type": "FLOATINGPOINT", "set": {"item": ["a"]}}]"#.to_owned(),
        r#"[{"name": "power", "type": "SCALAR", "scalar": {"value": -1}}]"#.to_owned(),
        r#"[{"name": "p", "type": "SCALAR", "scalar": {"value": 14}},
            {"name": "p", "type": "SET", "set": {"item": ["a"]}}]"#
            .to_owned(),
    ] {
        assert!(Resources::parse(&text).is_err(), "{text}");
    }
}

#[test]
fn what_only_programs_may_say_is_refused_on_the_command_line() {
    refused(
        r#"[{"name": "disk", "type": "SCALAR", "scalar": {"value": 2048},
             "disk": {"persistence": {"id": "1"}, "volume": {"container_path": "/p", "mode": "RW"}}}]"#,
        "Persistent volumes cannot be specified at the command line",
    );
    refused(
        r#"[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "revocable": {}}]"#,
        "Revocable resources cannot be specified at the command line; do not include a 'revocable' key in the resources JSON",
    );
    refused(
        r#"[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
             "reservations": [{"type": "DYNAMIC", "role": "r", "principal": "p"}]}]"#,
        "Dynamic reservations cannot be specified at the command line; do not include a reservation with DYNAMIC type in the resources JSON",
    );
}

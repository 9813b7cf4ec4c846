//! Which checks are valid and what they ask.

use super::*;

fn shell(text: &str) -> CommandInfo {
    CommandInfo {
        value: Some(text.into()),
        ..Default::default()
    }
}

fn http_check(path: &str) -> CheckInfo {
    let http = check_info::Http {
        port: Some(8080),
        path: Some(path.into()),
        ..Default::default()
    };
    CheckInfo {
        r#type: Some(check_info::Type::Http.into()),
        http: Some(http),
        ..Default::default()
    }
}

fn http_health_check(part: HttpCheckInfo) -> HealthCheck {
    HealthCheck {
        r#type: Some(health_check::Type::Http.into()),
        http: Some(part.into()),
        ..Default::default()
    }
}

#[track_caller]
fn check_fails(check: &CheckInfo, message: &str) {
    assert_eq!(Plan::of_check(check).unwrap_err().to_string(), message);
}

#[track_caller]
fn health_check_fails(check: &HealthCheck, message: &str) {
    assert_eq!(
        Plan::of_health_check(check).unwrap_err().to_string(),
        message
    );
}

/// Mirrors: CheckTest.CheckInfoValidation
#[test]
fn invalid_checks_are_refused_by_the_first_rule_they_break() {
    check_fails(&CheckInfo::default(), "CheckInfo must specify 'type'");
    let bare = CheckInfo {
        r#type: Some(check_info::Type::Command.into()),
        ..Default::default()
    };
    check_fails(&bare, "Expecting 'command' to be set for COMMAND check");
    check_fails(
        &http_check("health"),
        "The path 'health' of HTTP check must start with '/'",
    );
    let negative = CheckInfo {
        interval_seconds: Some(-1.0),
        ..http_check("/")
    };
    check_fails(&negative, "Expecting 'interval_seconds' to be non-negative");
}

/// Mirrors: HealthCheckTest.HealthCheckProtobufValidation
#[test]
fn invalid_health_checks_are_refused_by_the_first_rule_they_break() {
    health_check_fails(&HealthCheck::default(), "HealthCheck must specify 'type'");
    let scheme = HttpCheckInfo {
        scheme: Some("ftp".into()),
        ..Default::default()
    };
    health_check_fails(
        &http_health_check(scheme),
        "Unsupported HTTP health check scheme: 'ftp'",
    );
    let no_executable = CommandInfo {
        shell: Some(false),
        ..Default::default()
    };
    let check = HealthCheck {
        command: Some(no_executable.into()),
        ..Default::default()
    };
    health_check_fails(
        &check,
        "Command health check must contain 'executable path'",
    );
    let grace = HealthCheck {
        grace_period_seconds: Some(-1.0),
        command: Some(shell("true").into()),
        ..Default::default()
    };
    health_check_fails(
        &grace,
        "Expecting 'grace_period_seconds' to be non-negative",
    );
}

#[test]
fn unset_times_have_the_documented_defaults() {
    let plan = Plan::of_check(&http_check("/health")).unwrap();

    assert_eq!(
        plan.probe,
        Probe::Http {
            url: "http://127.0.0.1:8080/health".into()
        }
    );
    assert_eq!(plan.rhythm.delay, Duration::from_secs(15));
    assert_eq!(plan.rhythm.interval, Duration::from_secs(10));
    assert_eq!(plan.rhythm.timeout, Some(Duration::from_secs(20)));
}

#[test]
fn timeout_zero_means_no_limit() {
    let check = CheckInfo {
        timeout_seconds: Some(0.0),
        ..http_check("/")
    };

    assert_eq!(Plan::of_check(&check).unwrap().rhythm.timeout, None);
}

/// Mirrors: HealthCheckTest.HealthyTaskViaHTTPWithoutType
#[test]
fn health_check_without_a_type_takes_the_type_of_its_part() {
    let part = HttpCheckInfo {
        port: Some(80),
        ..Default::default()
    };
    let check = HealthCheck {
        http: Some(part.into()),
        ..Default::default()
    };

    let plan = Plan::of_health_check(&check).unwrap();

    assert_eq!(
        plan.probe,
        Probe::Http {
            url: "http://127.0.0.1:80".into()
        }
    );
}

#[test]
fn health_is_exit_zero_or_a_status_below_400_or_a_connection() {
    assert!(Probed::Exit(0).healthy() && !Probed::Exit(1).healthy());
    assert!(Probed::Status(200).healthy() && Probed::Status(399).healthy());
    assert!(!Probed::Status(199).healthy() && !Probed::Status(400).healthy());
    assert!(Probed::Connected(true).healthy() && !Probed::Connected(false).healthy());
}

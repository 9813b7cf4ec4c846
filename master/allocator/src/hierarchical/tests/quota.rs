//! Guarantees, limits and headroom.

use super::*;

/// Mirrors: HierarchicalAllocatorTest.QuotaProvidesGuarantee
#[test]
fn a_guarantee_is_served_first_and_kept_while_it_is_refused() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:1;mem:512");
    cluster.add("f1", &["quota-role"]);
    cluster.set_both("quota-role", "cpus:2;mem:1024");
    cluster.add("f2", &["no-quota-role"]);
    cluster.add_agent("a1", "cpus:1;mem:512");
    cluster.assert_offered(&[("f1", "quota-role", "a1", &whole)]);
    cluster.add_agent("a2", "cpus:1;mem:512");
    cluster.assert_offered(&[("f1", "quota-role", "a2", &whole)]);

    cluster.decline("f1", "a2", &allocated(&whole, "quota-role"), 2.0);
    cluster.tick();
    cluster.assert_none();
    cluster.advance(INTERVAL * 2);

    cluster.assert_offered(&[("f1", "quota-role", "a2", &whole)]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaProvidesLimit
#[test]
fn a_limit_is_never_exceeded() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["*"]);
    cluster.set_quota("*", "", "cpus:0;mem:0;disk:0");
    cluster.add_agent("a1", "cpus:2;mem:1024;disk:1024");
    cluster.assert_none();
    cluster.add("f2", &["no-quota-role"]);
    cluster.assert_offers(&[("f2", "no-quota-role", "a1", "cpus:2;mem:1024;disk:1024")]);

    cluster.set_quota("*", "", "cpus:1;mem:512;disk:512");
    cluster.add_agent("a2", "cpus:2;mem:1024;disk:1024");

    cluster.assert_offers(&[
        ("f1", "*", "a2", "cpus:1;mem:512;disk:512"),
        ("f2", "no-quota-role", "a2", "cpus:1;mem:512;disk:512"),
    ]);
}

/// Mirrors: HierarchicalAllocatorTest.RemoveQuota
#[test]
fn without_its_quota_a_role_is_like_any_other() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:1;mem:512");
    let held = allocated(&whole, "quota-role");
    cluster.set_both("quota-role", "cpus:2;mem:1024");
    cluster.add("f1", &["quota-role"]);
    cluster.add("f2", &["no-quota-role"]);
    cluster.add_agent_with("a1", &whole, &[("f1", &held)]);
    cluster.add_agent_with("a2", &whole, &[("f1", &held)]);
    cluster.assert_none();

    cluster.set_quota("quota-role", "", "");
    cluster.recover("f1", "a1", &held);
    cluster.tick();

    cluster.assert_offered(&[("f2", "no-quota-role", "a1", &whole)]);
    assert!(cluster.state.quota("quota-role").is_default());
}

/// Mirrors: HierarchicalAllocatorTest.MultipleFrameworksInRoleWithQuota
#[test]
fn frameworks_of_one_role_share_its_quota() {
    let mut cluster = Cluster::new();
    let small = parse("cpus:1;mem:512");
    cluster.add("f1a", &["quota-role"]);
    cluster.set_both("quota-role", "cpus:4;mem:2048");
    cluster.add("f2", &["no-quota-role"]);
    cluster.add_agent("a1", "cpus:1;mem:512");
    cluster.assert_offered(&[("f1a", "quota-role", "a1", &small)]);

    cluster.add("f1b", &["quota-role"]);
    cluster.add_agent("a2", "cpus:2;mem:1024");
    cluster.assert_offers(&[("f1b", "quota-role", "a2", "cpus:2;mem:1024")]);
    cluster.add_agent("a3", "cpus:1;mem:512");
    cluster.assert_offered(&[("f1a", "quota-role", "a3", &small)]);

    cluster.decline("f1a", "a3", &allocated(&small, "quota-role"), 5.0);
    cluster.tick();
    cluster.assert_offered(&[("f1b", "quota-role", "a3", &small)]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaAllocationGranularity
#[test]
fn agents_are_cut_to_the_quota() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["quota-role"]);
    cluster.set_both("quota-role", "cpus:0.5;mem:200");
    cluster.add_agent("a1", "cpus:1;mem:512");
    cluster.assert_offers(&[("f1", "quota-role", "a1", "cpus:0.5;mem:200")]);

    cluster.add("f2", &["no-quota-role"]);

    cluster.assert_offers(&[("f2", "no-quota-role", "a1", "cpus:0.5;mem:312")]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaAllocationGranularityUnchoppableResource
#[test]
fn exclusive_disks_are_given_whole_or_not_at_all() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:2;mem:2048;disk:150");
    let total = parse("cpus:0.5;mem:512") + &mount_disk("100");
    cluster.add_agent_with("a1", &total, &[]);
    cluster.add("f1", &["quota-role"]);
    cluster.assert_offered(&[("f1", "quota-role", "a1", &total)]);

    cluster.add_agent_with("a2", &total, &[]);
    cluster.assert_offers(&[("f1", "quota-role", "a2", "cpus:0.5;mem:512")]);

    cluster.add_agent("a3", "cpus:2;mem:2048;disk:150");
    cluster.assert_offers(&[("f1", "quota-role", "a3", "cpus:1;mem:1024;disk:50")]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaAllocationMultipleDisk
#[test]
fn several_disks_fill_one_quota() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:1;mem:512;disk:100");
    let total = parse("cpus:1;mem:512;disk:50") + &mount_disk("50");
    cluster.add_agent_with("a1", &total, &[]);

    cluster.add("f1", &["quota-role"]);

    cluster.assert_offered(&[("f1", "quota-role", "a1", &total)]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaRoleAllocateNonQuotaResource
#[test]
fn resources_without_quota_come_along() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role-1", "cpus:2");
    let agent = "cpus:1;mem:1024;ports:[31000-32000]";
    cluster.add_agent("a1", agent);
    cluster.add("f1", &["quota-role-1"]);
    cluster.assert_offers(&[("f1", "quota-role-1", "a1", agent)]);

    cluster.set_both("quota-role-2", "mem:1024");
    cluster.add_agent("a2", agent);
    cluster.assert_offers(&[("f1", "quota-role-1", "a2", "cpus:1;ports:[31000-32000]")]);

    cluster.add_agent("a3", agent);
    cluster.assert_offers(&[("f1", "quota-role-1", "a3", "mem:1024;ports:[31000-32000]")]);
}

/// Mirrors: HierarchicalAllocatorTest.DRFWithQuota
#[test]
fn what_quota_leaves_is_shared_fairly() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:0.25;mem:128");
    cluster.add("f1", &["quota-role"]);
    cluster.add("f2", &["no-quota-role"]);
    let held = allocated(&parse("cpus:0.25;mem:128"), "quota-role");
    cluster.add_agent_with("a1", &parse("cpus:1;mem:512"), &[("f1", &held)]);
    cluster.assert_offers(&[("f2", "no-quota-role", "a1", "cpus:0.75;mem:384")]);

    cluster.add_agent("a2", "cpus:1;mem:512");

    cluster.assert_offers(&[("f2", "no-quota-role", "a2", "cpus:1;mem:512")]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaAgainstStarvation
#[test]
fn quota_protects_a_role_that_refuses_less_often() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:1;mem:512");
    cluster.add("f1", &["quota-role"]);
    cluster.add("f2", &["no-quota-role"]);
    cluster.add_agent_with("a1", &whole, &[("f1", &allocated(&whole, "quota-role"))]);
    cluster.add_agent("a2", "cpus:1;mem:512");
    cluster.assert_offered(&[("f2", "no-quota-role", "a2", &whole)]);
    cluster.decline("f2", "a2", &allocated(&whole, "no-quota-role"), 0.0);
    cluster.tick();
    cluster.assert_offered(&[("f2", "no-quota-role", "a2", &whole)]);
    cluster.decline("f2", "a2", &allocated(&whole, "no-quota-role"), 0.0);

    cluster.set_both("quota-role", "cpus:2;mem:1024");
    cluster.tick();

    cluster.assert_offered(&[("f1", "quota-role", "a2", &whole)]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaAbsentFrameworkWholeAgent
#[test]
fn headroom_is_kept_for_a_role_without_frameworks() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:2;mem:1024");
    cluster.add("f1", &["no-quota-role"]);
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.assert_none();

    cluster.add_agent("a2", "cpus:2;mem:1024");

    let offers = cluster.take();
    assert_eq!(
        offers.iter().map(|offer| &offer.3).sum::<Resources>(),
        parse("cpus:2;mem:1024")
    );
    cluster.tick();
    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTest.MultiQuotaAbsentFrameworks
#[test]
fn guarantees_are_served_without_regard_to_headroom() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:2048");
    cluster.set_both("quota-role-1", "cpus:1;mem:1024");
    cluster.set_both("quota-role-2", "cpus:2;mem:2048");

    cluster.add("f1", &["quota-role-2"]);

    cluster.assert_offers(&[("f1", "quota-role-2", "a1", "cpus:2;mem:2048")]);
}

/// Mirrors: HierarchicalAllocatorTest.MultiQuotaWithFrameworks
#[test]
fn only_what_a_guarantee_lacks_is_given() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role-1", "cpus:1;mem:200");
    cluster.set_both("quota-role-2", "cpus:2;mem:2000");
    cluster.add("f1", &["quota-role-1"]);
    cluster.add("f2", &["quota-role-2"]);
    let whole = parse("cpus:1;mem:1024");
    cluster.add_agent_with("a1", &whole, &[("f1", &allocated(&whole, "quota-role-1"))]);
    cluster.add_agent_with("a2", &whole, &[("f2", &allocated(&whole, "quota-role-2"))]);
    cluster.assert_none();

    cluster.add_agent("a3", "cpus:2;mem:2048");

    cluster.assert_offers(&[("f2", "quota-role-2", "a3", "cpus:1;mem:976")]);
}

/// Mirrors: HierarchicalAllocatorTest.DisproportionateQuotaVsAllocation
#[test]
fn a_quota_may_be_met_for_one_resource_and_not_for_another() {
    let mut cluster = Cluster::new();
    cluster.set_both("quota-role", "cpus:4;mem:1024");
    cluster.add("f1", &["quota-role"]);
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.assert_offers(&[("f1", "quota-role", "a1", "cpus:2;mem:1024")]);

    cluster.add_agent("a2", "cpus:2;mem:1024");

    cluster.assert_offers(&[("f1", "quota-role", "a2", "cpus:2")]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaWithNestedRoleAllocation
#[test]
fn what_sub_roles_hold_counts_against_their_parent() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["a/b"]);
    cluster.add_agent("a1", "cpus:1;mem:1024");
    cluster.assert_offers(&[("f1", "a/b", "a1", "cpus:1;mem:1024")]);
    cluster.set_both("a", "cpus:1;mem:1024");
    cluster.add("f2", &["a"]);

    cluster.add_agent("a2", "cpus:1;mem:1024");

    cluster.assert_offers(&[("f1", "a/b", "a2", "cpus:1;mem:1024")]);
}

/// Mirrors: HierarchicalAllocatorTest.QuotaHeadroomWithNestedRoleAllocation
#[test]
fn headroom_counts_sub_roles_once() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["a/b"]);
    cluster.add_agent("a1", "cpus:1;mem:100");
    cluster.assert_offers(&[("f1", "a/b", "a1", "cpus:1;mem:100")]);
    cluster.add("f2", &["a"]);
    cluster.add_agent("a2", "cpus:1;mem:100");
    cluster.assert_offers(&[("f2", "a", "a2", "cpus:1;mem:100")]);

    cluster.set_both("quota-role", "cpus:1;mem:100");
    cluster.add_agent("a3", "cpus:1;mem:100");
    cluster.assert_none();
    cluster.add_agent("a4", "cpus:1;mem:100");
    assert_eq!(cluster.take().len(), 1);
}

#[test]
fn stages_one_and_two_make_one_offer_for_an_agent() {
    let mut cluster = Cluster::new();
    cluster.set_quota("role", "cpus:1", "");
    cluster.add("f1", &["role"]);

    cluster.add_agent("a1", "cpus:4;mem:1024;ports:[1-9]");

    cluster.assert_offers(&[("f1", "role", "a1", "cpus:4;mem:1024;ports:[1-9]")]);
    assert_eq!(cluster.runs, 2);
}

//! Rules on roles of quota, weights and views.

use super::Rules;
use crate::authorization::Action;

/// Mirrors: AuthorizationTest.UpdateQuota
#[test]
fn rules_decide_update_quota() {
    let rules = Rules::of(
        "update_quotas principals=foo roles=ANY \n\
         update_quotas principals=bar roles=dev \n\
         update_quotas principals=ANY roles=test \n\
         update_quotas principals=elizabeth-ii roles=king/%,king \n\
         update_quotas principals=charles roles=king/% \n\
         update_quotas principals=j-welby roles=king \n\
         update_quotas principals=ANY roles=NONE",
    );

    rules.allow(Action::UpdateQuota, Some("foo"), &[("quota role", "prod")]);
    rules.allow(Action::UpdateQuota, Some("bar"), &[("quota role", "dev")]);
    rules.refuse(Action::UpdateQuota, Some("bar"), &[("quota role", "prod")]);
    rules.allow(Action::UpdateQuota, None, &[("quota role", "test")]);
    rules.refuse(Action::UpdateQuota, Some("jeff"), &[("quota role", "prod")]);
    rules.allow(
        Action::UpdateQuota,
        Some("elizabeth-ii"),
        &[("quota role", "king")],
    );
    rules.allow(
        Action::UpdateQuota,
        Some("elizabeth-ii"),
        &[("quota role", "king/prince")],
    );
    rules.allow(
        Action::UpdateQuota,
        Some("elizabeth-ii"),
        &[("quota role", "king/prince/duke")],
    );
    rules.refuse(
        Action::UpdateQuota,
        Some("charles"),
        &[("quota role", "king")],
    );
    rules.allow(
        Action::UpdateQuota,
        Some("charles"),
        &[("quota role", "king/prince")],
    );
    rules.allow(
        Action::UpdateQuota,
        Some("charles"),
        &[("quota role", "king/prince/duke")],
    );
    rules.allow(
        Action::UpdateQuota,
        Some("j-welby"),
        &[("quota role", "king")],
    );
    rules.refuse(
        Action::UpdateQuota,
        Some("j-welby"),
        &[("quota role", "king/prince")],
    );
    rules.refuse(
        Action::UpdateQuota,
        Some("j-welby"),
        &[("quota role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.UpdateQuotaConfig
#[test]
fn rules_decide_update_quota_config() {
    let rules = Rules::of(
        "update_quotas principals=foo roles=ANY \n\
         update_quotas principals=bar roles=dev \n\
         update_quotas principals=ANY roles=test \n\
         update_quotas principals=elizabeth-ii roles=king/%,king \n\
         update_quotas principals=charles roles=king/% \n\
         update_quotas principals=j-welby roles=king \n\
         update_quotas principals=ANY roles=NONE",
    );

    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("foo"),
        &[("value", "prod")],
    );
    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("bar"),
        &[("value", "dev")],
    );
    rules.refuse(
        Action::UpdateQuotaWithConfig,
        Some("bar"),
        &[("value", "prod")],
    );
    rules.allow(Action::UpdateQuotaWithConfig, None, &[("value", "test")]);
    rules.refuse(
        Action::UpdateQuotaWithConfig,
        Some("jeff"),
        &[("value", "prod")],
    );
    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("elizabeth-ii"),
        &[("value", "king")],
    );
    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("elizabeth-ii"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("elizabeth-ii"),
        &[("value", "king/prince/duke")],
    );
    rules.refuse(
        Action::UpdateQuotaWithConfig,
        Some("charles"),
        &[("value", "king")],
    );
    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("charles"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("charles"),
        &[("value", "king/prince/duke")],
    );
    rules.allow(
        Action::UpdateQuotaWithConfig,
        Some("j-welby"),
        &[("value", "king")],
    );
    rules.refuse(
        Action::UpdateQuotaWithConfig,
        Some("j-welby"),
        &[("value", "king/prince")],
    );
    rules.refuse(
        Action::UpdateQuotaWithConfig,
        Some("j-welby"),
        &[("value", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.ViewRole
#[test]
fn rules_decide_view_role() {
    let rules = Rules::of(
        "view_roles principals=foo roles=ANY \n\
         view_roles principals=bar roles=bar \n\
         view_roles principals=elizabeth-ii roles=king/%,king \n\
         view_roles principals=charles roles=king/% \n\
         view_roles principals=j-welby roles=king \n\
         view_roles principals=ANY roles=NONE",
    );

    rules.allow(Action::ViewRole, Some("foo"), &[]);
    rules.refuse(Action::ViewRole, Some("bar"), &[("value", "foo")]);
    rules.allow(Action::ViewRole, Some("bar"), &[("value", "bar")]);
    rules.allow(Action::ViewRole, Some("elizabeth-ii"), &[("value", "king")]);
    rules.allow(
        Action::ViewRole,
        Some("elizabeth-ii"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::ViewRole,
        Some("elizabeth-ii"),
        &[("value", "king/prince/duke")],
    );
    rules.refuse(Action::ViewRole, Some("charles"), &[("value", "king")]);
    rules.allow(
        Action::ViewRole,
        Some("charles"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::ViewRole,
        Some("charles"),
        &[("value", "king/prince/duke")],
    );
    rules.allow(Action::ViewRole, Some("j-welby"), &[("value", "king")]);
    rules.refuse(
        Action::ViewRole,
        Some("j-welby"),
        &[("value", "king/prince")],
    );
    rules.refuse(
        Action::ViewRole,
        Some("j-welby"),
        &[("value", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.UpdateWeight
#[test]
fn rules_decide_update_weight() {
    let rules = Rules::of(
        "update_weights principals=foo roles=ANY \n\
         update_weights principals=bar roles=bar \n\
         update_weights principals=elizabeth-ii roles=king/%,king \n\
         update_weights principals=charles roles=king/% \n\
         update_weights principals=j-welby roles=king \n\
         update_weights principals=ANY roles=NONE",
    );

    rules.allow(Action::UpdateWeight, Some("foo"), &[]);
    rules.refuse(Action::UpdateWeight, Some("bar"), &[("value", "foo")]);
    rules.allow(Action::UpdateWeight, Some("bar"), &[("value", "bar")]);
    rules.allow(
        Action::UpdateWeight,
        Some("elizabeth-ii"),
        &[("value", "king")],
    );
    rules.allow(
        Action::UpdateWeight,
        Some("elizabeth-ii"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::UpdateWeight,
        Some("elizabeth-ii"),
        &[("value", "king/prince/duke")],
    );
    rules.refuse(Action::UpdateWeight, Some("charles"), &[("value", "king")]);
    rules.allow(
        Action::UpdateWeight,
        Some("charles"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::UpdateWeight,
        Some("charles"),
        &[("value", "king/prince/duke")],
    );
    rules.allow(Action::UpdateWeight, Some("j-welby"), &[("value", "king")]);
    rules.refuse(
        Action::UpdateWeight,
        Some("j-welby"),
        &[("value", "king/prince")],
    );
    rules.refuse(
        Action::UpdateWeight,
        Some("j-welby"),
        &[("value", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.GetQuota
#[test]
fn rules_decide_get_quota() {
    let rules = Rules::of(
        "get_quotas principals=foo roles=ANY \n\
         get_quotas principals=bar roles=bar \n\
         get_quotas principals=elizabeth-ii roles=king/%,king \n\
         get_quotas principals=charles roles=king/% \n\
         get_quotas principals=j-welby roles=king \n\
         get_quotas principals=ANY roles=NONE",
    );

    rules.allow(Action::GetQuota, Some("foo"), &[]);
    rules.refuse(Action::GetQuota, Some("bar"), &[("value", "foo")]);
    rules.allow(Action::GetQuota, Some("bar"), &[("value", "bar")]);
    rules.allow(Action::GetQuota, Some("elizabeth-ii"), &[("value", "king")]);
    rules.allow(
        Action::GetQuota,
        Some("elizabeth-ii"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::GetQuota,
        Some("elizabeth-ii"),
        &[("value", "king/prince/duke")],
    );
    rules.refuse(Action::GetQuota, Some("charles"), &[("value", "king")]);
    rules.allow(
        Action::GetQuota,
        Some("charles"),
        &[("value", "king/prince")],
    );
    rules.allow(
        Action::GetQuota,
        Some("charles"),
        &[("value", "king/prince/duke")],
    );
    rules.allow(Action::GetQuota, Some("j-welby"), &[("value", "king")]);
    rules.refuse(
        Action::GetQuota,
        Some("j-welby"),
        &[("value", "king/prince")],
    );
    rules.refuse(
        Action::GetQuota,
        Some("j-welby"),
        &[("value", "king/prince/duke")],
    );
}

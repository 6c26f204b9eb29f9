use super::*;
use crate::admin::tests::samples;
use std::fmt::Write as _;

fn lines(changes: &[Change]) -> String {
    let mut out = String::new();
    for change in changes {
        writeln!(out, "{} {}.{}", change.kind.as_str(), change.section, change.name).unwrap();
        for f in &change.fields {
            writeln!(out, "    {}: {:?} -> {:?}", f.name, f.before, f.after).unwrap();
        }
    }
    out
}

#[test]
fn a_new_platform_is_all_added() {
    let platform = samples::platform();
    let changes = changes(None, &platform);
    assert!(changes.iter().all(|c| c.kind == ChangeKind::Added));
    assert!(changes.iter().any(|c| c.section == "hosts" && c.name == "paper"));
    assert_eq!(
        summary("sun", 0, &changes, false),
        format!("the platform `sun` is new: {} added", changes.len())
    );
}

#[test]
fn a_change_is_said_field_by_field() {
    let before = samples::platform();
    let mut after = before.clone();
    after.plans[0].requests_per_minute = 400;
    after.hosts[0].listen = "127.0.0.1:9000".into();
    after.environments.remove(1);
    after.contact = "help@sun.example".into();
    insta::assert_snapshot!(lines(&changes(Some(&before), &after)), @r#"
    changed platform.sun
        contact: Some("ops@sun.example") -> Some("help@sun.example")
    changed hosts.paper
        listen: Some("127.0.0.1:8001") -> Some("127.0.0.1:9000")
    changed plans.basic
        requests_per_minute: Some("200") -> Some("400")
    removed environments.live
        key_prefix: Some("AK") -> None
        resettable: Some("no") -> None
        needs_approval: Some("yes") -> None
    "#);
    assert_eq!(changes(Some(&before), &before), []);
    assert_eq!(
        summary("sun", 3, &changes(Some(&before), &after), false),
        "the platform `sun` changes from revision 3: 3 changed, 1 removed"
    );
}

#[test]
fn what_goes_is_said_to_those_who_stay() {
    let before = samples::platform();
    let mut after = before.clone();
    after.environments.remove(1);
    let standing =
        Standing { accounts: vec![samples::account("live"), samples::account("paper")], clients: vec![] };
    assert_eq!(
        notes(&changes(Some(&before), &after), &standing),
        ["environments.live is still named by 1 account: no host serves it, and no keys can be made there"]
    );
}

use super::*;
use crate::cause::Class;
use crate::disclosure::Tier;

fn placeholders(template: &str) -> Vec<&str> {
    template.split('{').skip(1).filter_map(|s| s.split('}').next()).collect()
}

#[test]
fn entries_stand_under_their_own_cause() {
    for (i, entry) in ENTRIES.iter().enumerate() {
        assert_eq!(entry.cause as usize, i);
        assert_eq!(Cause::from_id(entry.id), Some(entry.cause));
        assert_eq!(Cause::from_code(entry.cause.code()), Some(entry.cause));
        assert!(!entry.title.is_empty() && !entry.about.is_empty(), "{}", entry.id);
    }
}

/// A point or remedy may stand in a body, so it may speak of public and holder facts only.
#[test]
fn r06_templates_speak_of_declared_facts_that_a_body_may_show() {
    for entry in ENTRIES {
        for name in placeholders(entry.point).into_iter().chain(placeholders(entry.remedy)) {
            let fact = entry.facts.iter().find(|f| f.as_str() == name);
            let fact = fact.unwrap_or_else(|| panic!("{}: {{{name}}} is not among its facts", entry.id));
            assert!(fact.tier() <= Tier::Holder, "{}: {{{name}}} is an owner's fact", entry.id);
        }
    }
}

#[test]
fn every_class_has_a_cause() {
    for class in Class::ALL {
        if class == Class::PlanLacks {
            continue; // plans with products come with data plans; the class keeps its place in every table
        }
        assert!(ENTRIES.iter().any(|e| e.class == class), "{class:?}");
    }
}

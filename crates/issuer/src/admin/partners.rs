//! Partners: defined by the platform file, given keys here.

use super::answer::Answer;
use super::call::On;
use super::keys;
use super::problem::Problem;
use super::view;
use mandate_core::platform::Partner;

pub(super) fn list(on: &On<'_>) -> Answer {
    Answer::items(on.platform().partners.iter().map(view::partner).collect())
}

/// A partner by its id in the file.
pub(super) fn find<'o>(on: &'o On<'_>, id: &str) -> Result<&'o Partner, Problem> {
    let partners = &on.platform().partners;
    partners.iter().find(|p| p.id.as_str() == id).ok_or_else(|| {
        let problem = on.none("partner", id).field("partner");
        let known = || partners.iter().map(|p| p.id.as_str());
        match mandate_wire::platform_file::nearest(id, known()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None if partners.is_empty() => problem.hint("the platform file defines no partner"),
            None => problem.hint(format!("there is {}", mandate_wire::platform_file::choice(known()))),
        }
    })
}

pub(super) async fn create_key(on: &On<'_>) -> Result<Answer, Problem> {
    let partner = find(on, on.call.param("partner")?)?.id.clone();
    keys::for_partner(on, &partner, on.body().text("label").unwrap_or("")).await
}

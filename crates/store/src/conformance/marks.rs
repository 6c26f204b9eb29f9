//! Marks of single use (SECURITY R16).

use super::Fixture;
use super::samples::{Scene, at};
use crate::{Mark, MarkKind};
use tokio::task::JoinSet;

pub(super) async fn r16_used_once(f: &Fixture) {
    let scene = Scene::new(f);
    let mark = Scene::sample_mark(MarkKind::Proof, "a");
    assert_eq!(scene.mark(std::slice::from_ref(&mark)).await, None);
    assert_eq!(scene.mark(std::slice::from_ref(&mark)).await, Some(MarkKind::Proof));
    for other in [
        Mark { kind: MarkKind::Assertion, ..mark.clone() },
        Mark { owner: "app2".into(), ..mark.clone() },
        Scene::sample_mark(MarkKind::Proof, "b"),
    ] {
        assert_eq!(scene.mark(&[other]).await, None, "another kind, owner or thing");
    }
    let elsewhere = Scene::on(f, "moon");
    assert_eq!(elsewhere.mark(&[mark]).await, None, "another platform");
    assert_eq!(scene.mark(&[]).await, None);
}

pub(super) async fn r16_all_or_none(f: &Fixture) {
    let scene = Scene::new(f);
    let [a, b, c] = ["a", "b", "c"].map(|text| Scene::sample_mark(MarkKind::Proof, text));
    let b = Mark { kind: MarkKind::RequestObject, ..b };
    assert_eq!(scene.mark(std::slice::from_ref(&b)).await, None);
    assert_eq!(scene.mark(&[a.clone(), b, c.clone()]).await, Some(MarkKind::RequestObject));
    assert_eq!(scene.mark(&[a.clone(), a.clone()]).await, Some(MarkKind::Proof), "twice in one act");
    assert_eq!(scene.mark(&[c, a]).await, None, "neither was made");
}

pub(super) async fn one_of_64_makes_it(f: &Fixture) {
    let scene = Scene::new(f);
    let [a, b] = ["a", "b"].map(|text| Scene::sample_mark(MarkKind::Assertion, text));
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let (store, platform) = (f.store.clone(), scene.platform.clone());
        let marks = if i % 2 == 0 { [a.clone(), b.clone()] } else { [b.clone(), a.clone()] };
        tasks.spawn(async move { store.mark(&platform, &marks, at(30)).await.expect("mark") });
    }
    let made = tasks.join_all().await.into_iter().filter(Option::is_none).count();
    assert_eq!(made, 1);
}

//! Hosts: addresses that do not collide, pages and APIs that do not share an origin.

use super::address;
use super::document::Document;
use super::names::{check_name, word};
use super::nearest::nearest;
use super::problem::Spot;
use super::read::{Given, Named};
use super::section::{Section, Text};
use mandate_core::platform::{Dialect, Host, Upstreams};
use std::net::SocketAddr;

/// What the hosts read so far have taken.
#[derive(Default)]
struct Taken {
    listening: Vec<(SocketAddr, Spot)>,
    authorities: Vec<(String, Spot)>,
}

pub(super) fn read<'d>(doc: &'d Document, tables: &Named<'d>, given: &Given<'d>) -> Vec<Host> {
    let mut taken = Taken::default();
    tables.iter().map(|(name, table)| host(doc, name, table, given, &mut taken)).collect()
}

fn host<'d>(
    doc: &Document,
    name: &Text<'d>,
    table: &Section<'d>,
    given: &Given<'d>,
    taken: &mut Taken,
) -> Host {
    check_name(doc, name);
    let surface = table.text("surface").and_then(|t| word(doc, &t, "surface", &given.surfaces()));
    let upstream = table.text("upstream");
    match (surface.map(|s| s.data().upstream), &upstream) {
        (Some(Upstreams::Never), Some(upstream)) => {
            let key = Spot { key: upstream.spot.key.clone(), ..table.key_spot("upstream") };
            doc.report(&key, "a host with pages has no API behind it: they must not share an origin", None);
        }
        (Some(Upstreams::Always), None) if !table.has("upstream") => {
            doc.report(
                &table.spot,
                "`upstream` is missing: the API behind this host",
                Some("upstream".into()),
            );
        }
        _ => {}
    }
    listen(doc, table, taken);
    authorities(doc, table, taken);
    Host {
        name: name.text.into(),
        listen: table.words("listen").into(),
        url: table.words("url").into(),
        aliases: table.texts("aliases").iter().map(|t| t.text.into()).collect(),
        environments: given
            .environments
            .resolve_all(&table.texts("environments"))
            .into_iter()
            .map(Into::into)
            .collect(),
        surface: surface.unwrap_or(given.stand_in().data().usual),
        upstream: upstream.and_then(|u| given.upstreams.resolve(&u)).map(Into::into),
    }
}

fn listen(doc: &Document, table: &Section<'_>, taken: &mut Taken) {
    let Some(text) = table.text("listen") else { return };
    match address::listen(text.text) {
        Err((message, hint)) => doc.report(&text.spot, message, hint),
        Ok(address) => {
            if let Some((_, first)) =
                taken.listening.iter().find(|(other, _)| address::overlap(*other, address))
            {
                doc.report_twice(&text.spot, "another host listens here, the one", first);
            }
            taken.listening.push((address, text.spot));
        }
    }
}

fn authorities(doc: &Document, table: &Section<'_>, taken: &mut Taken) {
    let url = table.text("url");
    let mut own = Vec::new();
    let mut scheme = "http".to_owned();
    if let Some(text) = url {
        match address::origin(text.text) {
            Err((message, hint)) => doc.report(&text.spot, message, hint),
            Ok(url) => {
                url.scheme().clone_into(&mut scheme);
                own.push((address::authority(&url), text.spot));
            }
        }
    }
    for text in table.texts("aliases") {
        match address::alias(text.text, &scheme) {
            Err((message, hint)) => doc.report(&text.spot, message, hint),
            Ok(authority) => own.push((authority, text.spot)),
        }
    }
    for (authority, spot) in &own {
        if let Some((_, first)) = taken.authorities.iter().find(|(other, _)| other == authority) {
            doc.report_twice(spot, &format!("another host answers to `{authority}`, the one"), first);
        }
    }
    taken.authorities.append(&mut own);
}

/// The issuer is the origin of the pages.
pub(super) fn check_issuer(
    doc: &Document,
    issuer: &Text<'_>,
    tables: &Named<'_>,
    hosts: &[Host],
    dialect: Dialect,
) {
    let explaining = dialect.data().surfaces.iter().find(|s| s.explains());
    let surface = explaining.map_or("", |s| s.as_str());
    // hosts with problems of their own are not held against the issuer
    let sound = tables.iter().all(|(_, t)| t.text("url").is_some() && t.text("surface").is_some());
    let mut pages = hosts.iter().filter(|h| h.surface.explains()).map(|h| &*h.url).peekable();
    if sound && pages.peek().is_none() {
        doc.report(&issuer.spot, "no host of this file has pages", Some(format!("surface = \"{surface}\"")));
        return;
    }
    let pages: Vec<&str> = pages.collect();
    if sound && !pages.contains(&issuer.text) {
        let near = nearest(issuer.text, pages.iter().copied()).or(pages.first().copied());
        doc.report(
            &issuer.spot,
            format!("is no `url` of a host with pages (surface `{surface}`)"),
            near.map(str::to_owned),
        );
    } else if let Err((message, hint)) = address::origin(issuer.text)
        && !sound
    {
        doc.report(&issuer.spot, message, hint);
    }
}

//! What happened, by the catalogue.

use crate::core::state::WhoCanAct;
use std::borrow::Cow;
use std::fmt;

/// A cause of refusal. Each of the catalogue is a constant: `token.expired` is [`Cause::TOKEN_EXPIRED`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cause(pub(crate) Cow<'static, str>);

/// What the catalogue knows of a cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) who_can_act: WhoCanAct,
    pub(crate) renew: bool,
}

impl Cause {
    /// A cause by its id; one that the catalogue does not know is kept as it is.
    pub fn from_id(id: &str) -> Self {
        match crate::causes::CATALOGUE.iter().find(|known| known.id == id) {
            Some(known) => Self(Cow::Borrowed(known.id)),
            None => Self(Cow::Owned(id.to_owned())),
        }
    }
    /// Its id, `token.expired` for example.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// What happened, in a few words. None: the catalogue does not know it.
    pub fn title(&self) -> Option<&'static str> {
        self.known().map(|known| known.title)
    }
    /// What to do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        self.known().map(|known| known.remedy)
    }
    /// Who can.
    pub fn who_can_act(&self) -> Option<WhoCanAct> {
        self.known().map(|known| known.who_can_act)
    }
    /// Whether a new token may help.
    pub fn renew(&self) -> Option<bool> {
        self.known().map(|known| known.renew)
    }
    pub(crate) fn known(&self) -> Option<&'static Known> {
        crate::causes::CATALOGUE.iter().find(|known| known.id == self.as_str())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

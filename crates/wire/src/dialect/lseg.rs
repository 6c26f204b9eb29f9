//! The dialect of LSEG-shaped platforms (its wire facts: docs/dialects/lseg.md).

pub mod streams;

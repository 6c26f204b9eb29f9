//! Folders and stores for tests.

use mandate_store::Feed;
use mandate_store::conformance::Fixture;
use std::path::PathBuf;

/// A folder that is removed in the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new one for the test of this name.
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mandate-store-{test}-{}", std::process::id()));
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir_all(&path).expect("folder");
        Self(path)
    }
    /// Where it is.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0
    }
    /// The URL of a store in it.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.0.join(name).display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A store with a feed of its own.
pub(crate) async fn open(url: &str) -> Fixture {
    let feed = Feed::new();
    let store = mandate_store::open(url, feed.clone()).await.expect("open");
    Fixture { store, feed }
}

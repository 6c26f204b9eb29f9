use super::*;
use crate::store::Written;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mandate-session-{}-{name}", std::process::id()));
        let _absent = fs::remove_dir_all(&path);
        Self(path)
    }
    fn store(&self) -> FileStore {
        FileStore::builder(&self.0, "main")
            .beat(Duration::from_millis(20))
            .stale(Duration::from_millis(100))
            .open()
            .unwrap()
    }
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn record(generation: u64, token: &str) -> Record {
    Record { owner: "o".to_owned(), generation, access_token: Some(token.into()), ..Record::default() }
}

fn lock(store: &FileStore, patience_ms: u64) -> Locked {
    let wait = Wait {
        patience: Duration::from_millis(patience_ms),
        given_up: &AtomicBool::new(false),
        enough: &|_| false,
    };
    store.lock(&wait).unwrap()
}

fn held(store: &FileStore) -> Box<dyn Lease> {
    match lock(store, 5_000) {
        Locked::Held(lease) => lease,
        other => panic!("not held: {other:?}"),
    }
}

/// As a process that was killed leaves it.
fn dead_lock(folder: &Folder, id: &str) {
    let text = sign::content(id, Duration::from_millis(20), Duration::from_millis(100), 7);
    assert_eq!(text.len(), 256);
    fs::write(folder.0.join("main.lock"), text).unwrap();
}

const DEAD: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn what_is_written_is_read_and_nothing_is_left_over() {
    let folder = Folder::new("written");
    let store = folder.store();
    assert!(matches!(store.read().unwrap(), Stored::Absent));
    let mut lease = held(&store);
    lease.write(&record(1, "t")).unwrap();
    drop(lease);
    assert!(matches!(store.read().unwrap(), Stored::Record(r) if r.generation == 1));
    assert_eq!(folder.names(), ["main.json"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_and_nobody_else_may_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("modes");
    let store = folder.store();
    let mut lease = held(&store);
    lease.write(&record(1, "t")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    assert_eq!(mode(&folder.0.join("main.json")), 0o600);
    assert_eq!(mode(&folder.0.join("main.lock")), 0o600);
    drop(lease);
    fs::set_permissions(folder.0.join("main.json"), fs::Permissions::from_mode(0o620)).unwrap();
    assert!(matches!(store.read(), Err(StoreError::Refused(_))));
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(FileStore::open(&folder.0, "main"), Err(StoreError::Refused(_))));
}

#[test]
fn names_that_could_leave_the_folder_are_refused() {
    let folder = Folder::new("names");
    for name in ["", ".", "..", "../x", "a/b", "A", "-a", &"a".repeat(65)] {
        assert!(FileStore::open(&folder.0, name).is_err(), "{name}");
    }
    for name in ["a", "0.b_c-d", &"a".repeat(64)] {
        assert!(FileStore::open(&folder.0, name).is_ok(), "{name}");
    }
}

#[test]
fn a_living_holder_is_waited_for() {
    let folder = Folder::new("living");
    let store = folder.store();
    let lease = held(&store);
    // Ten times as long as a dead one would be waited for.
    assert!(matches!(lock(&store, 1_000), Locked::TimedOut));
    drop(lease);
    assert!(matches!(lock(&store, 0), Locked::Held(_)));
}

#[test]
fn of_many_exactly_one_takes_a_dead_lock_over() {
    for round in 0..5 {
        let folder = Folder::new(&format!("race{round}"));
        let store = folder.store();
        dead_lock(&folder, DEAD);
        let (inside, over) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                // A store of its own each, as processes have.
                scope.spawn(|| {
                    let lease = held(&folder.store());
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the lock");
                    over.fetch_add(usize::from(lease.taken_over().is_some()), Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(lease);
                });
            }
        });
        assert_eq!(over.load(Ordering::SeqCst), 1);
        drop(store);
        assert_eq!(folder.names(), Vec::<String>::new());
    }
}

#[test]
fn what_a_dead_holder_was_writing_is_removed() {
    let folder = Folder::new("writing");
    let store = folder.store();
    dead_lock(&folder, DEAD);
    fs::write(folder.0.join(format!("main.json.{DEAD}.tmp")), "{").unwrap();
    drop(held(&store));
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn a_dead_claimer_is_passed_by() {
    let folder = Folder::new("claimer");
    let store = folder.store();
    dead_lock(&folder, DEAD);
    fs::write(folder.0.join(format!("main.lock.{DEAD}.1")), "").unwrap();
    let lease = held(&store);
    assert!(lease.taken_over().is_some());
    drop(lease);
    assert_eq!(folder.names(), [format!("main.lock.{DEAD}.1")]);
}

#[test]
fn a_lock_that_cannot_be_read_is_taken_over_in_the_end() {
    let folder = Folder::new("unreadable");
    let store = folder.store();
    fs::write(folder.0.join("main.lock"), "").unwrap();
    assert!(matches!(lock(&store, 300), Locked::TimedOut));
    assert!(held_within(&store, 8_000).taken_over().is_some());
}

fn held_within(store: &FileStore, ms: u64) -> Box<dyn Lease> {
    match lock(store, ms) {
        Locked::Held(lease) => lease,
        other => panic!("not held: {other:?}"),
    }
}

#[test]
fn a_heart_that_beats_on_does_not_touch_the_lock_of_another() {
    let folder = Folder::new("heart");
    let store = folder.store();
    let first = held(&store);
    // Somebody believes it dead and puts a lock in its place.
    let theirs = sign::content(DEAD, Duration::from_secs(1), Duration::from_mins(1), 0);
    fs::write(folder.0.join("their.tmp"), &theirs).unwrap();
    fs::rename(folder.0.join("their.tmp"), folder.0.join("main.lock")).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(fs::read(folder.0.join("main.lock")).unwrap(), theirs);
    drop(first);
    assert_eq!(fs::read(folder.0.join("main.lock")).unwrap(), theirs, "release removes its own lock alone");
}

#[test]
fn who_was_overtaken_keeps_its_hands_off() {
    let folder = Folder::new("fence");
    let store = folder.store();
    let mut slow = held(&store);
    slow.write(&record(1, "old")).unwrap();
    fs::remove_file(folder.0.join("main.lock")).unwrap();
    let mut quick = held(&store);
    // Nothing newer is there yet: what the slow one has is better than nothing.
    assert!(matches!(slow.write(&record(2, "slow")).unwrap(), Written::Done));
    quick.write(&record(3, "quick")).unwrap();
    match slow.write(&record(3, "slower")).unwrap() {
        Written::Overtaken(theirs) => assert_eq!(theirs.access_token, Some("quick".into())),
        Written::Done => panic!("it wrote over a newer one"),
    }
    drop(slow);
    assert_eq!(folder.names(), ["main.json", "main.lock"]);
}

#[test]
fn whoever_waits_for_a_token_stops_when_it_is_there() {
    let folder = Folder::new("seen");
    let store = folder.store();
    let mut lease = held(&store);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let given_up = AtomicBool::new(false);
            let enough = |r: &Record| r.access_token == Some("new".into());
            store
                .lock(&Wait { patience: Duration::from_secs(5), given_up: &given_up, enough: &enough })
                .unwrap()
        });
        std::thread::sleep(Duration::from_millis(80));
        lease.write(&record(1, "new")).unwrap();
        assert!(matches!(waiting.join().unwrap(), Locked::Seen(_)));
    });
}

#[test]
fn a_full_disk_leaves_no_temporary_file() {
    let folder = Folder::new("full");
    let store = folder.store();
    store.pretend_full(true);
    let mut lease = held(&store);
    assert!(matches!(lease.write(&record(1, "t")), Err(StoreError::Failed(_))));
    drop(lease);
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn half_a_file_is_corrupt_and_is_set_aside() {
    let folder = Folder::new("corrupt");
    let store = folder.store();
    for text in ["", "{\"version\": 1, \"own"] {
        fs::write(folder.0.join("main.json"), text).unwrap();
        assert!(matches!(store.read().unwrap(), Stored::Corrupt));
        held(&store).set_aside().unwrap();
        assert!(matches!(store.read().unwrap(), Stored::Absent));
    }
    assert_eq!(folder.names(), ["main.json.corrupt"]);
}

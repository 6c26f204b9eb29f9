//! A PostgreSQL to test against: the one that `MANDATE_TEST_POSTGRES` names, or a private cluster, started here. Each
//! test gets a database of its own.

use mandate_core::grant::{CodeRule, GrantSpec};
use mandate_core::model::{Client, ClientOwner, Code, GrantedBy, Status};
use mandate_core::refresh::{Chain, RefreshMode, RefreshRule};
use mandate_core::{Digest, Offset, OperationId, ScopeSet, Timestamp};
use mandate_store::{Audit, NewCode, Store, token_handle};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

static SHARED: OnceCell<Cluster> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A server.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// URL of a superuser, with a database to connect to.
    url: String,
    private: Option<Private>,
}

#[derive(Debug)]
struct Private {
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    /// The server that all tests share. A private one ends with the test program.
    pub(crate) async fn shared() -> &'static Self {
        SHARED
            .get_or_init(|| async {
                match std::env::var("MANDATE_TEST_POSTGRES") {
                    Ok(url) => Self { url, private: None },
                    Err(_) => Self::private(false).await,
                }
            })
            .await
    }

    /// A private server that survives being killed.
    pub(crate) async fn start() -> Self {
        Self::private(true).await
    }

    async fn private(durable: bool) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mandate-pg-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let data = folder.join("data");
        run(as_postgres(&program("initdb"))
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .current_dir(&folder));
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("port").port();
        let server = serve(&folder, port, durable);
        let cluster = Self {
            url: format!("postgresql://postgres@127.0.0.1:{port}/postgres"),
            private: Some(Private { folder, port, server }),
        };
        cluster.wait().await;
        cluster
    }

    async fn wait(&self) {
        for _ in 0..600 {
            if tokio_postgres::connect(&self.url, NoTls).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the database does not start");
    }

    /// Makes a database and gives its URL.
    pub(crate) async fn database(&self) -> String {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.expect("connect");
        tokio::spawn(connection);
        let row =
            client.query_one("SELECT 'mandate_' || replace(gen_random_uuid()::text, '-', '')", &[]).await;
        let name: String = row.expect("name").get(0);
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("create");
        let (server, options) =
            self.url.split_once('?').map_or((&*self.url, String::new()), |(s, o)| (s, format!("?{o}")));
        let (server, _) = server.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{name}{options}")
    }

    /// Kills the server and all its processes, as a power cut would.
    pub(crate) async fn kill(&mut self) {
        let private = self.private.as_mut().expect("a private server");
        let pid = private.postmaster();
        // The postmaster first, so that it starts no crash recovery; then its children.
        let children = children(&pid);
        signal("-9", &pid);
        for child in children {
            signal("-9", &child);
        }
        let _ = private.server.wait();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Stops the server's processes where they are, or lets them go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let pid = self.private.as_ref().expect("a private server").postmaster();
        let word = if frozen { "-STOP" } else { "-CONT" };
        signal(word, &pid);
        for child in children(&pid) {
            signal(word, &child);
        }
    }

    /// Starts it again after [`Self::kill`].
    pub(crate) async fn restart(&mut self) {
        for _ in 0..20 {
            let private = self.private.as_mut().expect("a private server");
            private.server = serve(&private.folder, private.port, true);
            tokio::time::sleep(Duration::from_millis(300)).await;
            if matches!(private.server.try_wait(), Ok(None)) {
                return self.wait().await;
            }
        }
        panic!("the database does not start again");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(private) = &mut self.private {
            signal("-INT", &private.postmaster());
            let _ = private.server.wait();
            let _ = std::fs::remove_dir_all(&private.folder);
        }
    }
}

impl Private {
    fn postmaster(&self) -> String {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        file.lines().next().unwrap_or_default().to_owned()
    }
}

fn children(pid: &str) -> Vec<String> {
    let output = Command::new("ps").args(["-o", "pid=", "--ppid", pid]).output().expect("ps");
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

fn signal(signal: &str, pid: &str) {
    let _ = Command::new("kill").args([signal, pid]).stderr(Stdio::null()).status();
}

fn serve(folder: &Path, port: u16, durable: bool) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).expect("log");
    let durable = if durable { "on" } else { "off" };
    // The shell ends the server and clears up when the test program is gone: its statics are not dropped.
    let script = format!(
        "{postgres} -D {folder}/data -p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=300 \
         -c fsync={durable} -c full_page_writes={durable} & server=$!
         while kill -0 $server 2>/dev/null; do
             if ! kill -0 {test} 2>/dev/null && ! test -d /proc/{test}; then
                 kill -QUIT $server; wait $server; rm -rf {folder}; exit
             fi
             sleep 0.3
         done",
        postgres = program("postgres").display(),
        folder = folder.display(),
        test = std::process::id(),
    );
    let mut command = as_postgres(Path::new("sh"));
    command.args(["-c", &script]).current_dir(folder).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("log")).stderr(log).spawn().expect("the server")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"))
}

/// The server refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// A program of the server, in the path or where distributions put it.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|e| e.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.into_iter().map(|f| f.join(name)).find(|p| p.exists()).unwrap_or_else(|| {
        panic!("`{name}` was not found: install PostgreSQL or set MANDATE_TEST_POSTGRES to a superuser's URL")
    })
}

fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A client that tokens and codes can be issued to.
pub(crate) async fn furnish(store: &Arc<dyn Store>) {
    let at = Timestamp::from_seconds(0);
    let client = Client {
        platform: "sun".into(),
        id: "app".into(),
        name: "An app".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::Operator,
        status: Status::Active,
        status_since: at,
        live_trading_approved: false,
        redirect_uris: vec![],
        scopes: ScopeSet::default(),
        licences: vec![],
        visible_to: vec![],
        settings: mandate_core::ClientSettings::default(),
        secrets: vec![],
        created_at: at,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    };
    let audit = Audit {
        operation: OperationId::new("furnish"),
        platform: None,
        actor: "system".into(),
        action: "client.create",
        subject: "client:app".into(),
        detail: String::new(),
        at,
    };
    store.create_client(&client, &audit).await.expect("client");
}

/// A code for that client.
pub(crate) fn code(text: &str, at: Timestamp) -> NewCode {
    let digest = Digest::of(text.as_bytes());
    NewCode {
        grant: GrantSpec {
            platform: "sun".into(),
            new_id: token_handle(&digest).as_str().into(),
            client: "app".into(),
            user: None,
            accounts: vec!["a1".into()],
            scopes: ScopeSet::default(),
            granted_by: GrantedBy::Owner,
        },
        code: Code {
            digest,
            client: "app".into(),
            redirect_uri: "https://app/cb".into(),
            challenge: None,
            grant: "".into(),
            scopes: ScopeSet::default(),
            partner: None,
            issued_at: at,
            expires_at: at.plus_seconds(600),
            offset: Offset(1),
            binding: None,
            context: "".into(),
            redeemed: None,
            redeemed_chain: None,
        },
        completes: None,
    }
}

/// A refresh chain of that client's, at generation 0.
pub(crate) fn chain(id: &str, at: Timestamp) -> Chain {
    Chain {
        platform: "sun".into(),
        id: id.into(),
        grant: "".into(),
        client: "app".into(),
        scopes: ScopeSet::default(),
        salt: [7; 16],
        key: 1,
        generation: 0,
        binding: None,
        context: "".into(),
        issued_at: at,
        answered_at: at,
        reanswers: 0,
        idle_ends_at: None,
        ends_at: None,
        offset: Offset(1),
        ended: None,
        repeats: mandate_core::refresh::Repeats::default(),
    }
}

/// What moves it on, once.
pub(crate) fn refresh(generation: u64) -> RefreshRule {
    RefreshRule {
        client: "app".into(),
        generation,
        mode: RefreshMode::Strict,
        binding: None,
        window_ms: 0,
        most_reanswers: 0,
        idle_ms: None,
        from: "".into(),
        key: 1,
    }
}

/// What redeems it.
pub(crate) fn rule() -> CodeRule {
    CodeRule {
        client: "app".into(),
        redirect_uri: "https://app/cb".into(),
        verifier: None,
        requires_pkce: false,
        binding: None,
        secret_of: None,
        own_secret_serves: None,
        resource: None,
    }
}

//! Connections: how they are opened, shared and given back; each keeps its prepared statements.

use super::error::Failure;
use crate::verbs::StoreError;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Row, Statement};

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Is called with the payload of each notification.
type Notified = Box<dyn Fn(&str) + Send>;

/// Connections for verbs; batch lanes and the listener have their own.
const CONNECTIONS: usize = 16;
/// A database that cannot be reached is given up after this.
const CONNECT: Duration = Duration::from_secs(2);
/// No statement of a verb takes longer on the server.
const STATEMENT_MS: u32 = 4000;
/// How long we wait for an answer before the connection counts as lost.
const ANSWER: Duration = Duration::from_secs(5);

/// Names the server process, and says whether it commits durably by default.
const WHO: &str = "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint, \
    current_setting('synchronous_commit') FROM pg_stat_activity WHERE pid = pg_backend_pid()";

/// Which server process a connection spoke to: tells whether it is still at work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backend {
    /// Process id.
    pub(super) pid: i32,
    /// Its start in microseconds: process ids come back.
    pub(super) started: i64,
}

/// One connection.
#[derive(Debug)]
struct Connection {
    client: Client,
    backend: Backend,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

/// All connections of a store.
#[derive(Debug)]
pub(super) struct Pool {
    config: Config,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    /// Reads the URL; opens nothing yet.
    pub(super) fn new(url: &str) -> Result<Arc<Self>, StoreError> {
        let mut config: Config =
            url.parse().map_err(|e| StoreError::Misuse(format!("the PostgreSQL URL: {e}")))?;
        if !matches!(config.get_ssl_mode(), SslMode::Disable | SslMode::Prefer) {
            return Err(StoreError::Misuse(
                "the PostgreSQL URL: sslmode must be `disable` or `prefer`; connections are not encrypted yet".into(),
            ));
        }
        config.ssl_mode(SslMode::Disable);
        if config.get_application_name().is_none() {
            config.application_name("mandate");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.tcp_user_timeout(ANSWER).keepalives_idle(Duration::from_secs(30));
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        // Every statement of a verb is a look-up by index. A plan that was made while a table was empty must not
        // go on scanning it after it has grown, so scans and the joins that want them are out.
        let options = format!(
            "{} -c statement_timeout={STATEMENT_MS} -c idle_in_transaction_session_timeout=10000 \
             -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off",
            config.get_options().unwrap_or_default()
        );
        config.options(options);
        Ok(Arc::new(Self { config, idle: Mutex::default(), permits: Arc::new(Semaphore::new(CONNECTIONS)) }))
    }

    /// A connection for one act: an idle one, or a new one.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, StoreError> {
        let permit = tokio::time::timeout(CONNECT, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(StoreError::Unavailable("all connections to the database are busy".into()));
        };
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(connection) if connection.client.is_closed() => {}
                Some(connection) => return Ok(Lease::new(self, connection, Some(permit))),
                None => break,
            }
        }
        Ok(Lease::new(self, self.connect(None).await?, Some(permit)))
    }

    /// A connection beside the pool's, closed when dropped.
    pub(super) async fn own(self: &Arc<Self>) -> Result<Lease, StoreError> {
        Ok(Lease::new(self, self.connect(None).await?, None))
    }

    /// As [`Self::own`], calling `notified` for each notification.
    pub(super) async fn listening(
        self: &Arc<Self>,
        notified: impl Fn(&str) + Send + 'static,
    ) -> Result<Lease, StoreError> {
        Ok(Lease::new(self, self.connect(Some(Box::new(notified))).await?, None))
    }

    async fn connect(&self, notified: Option<Notified>) -> Result<Connection, StoreError> {
        let made = tokio::time::timeout(ANSWER, self.config.connect(NoTls)).await;
        let (client, mut connection) = match made {
            Ok(Ok(made)) => made,
            Ok(Err(e)) => return Err(refused_connection(&e)),
            Err(_) => return Err(Failure::silent().into()),
        };
        tokio::spawn(std::future::poll_fn(move |cx| {
            loop {
                match connection.poll_message(cx) {
                    Poll::Ready(Some(Ok(AsyncMessage::Notification(n)))) => {
                        if let Some(notified) = &notified {
                            notified(n.payload());
                        }
                    }
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        }));
        let row = answered(client.query_one(WHO, &[])).await?;
        let read = |e: tokio_postgres::Error| StoreError::Misuse(e.to_string());
        let backend = Backend { pid: row.try_get(0).map_err(read)?, started: row.try_get(1).map_err(read)? };
        // What is answered has been committed durably, whatever the server's default (DESIGN D9).
        if row.try_get::<_, &str>(2).map_err(read)? == "off" {
            answered(client.batch_execute("SET synchronous_commit = on")).await?;
        }
        Ok(Connection { client, backend, statements: Mutex::default() })
    }
}

fn refused_connection(error: &tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        Some(db) => StoreError::Unavailable(format!("{} (SQLSTATE {})", db.message(), db.code().code())),
        None => StoreError::Unavailable(match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }),
    }
}

async fn answered<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(Failure::of(&e)),
        Err(_) => Err(Failure::silent()),
    }
}

/// A connection in use. Dropped in the middle of a transaction it is rolled back before anybody else gets it;
/// dropped after a loss it is closed.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Arc<Pool>,
    connection: Option<Connection>,
    permit: Option<OwnedSemaphorePermit>,
    broken: AtomicBool,
    open: AtomicBool,
}

impl Lease {
    fn new(pool: &Arc<Pool>, connection: Connection, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            pool: Arc::clone(pool),
            connection: Some(connection),
            permit,
            broken: AtomicBool::new(false),
            open: AtomicBool::new(false),
        }
    }

    fn connection(&self) -> Result<&Connection, Failure> {
        self.connection.as_ref().ok_or_else(|| Failure::Lost("the connection was given back".into()))
    }

    /// The server's end.
    pub(super) fn backend(&self) -> Option<Backend> {
        self.connection.as_ref().map(|c| c.backend)
    }

    /// Whether another statement can be sent.
    pub(super) fn usable(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
            && self.connection.as_ref().is_some_and(|c| !c.client.is_closed())
    }

    /// Runs a statement and reads its rows.
    pub(super) async fn rows(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let statement = self.prepared(sql).await?;
        let client = &self.connection()?.client;
        self.noting(answered(client.query(&statement, params)).await)
    }

    /// Runs a statement and reads its only row, if there is one.
    pub(super) async fn row(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, Failure> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Runs a statement and counts the rows that it touched.
    pub(super) async fn run(&self, sql: &'static str, params: Params<'_>) -> Result<u64, Failure> {
        let statement = self.prepared(sql).await?;
        let client = &self.connection()?.client;
        self.noting(answered(client.execute(&statement, params)).await)
    }

    /// Runs statements without parameters.
    pub(super) async fn simple(&self, sql: &str) -> Result<(), Failure> {
        let client = &self.connection()?.client;
        self.noting(answered(client.batch_execute(sql)).await)
    }

    /// As [`Self::simple`], without a limit of time: for migrations.
    pub(super) async fn lasting(&self, sql: &str) -> Result<(), Failure> {
        self.noting(self.connection()?.client.batch_execute(sql).await.map_err(|e| Failure::of(&e)))
    }

    /// Opens a transaction.
    pub(super) async fn begin(&self) -> Result<(), Failure> {
        self.open.store(true, Ordering::Relaxed);
        self.simple("BEGIN").await
    }

    /// Commits it. `Lost`: nobody knows.
    pub(super) async fn commit(&self) -> Result<(), Failure> {
        self.simple("COMMIT").await?;
        self.open.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn prepared(&self, sql: &'static str) -> Result<Statement, Failure> {
        let connection = self.connection()?;
        let known = connection.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let made = self.noting(answered(connection.client.prepare(sql)).await)?;
        connection.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, made.clone());
        Ok(made)
    }

    fn noting<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(result, Err(Failure::Lost(_))) {
            self.broken.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let usable = self.usable();
        let Some(connection) = self.connection.take().filter(|_| usable) else { return };
        let Some(permit) = self.permit.take() else { return };
        let give = |pool: &Pool, connection, permit: OwnedSemaphorePermit| {
            pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
        };
        if !self.open.load(Ordering::Relaxed) {
            return give(&self.pool, connection, permit);
        }
        let pool = Arc::clone(&self.pool);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if answered(connection.client.batch_execute("ROLLBACK")).await.is_ok() {
                    give(&pool, connection, permit);
                }
            });
        }
    }
}

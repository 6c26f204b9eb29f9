//! TLS: the certificate that this server shows, and those that clients show to it or to a trusted proxy in front of it
//! (RFC 9325, RFC 8705). What is read from files is read again without a restart.

mod header;
mod load;
mod verify;

pub(crate) use header::CertificateHeader;
pub(crate) use load::Files;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use load::Loaded;
use mandate_core::refusal::Refusal;
use mandate_core::{Timestamp, must};
use mandate_issuer::rfc::MutualTls;
use mandate_wire::certificate::{ClientCertificate, thumbprint};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate whose key the client has shown to hold, with what it sent of the way to an authority.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    leaf: CertificateDer<'static>,
    towards: Vec<CertificateDer<'static>>,
    thumbprint: Arc<str>,
}

impl Shown {
    fn new(leaf: CertificateDer<'static>, towards: Vec<CertificateDer<'static>>) -> Self {
        let thumbprint = thumbprint(&leaf).into();
        Self { leaf, towards, thumbprint }
    }
    /// SHA-256, base64url (RFC 8705 section 3.1).
    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

/// What a node knows of certificates.
#[derive(Debug)]
pub(crate) struct Tls {
    files: Files,
    current: ArcSwap<Loaded>,
    header: Option<CertificateHeader>,
    handshake: Duration,
    counts: Counts,
}

/// For the metrics.
#[derive(Debug, Default)]
struct Counts {
    reloads: AtomicU64,
    reload_failures: AtomicU64,
    stale: AtomicBool,
    handshake_failures: AtomicU64,
}

impl Tls {
    /// Reads what the configuration names. A handshake may take as long as `handshake`.
    ///
    /// # Errors
    /// A file cannot be read, or certificate and key do not belong together.
    pub(crate) fn load(
        files: Files,
        header: Option<CertificateHeader>,
        handshake: Duration,
    ) -> anyhow::Result<Arc<Self>> {
        let loaded = load::load(&files).context("TLS")?;
        Ok(Arc::new(Self {
            files,
            current: ArcSwap::from_pointee(loaded),
            header,
            handshake,
            counts: Counts::default(),
        }))
    }

    /// What the metadata may say about certificates.
    pub(crate) fn mutual(&self) -> MutualTls {
        let own = self.files.pair.is_some() && self.files.asks_clients;
        MutualTls {
            certificates: own || self.header.is_some(),
            authorities: self.files.authorities.is_some(),
        }
    }

    /// Whether there are files that may change.
    pub(crate) fn reads_files(&self) -> bool {
        self.files.pair.is_some() || self.files.authorities.is_some()
    }

    /// Whether listeners speak TLS.
    pub(crate) fn is_on(&self) -> bool {
        self.files.pair.is_some()
    }

    /// The handshake of a connection, and the certificate that the client showed in it. `None`: it failed or took too long.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<Arc<Shown>>)> {
        let server = self.current.load().server.clone()?;
        let accepted = tokio::time::timeout(self.handshake, TlsAcceptor::from(server).accept(stream)).await;
        let stream = match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                self.counts.handshake_failures.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%error, "TLS handshake failed");
                return None;
            }
            Err(_elapsed) => {
                self.counts.handshake_failures.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("TLS handshake took too long");
                return None;
            }
        };
        let mut sent = stream.get_ref().1.peer_certificates().unwrap_or_default().iter().cloned();
        let shown = sent.next().map(|leaf| Arc::new(Shown::new(leaf, sent.collect())));
        Some((stream, shown))
    }

    /// The certificate of a request. From a trusted proxy it is what the configured header says, never that of the proxy's
    /// own connection; from everybody else it is the connection's, and the header counts for nothing. It is taken away in
    /// any case (SECURITY R20).
    ///
    /// # Errors
    /// A trusted proxy sent a header that cannot be read.
    pub(crate) fn of_request(
        &self,
        connection: Option<&Arc<Shown>>,
        from_trusted_proxy: bool,
        headers: &mut http::HeaderMap,
    ) -> Result<Option<Arc<Shown>>, Box<Refusal>> {
        let connection = connection.filter(|_| !from_trusted_proxy).cloned();
        let Some(header) = &self.header else { return Ok(connection) };
        let counts = !must!("rfc9440-4-untrusted", !from_trusted_proxy);
        let said = if counts { header.read(headers) } else { Ok(None) };
        if must!("rfc9440-4-stripped") {
            header.strip(headers);
        }
        Ok(said?.map(|(leaf, towards)| Arc::new(Shown::new(leaf, towards))).or(connection))
    }

    /// Whether an authority vouches for a certificate, now.
    pub(crate) fn judged(&self, shown: &Shown, now: Timestamp) -> ClientCertificate {
        let authorities = &self.current.load().authorities;
        let chain_verified =
            authorities.as_ref().is_some_and(|a| a.vouch_for(&shown.leaf, &shown.towards, now));
        ClientCertificate {
            der: Arc::from(shown.leaf.as_ref()),
            thumbprint: shown.thumbprint.clone(),
            chain_verified,
        }
    }

    /// Reads the files again. What cannot be used leaves everything as it was.
    pub(crate) fn reload(&self, only_if_changed: bool) {
        let failed = |error: &anyhow::Error| {
            // the same files again: said once is enough
            if !only_if_changed || !self.counts.stale.swap(true, Ordering::Relaxed) {
                tracing::error!(error = format!("{error:#}"), "TLS files cannot be used; the old ones stay");
                self.counts.reload_failures.fetch_add(1, Ordering::Relaxed);
            }
            self.counts.stale.store(true, Ordering::Relaxed);
        };
        let read = match load::read(&self.files) {
            Ok(read) => read,
            Err(error) => return failed(&error),
        };
        if only_if_changed && read.digest() == self.current.load().digest {
            self.counts.stale.store(false, Ordering::Relaxed);
            return;
        }
        match load::understand(&self.files, &read) {
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                self.counts.stale.store(false, Ordering::Relaxed);
                self.counts.reloads.fetch_add(1, Ordering::Relaxed);
                tracing::info!("TLS files read again");
            }
            Err(error) => failed(&error),
        }
    }

    /// Reads the files again at SIGHUP and, where `every` says so, when they have changed.
    ///
    /// # Errors
    /// The signal cannot be waited for.
    pub(crate) async fn follow(self: Arc<Self>, every: Option<Duration>) -> anyhow::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup())?;
        loop {
            let due = async {
                match every {
                    Some(every) => tokio::time::sleep(every).await,
                    None => std::future::pending().await,
                }
            };
            let by_hand = tokio::select! {
                _ = hangup.recv() => true,
                () = due => false,
            };
            let this = self.clone();
            tokio::task::spawn_blocking(move || this.reload(!by_hand)).await?;
        }
    }

    /// For the metrics: name, help and value.
    pub(crate) fn metrics(&self) -> [(&'static str, &'static str, u64); 4] {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        [
            ("tls_reloads", "Times that changed TLS files were taken over", count(&counts.reloads)),
            (
                "tls_reload_failures",
                "Times that TLS files could not be used and the old ones stayed",
                count(&counts.reload_failures),
            ),
            (
                "tls_stale",
                "1 while the TLS files on disk cannot be used",
                u64::from(counts.stale.load(Ordering::Relaxed)),
            ),
            (
                "tls_handshake_failures",
                "TLS handshakes that failed or took too long",
                count(&counts.handshake_failures),
            ),
        ]
    }
}

#[cfg(test)]
mod tests;

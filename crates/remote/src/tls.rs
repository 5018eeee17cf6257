//! Whom TLS trusts: those whom the system trusts.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;

/// What connections are made with.
pub(crate) fn trusted() -> io::Result<ClientConfig> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map(|config| config.with_no_client_auth())
        .map_err(io::Error::other)
}

//! Proving who one is without sending the secret: CRAM-MD5 over messages.
//!
//! Mirrors `src/authentication/cram_md5`.
//! The wire is that of the SASL library which C++ Mesos uses, so both sides meet C++ peers.
//!
//! # Wire
//! 1. client to master: `AuthenticateMessage` with the process id that shall be authenticated.
//! 2. session to client: `AuthenticationMechanismsMessage`, `CRAM-MD5` alone.
//! 3. client to session: `AuthenticationStartMessage`, empty data.
//! 4. session to client: `AuthenticationStepMessage` with a challenge that is used once.
//! 5. client to session: `AuthenticationStepMessage` with `<principal> <hex of HMAC-MD5>`.
//! 6. session to client: completed, failed, or an error with its text.

mod authenticatee;
mod authenticator;
mod challenge;
mod window;

pub use self::{
    authenticatee::authenticate,
    authenticator::{CramMd5Authenticator, Verdict},
    window::AttemptWindow,
};

/// The only mechanism.
pub(crate) const MECHANISM: &str = "CRAM-MD5";

//! Offers: what they hold, how they are used, refused and misused.

mod content;
mod misuse;
mod recovery;
